// Names of the error codes, and which code a PostgreSQL SQLSTATE means.
#include "db/error.hpp"

#include <algorithm>
#include <array>

#include "db/sqlstate.hpp"

namespace troupe::db {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::none: return "none";
    case errc::not_found: return "not_found";
    case errc::overloaded: return "overloaded";
    case errc::unavailable: return "unavailable";
    case errc::connection_lost: return "connection_lost";
    case errc::outcome_unknown: return "outcome_unknown";
    case errc::deadline_exceeded: return "deadline_exceeded";
    case errc::invalid_value: return "invalid_value";
    case errc::value_too_long: return "value_too_long";
    case errc::statement_failed: return "statement_failed";
    case errc::schema_mismatch: return "schema_mismatch";
    case errc::key_reused: return "key_reused";
    case errc::no_worker: return "no_worker";
    case errc::not_supported: return "not_supported";
    case errc::name_not_resolved: return "name_not_resolved";
    case errc::connection_refused: return "connection_refused";
    case errc::no_answer: return "no_answer";
    case errc::login_refused: return "login_refused";
    case errc::no_database: return "no_database";
    case errc::not_accepting: return "not_accepting";
    case errc::tls_failed: return "tls_failed";
    case errc::internal: return "internal";
    case errc::answer_too_large: return "answer_too_large";
    case errc::deadline_unknown: return "deadline_unknown";
  }
  return "unknown";
}

std::string_view public_reason(errc code) noexcept {
  switch (code) {
    case errc::name_not_resolved: return "its host name cannot be resolved";
    case errc::connection_refused: return "nobody listens at its address";
    case errc::no_answer:
    case errc::deadline_exceeded: return "it does not answer";
    case errc::login_refused: return "it refuses the login";
    case errc::no_database: return "it has no database of that name";
    case errc::not_accepting: return "it takes no connections now";
    case errc::tls_failed: return "TLS cannot be agreed on with it";
    case errc::connection_lost: return "the connection was lost";
    case errc::schema_mismatch: return "its tables are not those that this service needs";
    default: return "it cannot be used; the log says why";
  }
}

namespace {

struct mapping {
  std::string_view prefix;
  errc code;
};

// The first prefix that fits counts. Codes: PostgreSQL documentation, appendix A.
constexpr std::array mappings{
    mapping{"22001", errc::value_too_long},     // string_data_right_truncation
    mapping{"2200H", errc::statement_failed},   // sequence_generator_limit_exceeded
    mapping{"22", errc::invalid_value},         // data exceptions
    mapping{"23", errc::invalid_value},         // integrity constraint violations
    mapping{"54", errc::value_too_long},        // program limits, e.g. an index row's size
    mapping{"57014", errc::deadline_exceeded},  // query_canceled, i.e. statement_timeout
    mapping{"40", errc::overloaded},            // serialization failure, deadlock: rolled back
    mapping{"55P03", errc::overloaded},         // lock_not_available
    mapping{"53", errc::overloaded},            // disk full, out of memory, too many connections
    mapping{"25006", errc::unavailable},        // read_only_sql_transaction: a standby
    mapping{"42501", errc::statement_failed},   // insufficient_privilege
    mapping{"42", errc::schema_mismatch},       // undefined table, column, function, type
};

// After these the session is of no more use, or its prepared statements are gone.
constexpr std::array<std::string_view, 5> fatal_prefixes{
    "57P",    // the server or the session is being shut down
    "08",     // connection exceptions
    "26000",  // a prepared statement is unknown: somebody ran DISCARD or a pooler switched servers
    "0A000",  // "cached plan must not change result type": the table was altered
    "25006",  // connected to a standby: the next attempt may find the primary
};

}  // namespace

errc code_of(std::string_view sqlstate) noexcept {
  const auto* found = std::find_if(mappings.begin(), mappings.end(),
                                   [&](const mapping& m) { return sqlstate.starts_with(m.prefix); });
  return found == mappings.end() ? errc::statement_failed : found->code;
}

bool ends_session(std::string_view sqlstate) noexcept {
  return std::any_of(fatal_prefixes.begin(), fatal_prefixes.end(),
                     [&](std::string_view prefix) { return sqlstate.starts_with(prefix); });
}

bool refuses_statement(std::string_view sqlstate) noexcept {
  return ends_session(sqlstate) && !sqlstate.starts_with("57P") && !sqlstate.starts_with("08");
}

}  // namespace troupe::db
