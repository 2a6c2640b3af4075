// One asynchronous connection to PostgreSQL: a state machine over a libpq pipeline, driven by its socket.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "db/codec.hpp"
#include "db/conninfo.hpp"
#include "db/error.hpp"
#include "db/statements.hpp"

namespace troupe::db {

/// How one statement ended: its rows, or why there are none.
using outcome = tl::expected<result, error>;

/// A connection and its pipeline. Never blocks as long as the connection info needs no name resolution.
///
///     connecting -> preparing -> ready -> failed
///          \____________\___________________^
///
/// The owner waits until socket() is readable or writable as wants_read() and wants_write() say, calls
/// advance(), and takes the outcomes with next_outcome(). A failed connection stays failed: destroy it.
class connection {
 public:
  enum class phase { connecting, preparing, ready, failed };

  /// Starts connecting. On success `statements` get prepared, and the server ends any statement that
  /// runs longer than `statement_timeout` (0: never). The statements must outlive the connection.
  connection(const conninfo& where, std::span<const statement* const> statements,
             std::chrono::milliseconds statement_timeout);

  phase state() const noexcept { return state_; }
  /// Why the connection failed; empty before. In PostgreSQL's or libpq's words, in which passwords are ***.
  const error& failure() const noexcept { return failure_; }

  /// The socket to watch, -1 when there is none. May change with each advance() while connecting.
  int socket() const noexcept;
  bool wants_read() const noexcept;
  bool wants_write() const noexcept;

  /// Goes on as far as it can without waiting.
  void advance();

  /// Sends one prepared statement, in its own implicit transaction. Only in phase ready.
  /// Outcomes come in the order of the calls, each when its transaction has ended.
  void execute(const statement& what, const parameters& with);

  /// Sends SQL text without parameters in its own implicit transaction; it may be one statement only.
  void execute(const std::string& sql);

  /// The next outcome in order, if it is known. What a failed connection has no outcome for may or may
  /// not have been executed.
  std::optional<outcome> next_outcome();

  /// Number of statements sent whose outcome was not known at the last advance().
  std::size_t in_flight() const noexcept { return pending_.size(); }

 private:
  // Whose answer comes next in the pipeline.
  enum class purpose { setup, prepare, query, unsupported };

  void poll_connect();
  void fail_to_connect();
  void begin_setup(std::chrono::milliseconds statement_timeout);
  void read_results();
  bool take(PGresult* raw);
  bool may_be_missing(std::string_view sqlstate);
  void finish_current();
  void sent(bool accepted, purpose why);
  void flush();
  void fail(errc code, std::string message);
  std::string server_message() const;
  std::string without_secrets(std::string text) const;

  std::unique_ptr<PGconn, decltype(&PQfinish)> link_;
  std::span<const statement* const> statements_;
  std::chrono::milliseconds statement_timeout_;
  // Of the file with the key for TLS.
  std::string key_password_;
  phase state_ = phase::connecting;
  PostgresPollingStatusType polling_ = PGRES_POLLING_WRITING;
  bool unflushed_ = false;
  error failure_;
  std::deque<purpose> pending_;
  // How many of statements_ the server has answered, and those of them that it could not prepare.
  std::size_t prepared_ = 0;
  std::vector<const statement*> missing_;
  outcome current_{result{}};
  std::deque<outcome> done_;
};

}  // namespace troupe::db
