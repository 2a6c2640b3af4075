// The private PostgreSQL: creation, durability, death and rebirth, and everything it must refuse.
#include "db/private_server.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "db/child_process.hpp"
#include "db/cluster_directory.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/temp_dir.hpp"

namespace troupe::db {
namespace {

namespace fs = std::filesystem;
using test::eventually;
using test::run_sql;
using test::temp_dir;

/// Bounds one run of pg_ctl or of a child.
constexpr std::chrono::seconds child_timeout{30};

private_server_options in(const fs::path& directory) {
  private_server_options options;
  options.data_dir = directory;
  return options;
}

bool answers(const private_server& server) {
  try {
    return run_sql(server.conninfo(), "SELECT 1").at(0).at(0) == "1";
  } catch (const std::runtime_error&) {
    return false;
  }
}

bool heals(private_server& server) {
  return eventually([&] {
    server.supervise();
    return server.pid() != 0 && answers(server);
  });
}

std::string setting(const private_server& server, const std::string& name) {
  return run_sql(server.conninfo(), "SHOW " + name).at(0).at(0).value_or("");
}

void touch(const fs::path& path) { const std::ofstream file(path); }

uid_t owner_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_uid;
}

/// Runs pg_ctl on the cluster, as its owner.
int pg_ctl(const fs::path& directory, const std::vector<std::string>& arguments) {
  const cluster_layout layout{directory};
  const auto log = open_log(layout);
  child_options options;
  options.argv = {*find_server_programs(*cluster_version(layout)) / "pg_ctl",
                  "--pgdata=" + layout.data().string()};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.environment = server_environment();
  options.run_as = *server_account(layout);
  options.output_fd = log->get();
  const auto child = start_child(options);
  EXPECT_TRUE(child);
  return wait_child(*child, std::chrono::steady_clock::now() + child_timeout).value_or(-1);
}

TEST(private_server, starts_closed_and_durable) {
  const temp_dir directory;
  auto server = private_server::start(in(directory.path()));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_FALSE(server->adopted());
  EXPECT_EQ(setting(*server, "listen_addresses"), "");
  EXPECT_EQ(setting(*server, "server_encoding"), "UTF8");
  EXPECT_EQ(setting(*server, "unix_socket_permissions"), "0700");
  for (const char* name : {"data_checksums", "fsync", "synchronous_commit", "full_page_writes"}) {
    EXPECT_EQ(setting(*server, name), "on") << name;
  }
  EXPECT_EQ(fs::status(directory.path() / "run").permissions(), fs::perms::owner_all);
  EXPECT_TRUE(fs::is_socket(directory.path() / "run" / ".s.PGSQL.5432"));
  EXPECT_EQ(getsid(server->pid()), server->pid());  // out of reach of a terminal's Ctrl-C
}

TEST(private_server, runs_unprivileged_when_started_by_root) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  const temp_dir directory;
  auto server = private_server::start(in(directory.path()));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_NE(owner_of("/proc/" + std::to_string(server->pid())), 0U);
  EXPECT_NE(owner_of(directory.path() / "postgresql"), 0U);
  EXPECT_EQ(owner_of(directory.path() / "lock"), 0U);
}

TEST(private_server, names_the_directory_that_the_server_may_not_enter) {
  if (geteuid() != 0) GTEST_SKIP() << "not root";
  const temp_dir directory;
  fs::create_directory(directory.path() / "closed");
  fs::permissions(directory.path() / "closed", fs::perms::owner_all);
  const auto server = private_server::start(in(directory.path() / "closed" / "data"));
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, errc::unavailable);
  EXPECT_NE(server.error().message.find("may not enter " + (directory.path() / "closed").string() + ";"),
            std::string::npos)
      << server.error().message;
}

TEST(private_server, keeps_its_data_and_stops_with_its_owner) {
  const temp_dir directory;
  pid_t first = 0;
  {
    auto server = private_server::start(in(directory.path()));
    ASSERT_TRUE(server) << server.error().message;
    first = server->pid();
    run_sql(server->conninfo(), "CREATE TABLE kept (n int); INSERT INTO kept SELECT generate_series(1, 25)");
    private_server moved = std::move(*server);
    EXPECT_TRUE(answers(moved));
  }
  EXPECT_NE(kill(first, 0), 0);
  auto server = private_server::start(in(directory.path()));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(run_sql(server->conninfo(), "SELECT count(*) FROM kept").at(0).at(0), "25");
  server->stop();
  EXPECT_EQ(server->pid(), 0);
  server->stop();
  server->supervise();
  EXPECT_EQ(server->pid(), 0);
}

TEST(private_server, refuses_a_directory_in_use) {
  const temp_dir directory;
  auto first = private_server::start(in(directory.path()));
  ASSERT_TRUE(first) << first.error().message;
  const auto second = private_server::start(in(directory.path()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message,
            "the data directory " + directory.path().string() + " is in use by another process");
  EXPECT_TRUE(answers(*first));
}

TEST(private_server, refuses_a_directory_of_other_things) {
  const temp_dir directory;
  std::ofstream(directory.path() / "thesis.txt") << "chapter one";
  EXPECT_FALSE(private_server::start(in(directory.path())));
  EXPECT_FALSE(fs::exists(directory.path() / "lock"));

  const temp_dir odd_cluster;
  fs::create_directory(odd_cluster.path() / "postgresql");
  touch(odd_cluster.path() / "lock");
  std::ofstream(odd_cluster.path() / "postgresql" / "thesis.txt") << "chapter one";
  const auto server = private_server::start(in(odd_cluster.path()));
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().message, "the directory " + (odd_cluster.path() / "postgresql").string() +
                                        " is neither empty nor a PostgreSQL cluster");
}

TEST(private_server, starts_over_after_an_interrupted_creation) {
  const temp_dir directory;
  touch(directory.path() / "lock");
  fs::create_directory(directory.path() / "postgresql.init");
  std::ofstream(directory.path() / "postgresql.init" / "PG_VERSION") << "15\n";
  fs::create_directory(directory.path() / "postgresql");
  auto server = private_server::start(in(directory.path()));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_TRUE(answers(*server));
  EXPECT_FALSE(fs::exists(directory.path() / "postgresql.init"));
}

TEST(private_server, copes_with_paths_that_fit_no_socket) {
  const temp_dir directory;
  const auto odd = directory.path() / "it's, \"a\\ b" / std::string(100, 'x');
  fs::path sockets;
  {
    auto server = private_server::start(in(odd));
    ASSERT_TRUE(server) << server.error().message;
    EXPECT_TRUE(answers(*server));
    sockets = server->sockets();
    EXPECT_TRUE(fs::exists(sockets));
  }
  EXPECT_FALSE(fs::exists(sockets));
}

TEST(private_server, quotes_the_log_when_the_server_does_not_start) {
  const temp_dir directory;
  {
    auto server = private_server::start(in(directory.path()));
    ASSERT_TRUE(server) << server.error().message;
  }
  std::ofstream(directory.path() / "postgresql" / "postgresql.conf", std::ios::app)
      << "no_such_setting = 1\n";
  const auto server = private_server::start(in(directory.path()));
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().message.find("no_such_setting"), std::string::npos) << server.error().message;
}

TEST(private_server, is_brought_back_after_kill_9) {
  const temp_dir directory;
  std::vector<std::string> notices;
  auto options = in(directory.path());
  options.notice = [&](const std::string& sentence) { notices.push_back(sentence); };
  auto server = private_server::start(options);
  ASSERT_TRUE(server) << server.error().message;
  run_sql(server->conninfo(), "CREATE TABLE kept AS SELECT 1 AS n");
  const auto conninfo = server->conninfo();
  const pid_t first = server->pid();
  ASSERT_EQ(kill(first, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] {
    server->supervise();
    return server->pid() != first;
  }));
  ASSERT_TRUE(heals(*server));
  EXPECT_FALSE(server->adopted());
  EXPECT_EQ(server->conninfo(), conninfo);
  EXPECT_EQ(run_sql(conninfo, "SELECT n FROM kept").at(0).at(0), "1");
  ASSERT_FALSE(notices.empty());
  EXPECT_EQ(notices.front(), "PostgreSQL was killed by signal 9");
}

TEST(private_server, adopts_a_restart_by_hand_and_stops_it) {
  const temp_dir directory;
  auto server = private_server::start(in(directory.path()));
  ASSERT_TRUE(server) << server.error().message;
  const auto conninfo = server->conninfo();
  const pid_t first = server->pid();
  ASSERT_EQ(pg_ctl(directory.path(), {"restart", "--mode=fast"}), 0);
  ASSERT_TRUE(eventually([&] {
    server->supervise();
    return server->adopted();
  }));
  EXPECT_NE(server->pid(), first);
  EXPECT_EQ(server->conninfo(), conninfo);
  EXPECT_TRUE(answers(*server));

  // Stopped and started in two commands, it still listens only where it should.
  ASSERT_EQ(pg_ctl(directory.path(), {"stop", "--mode=fast"}), 0);
  ASSERT_EQ(pg_ctl(directory.path(), {"start"}), 0);
  ASSERT_TRUE(heals(*server));
  EXPECT_TRUE(server->adopted());
  EXPECT_EQ(setting(*server, "listen_addresses"), "");
  const pid_t last = server->pid();
  server->stop();
  EXPECT_TRUE(eventually([&] { return kill(last, 0) != 0; }));
}

TEST(private_server, is_started_again_when_nobody_else_does_it) {
  const temp_dir directory;
  auto server = private_server::start(in(directory.path()));
  ASSERT_TRUE(server) << server.error().message;
  ASSERT_EQ(pg_ctl(directory.path(), {"stop", "--mode=fast"}), 0);
  ASSERT_TRUE(heals(*server));
  EXPECT_FALSE(server->adopted());
}

TEST(private_server, ends_when_its_owner_is_killed) {
  const temp_dir directory;
  const pid_t owner = fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    auto server = private_server::start(in(directory.path()));
    if (!server) _exit(EXIT_FAILURE);
    run_sql(server->conninfo(), "CREATE TABLE kept AS SELECT 1 AS n");
    touch(directory.path() / "started");
    while (true) pause();
  }
  EXPECT_TRUE(eventually([&] { return fs::exists(directory.path() / "started"); }));
  kill(owner, SIGKILL);
  EXPECT_TRUE(wait_child(owner, std::chrono::steady_clock::now() + child_timeout));
  // At once, while the orphan may still be shutting down.
  auto server = private_server::start(in(directory.path()));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_FALSE(server->adopted());
  EXPECT_EQ(run_sql(server->conninfo(), "SELECT n FROM kept").at(0).at(0), "1");
}

TEST(private_server, adopts_a_server_that_stays) {
  const temp_dir directory;
  {
    ASSERT_TRUE(private_server::start(in(directory.path())));
  }
  ASSERT_EQ(pg_ctl(directory.path(), {"start"}), 0);
  auto server = private_server::start(in(directory.path()));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_TRUE(server->adopted());
  EXPECT_TRUE(answers(*server));
}

}  // namespace
}  // namespace troupe::db
