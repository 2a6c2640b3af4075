// The one place that turns an error value into a status, a body and headers.
#pragma once

#include "db/error.hpp"
#include "http/exchange.hpp"
#include "http/problem.hpp"

namespace troupe::http {

/// The answer to a request that failed below HTTP. What a client cannot mend is logged in full and
/// answered without inner details.
response response_for(const db::error& what);

/// The answer to a request that is refused.
response response_for(const rejection& what);

/// An answer of a status and one sentence: {"detail": ...}.
response plain_error(int status, std::string detail);

}  // namespace troupe::http
