// The one private PostgreSQL that the tests of a process share, and helpers to look into it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "db/private_server.hpp"
#include "tests/support/temp_dir.hpp"

namespace troupe::test {

/// Rows of a result in text form; NULL is nothing.
using text_rows = std::vector<std::vector<std::optional<std::string>>>;

/// Runs SQL over a connection of its own, given as libpq keywords or URI; several statements are one
/// transaction. Returns the rows of the last. Throws std::runtime_error with PostgreSQL's words.
text_rows run_sql(const std::string& conninfo, const std::string& sql);

/// An empty database made for one test.
struct test_database {
  std::string name;
  /// postgresql://:secret@/name?host=...&user=postgres, percent-encoded; see secret.hpp.
  std::string uri;
};

/// A real PostgreSQL in a temporary directory. Errors of all functions are std::runtime_error.
class postgres {
 public:
  /// Starts it at the first call, which the main thread makes: the server ends with that thread.
  /// It stops when the process exits.
  static postgres& instance();

  postgres(const postgres&) = delete;
  postgres& operator=(const postgres&) = delete;

  test_database create_database();
  std::string uri(const std::string& database) const;

  void exec(const std::string& database, const std::string& sql) const;
  text_rows query(const std::string& database, const std::string& sql) const;

  /// The processes that serve clients of the database, for kill -9.
  std::vector<pid_t> backend_pids(const std::string& database) const;
  /// Ends them with pg_terminate_backend and waits until they are gone.
  void kill_backends(const std::string& database) const;

  /// Fast shutdown; clients are disconnected and new ones refused until start().
  void stop();
  /// Starts it again with the same socket and data.
  void start();
  void restart();

  /// The server itself, e.g. for its process id.
  db::private_server& server() noexcept { return *server_; }

 private:
  postgres();

  temp_dir directory_;
  std::optional<db::private_server> server_;
};

}  // namespace troupe::test
