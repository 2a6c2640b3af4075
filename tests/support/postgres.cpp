// Runs and queries the PostgreSQL of a test process.
#include "tests/support/postgres.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "tests/support/cluster_copy.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/secret.hpp"

namespace troupe::test {

namespace {

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      result += c;
    } else {
      result += {'%', digits[byte / 16], digits[byte % 16]};
    }
  }
  return result;
}

/// Database names made here need no quoting; others are the caller's mistake.
std::string literal(const std::string& database) { return "'" + database + "'"; }

}  // namespace

text_rows run_sql(const std::string& conninfo, const std::string& sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(conninfo.c_str()), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  text_rows rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const int row = static_cast<int>(i);
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      if (PQgetisnull(result.get(), row, column) != 0) {
        rows[i].emplace_back(std::nullopt);
      } else {
        rows[i].emplace_back(PQgetvalue(result.get(), row, column));
      }
    }
  }
  return rows;
}

postgres& postgres::instance() {
  static postgres shared;
  return shared;
}

test_database postgres::create_database() {
  static int count = 0;
  std::string name = "test_" + std::to_string(getpid()) + "_" + std::to_string(++count);
  exec("postgres", "CREATE DATABASE " + name);
  return {name, uri(name)};
}

std::string postgres::uri(const std::string& database) const {
  return "postgresql://:" + std::string{secret} + "@/" + percent_encoded(database) +
         "?host=" + percent_encoded(server_->sockets().string()) + "&user=postgres";
}

void postgres::exec(const std::string& database, const std::string& sql) const { query(database, sql); }

text_rows postgres::query(const std::string& database, const std::string& sql) const {
  return run_sql(uri(database), sql);
}

std::vector<pid_t> postgres::backend_pids(const std::string& database) const {
  std::vector<pid_t> pids;
  for (const auto& row : query("postgres",
                               "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' "
                               "AND pid <> pg_backend_pid() AND datname = " +
                                   literal(database))) {
    pids.push_back(std::stoi(row.at(0).value()));
  }
  return pids;
}

void postgres::kill_backends(const std::string& database) const {
  const auto killed = query("postgres",
                            "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                            "backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = " +
                                literal(database));
  // Only those: clients that reconnect at once have new ones already.
  std::string pids = "0";
  for (const auto& row : killed) pids += "," + row.at(0).value();
  const auto gone = [&] {
    return query("postgres", "SELECT 1 FROM pg_stat_activity WHERE pid IN (" + pids + ")").empty();
  };
  if (!eventually(gone)) throw std::runtime_error("backends do not end");
}

void postgres::stop() { server_->stop(); }

postgres::postgres() {
  // Set by ctest, see make_cluster.cpp. Without it the server creates its cluster.
  if (const char* made = std::getenv("TROUPE_TEST_CLUSTER"); made != nullptr)
    copy_cluster(made, directory_.path());
  start();
}

void postgres::start() {
  db::private_server_options options;
  options.data_dir = directory_.path();
  auto started = db::private_server::start(std::move(options));
  if (!started) throw std::runtime_error(started.error().message);
  server_ = std::move(*started);
}

void postgres::restart() {
  stop();
  start();
}

}  // namespace troupe::test
