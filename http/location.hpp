// The parts of a request target, and the absolute URL for a redirect.
#pragma once

#include <string>
#include <string_view>

#include "http/exchange.hpp"

namespace troupe::http {

/// The raw path of a request target. Of an absolute target (http://host/path) its path.
std::string_view path_of(std::string_view target);

/// The raw query of a request target, without the question mark.
std::string_view query_of(std::string_view target);

/// The absolute URL of another path (decoded) of this service, with the query of the request; without
/// the host if the request names none.
std::string location_of(const exchange& what, std::string_view decoded_path);

}  // namespace troupe::http
