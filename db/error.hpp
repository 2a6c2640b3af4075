// The one list of everything that can go wrong below HTTP, and the value that carries it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::db {

/// What went wrong. Stable across nodes: append, never renumber.
enum class errc : std::uint8_t {
  none = 0,
  /// No row has the given key.
  not_found = 1,
  /// A bounded queue is full; nothing was executed. Try again later.
  overloaded = 2,
  /// No connection to PostgreSQL is ready; nothing was executed.
  unavailable = 3,
  /// The connection died before PostgreSQL can have executed the statement.
  connection_lost = 4,
  /// The connection died after the statement was sent: it may or may not have taken effect.
  outcome_unknown = 5,
  /// The deadline passed before an answer came; nothing was changed.
  deadline_exceeded = 6,
  /// PostgreSQL refuses a value: outside its type, or against a constraint.
  invalid_value = 7,
  /// A value is longer than the column or its index can hold.
  value_too_long = 8,
  /// PostgreSQL refuses the statement for a reason a client cannot mend.
  statement_failed = 9,
  /// The stored data or schema does not fit the declaration of the resource.
  schema_mismatch = 10,
  /// The key of a change that is made once belongs to another change.
  key_reused = 11,
  /// No worker can be reached; nothing was executed.
  no_worker = 12,
  /// The database lacks what the request needs.
  not_supported = 13,
  // Why there is no connection, to PostgreSQL or to a node; nothing was executed.
  /// The host's name has no address.
  name_not_resolved = 14,
  /// Nobody listens there.
  connection_refused = 15,
  /// No answer in time, or no way there.
  no_answer = 16,
  /// The role or its password is refused.
  login_refused = 17,
  /// The server has no such database.
  no_database = 18,
  /// The server starts, stops, or has too many connections.
  not_accepting = 19,
  /// Both sides cannot agree on TLS, or one does not trust the other.
  tls_failed = 20,
  /// A fault of this program: what was asked may or may not have been done.
  internal = 21,
  /// The deadline passed after a change was sent, or may have been: it may or may not have taken effect.
  deadline_unknown = 22,
  /// The answer is larger than what can be sent.
  answer_too_large = 23,
};

/// The name of an error code, as it stands in logs.
std::string_view to_string(errc code) noexcept;

/// Why a connection failed, for everybody who asks: "it refuses the login". Words of ours alone, as those of
/// PostgreSQL, libpq, the resolver or TLS, which the log has, can hold parts of a password.
std::string_view public_reason(errc code) noexcept;

/// An error as a value: a code for programs and a sentence for people.
struct error {
  errc code = errc::none;
  /// One sentence, no trailing newline; PostgreSQL's own words where there are any.
  std::string message;

  explicit operator bool() const noexcept { return code != errc::none; }
  friend bool operator==(const error&, const error&) = default;
};

}  // namespace troupe::db
