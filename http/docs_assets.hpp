// The files of Swagger UI and Redoc that are built into the program.
#pragma once

#include <span>
#include <string_view>

namespace troupe::http {

/// One file; all views hold for ever.
struct docs_asset {
  /// As in its package: swagger-ui.css
  std::string_view name;
  /// Where it is served: its name with a hash of its content, so that it may be cached for ever.
  std::string_view path;
  std::string_view media_type;
  std::string_view content;
  /// The same, compressed.
  std::string_view gzipped;
};

/// All files; none if the build could not fetch them. See docs_assets.cmake.
std::span<const docs_asset> docs_assets();

}  // namespace troupe::http
