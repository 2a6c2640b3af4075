// The directory of a private server's Unix socket, closed to others and short enough for one.
#pragma once

#include <filesystem>
#include <optional>
#include <tl/expected.hpp>
#include <utility>

#include "db/child_process.hpp"
#include "db/error.hpp"

namespace troupe::db {

/// A directory for PostgreSQL's socket: the wanted one, or, where its path is of no use for a
/// socket, a temporary one that is removed with this object.
class socket_directory {
 public:
  socket_directory() = default;

  /// Creates the directory for the account (ourselves without one), with mode 0700.
  static tl::expected<socket_directory, error> make(std::filesystem::path wanted,
                                                    std::optional<account> user);

  socket_directory(socket_directory&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  socket_directory& operator=(socket_directory&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(temporary_, other.temporary_);
    return *this;
  }
  ~socket_directory();

  /// Absolute, without commas and quotes, and short enough for ".s.PGSQL.5432" in it.
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  bool temporary_ = false;
};

}  // namespace troupe::db
