// What a PostgreSQL SQLSTATE means to this service.
#pragma once

#include <string_view>

#include "db/error.hpp"

namespace troupe::db {

/// The error code for a five-character SQLSTATE; statement_failed for one not listed.
errc code_of(std::string_view sqlstate) noexcept;

/// Whether the connection that reported this SQLSTATE has to be replaced.
bool ends_session(std::string_view sqlstate) noexcept;

/// Whether this SQLSTATE, which ends the session, refuses a statement that was not executed. A shutdown
/// can come between a commit and its answer.
bool refuses_statement(std::string_view sqlstate) noexcept;

}  // namespace troupe::db
