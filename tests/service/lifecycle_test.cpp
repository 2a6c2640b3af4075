// Starting, migrating, keeping data, stopping, and bad options, as an operator meets them.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "db/migrations.hpp"
#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace troupe::test {
namespace {

// Runs the program to its end; its exit code and all it printed.
std::pair<int, std::string> run(std::vector<std::string> arguments,
                                const std::vector<std::string>& environment = {"DATABASE_URL"}) {
  arguments.insert(arguments.begin(), TROUPE_BINARY);
  process program{arguments, environment};
  const auto code = program.wait_exit();
  return {code.value_or(-1), program.output()};
}

std::string item_names(http_client& client) { return client.request("GET", "/items/?limit=1000").body; }

TEST(Lifecycle, APrivateDatabaseKeepsItsDataAcrossRestarts) {
  const temp_dir directory;
  const std::vector<std::string> options{"--db.data-dir=" + (directory.path() / "data").string()};
  std::string before;
  {
    running_service service{options};
    auto client = service.client();
    for (int i = 0; i < 25; ++i) ASSERT_EQ(create_item(client, "item " + std::to_string(i)).status, 201);
    before = item_names(client);
    service.program().signal(SIGTERM);
    EXPECT_EQ(service.program().wait_exit(), 0);
  }
  // PostgreSQL went with it.
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "data" / "postgresql" / "postmaster.pid"));
  running_service service{options};
  auto client = service.client();
  EXPECT_EQ(item_names(client), before);
  EXPECT_NE(before.find(R"("id":25})"), std::string::npos);
}

TEST(Lifecycle, SurvivesItsOwnKill) {
  const temp_dir directory;
  const std::vector<std::string> options{"--db.data-dir=" + (directory.path() / "data").string()};
  {
    running_service service{options};
    auto client = service.client();
    ASSERT_EQ(create_item(client, "kept").status, 201);
    service.program().signal(SIGKILL);
    service.program().wait_exit();
  }
  running_service service{options};
  auto client = service.client();
  EXPECT_EQ(item_names(client), R"([{"name":"kept","description":null,"id":1}])");
}

TEST(Lifecycle, FinishesWhatItAcceptedBeforeItStops) {
  auto& server = postgres::instance();
  const auto database = server.create_database();
  running_service service{{"--db.uri=" + database.uri}};
  auto client = service.client();
  ASSERT_EQ(create_item(client, "a").status, 201);
  std::thread locker{[&] {
    server.exec(database.name,
                "BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1.5); COMMIT");
  }};
  ASSERT_TRUE(eventually([&] {
    return !server.query("postgres", "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted")
                .empty();
  }));
  client.send_raw("GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually(
      [&] { return !server.query("postgres", "SELECT 1 FROM pg_locks WHERE NOT granted").empty(); }));
  service.program().signal(SIGTERM);
  const auto answer = client.read_response();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(service.program().wait_exit(), 0);
  locker.join();
}

TEST(Lifecycle, StopsAtInterruptToo) {
  const auto database = postgres::instance().create_database();
  running_service service{{"--db.uri=" + database.uri}};
  service.program().signal(SIGINT);
  EXPECT_EQ(service.program().wait_exit(), 0);
}

TEST(Lifecycle, IdleClientsDoNotHoldUpAStop) {
  const auto database = postgres::instance().create_database();
  running_service service{{"--db.uri=" + database.uri}};
  auto idle = service.client();
  ASSERT_EQ(idle.request("GET", "/items/").status, 200);
  service.program().signal(SIGTERM);
  EXPECT_EQ(service.program().wait_exit(), 0);
  EXPECT_TRUE(idle.wait_for_close());
}

TEST(Lifecycle, SeveralLanesShareOnePort) {
  const auto database = postgres::instance().create_database();
  running_service service{{"--db.uri=" + database.uri, "--http.threads=3"}};
  std::vector<http_client> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(service.client());
  for (auto& each : clients) EXPECT_EQ(create_item(each, "a").status, 201);
  EXPECT_EQ(postgres::instance().backend_pids(database.name).size(), 6U);
  service.program().signal(SIGTERM);
  EXPECT_EQ(service.program().wait_exit(), 0);
}

TEST(Lifecycle, APortInUseIsSaidClearly) {
  const auto database = postgres::instance().create_database();
  running_service first{{"--db.uri=" + database.uri}};
  for (const auto* threads : {"--http.threads=1", "--http.threads=2"}) {
    const auto [code, output] =
        run({"--db.uri=" + database.uri, "--http.port=" + std::to_string(first.port()), threads});
    EXPECT_EQ(code, 1);
    EXPECT_NE(output.find("cannot listen on 127.0.0.1 port " + std::to_string(first.port())),
              std::string::npos)
        << output;
  }
}

TEST(Lifecycle, TenMayStartAtOnce) {
  const auto database = postgres::instance().create_database();
  std::vector<std::unique_ptr<process>> all;
  for (int i = 0; i < 10; ++i)
    all.push_back(std::make_unique<process>(
        std::vector<std::string>{TROUPE_BINARY, "migrate", "--db.uri=" + database.uri}));
  int applied = 0;
  for (auto& each : all) {
    EXPECT_EQ(each->wait_exit(), 0) << each->output();
    if (each->output().find("Applied 0001_create_items") != std::string::npos) ++applied;
  }
  EXPECT_EQ(applied, 1);
}

TEST(Lifecycle, MigratesOnceAndLeavesTheSchemaAloneIfTold) {
  auto& server = postgres::instance();
  const auto database = server.create_database();
  EXPECT_EQ(run({"migrate", "--db.uri=" + database.uri}).first, 0);
  const auto [code, output] = run({"migrate", "--db.uri=" + database.uri});
  EXPECT_EQ(code, 0);
  EXPECT_NE(output.find("The schema is up to date."), std::string::npos);
  EXPECT_EQ(server.query(database.name, "SELECT count(*) FROM troupe_migrations"),
            (text_rows{{std::to_string(db::migrations().size())}}));

  const auto untouched = server.create_database();
  running_service service{{"--db.uri=" + untouched.uri, "--db.migrate=off"}};
  EXPECT_EQ(server.query(untouched.name, "SELECT to_regclass('items')"), (text_rows{{std::nullopt}}));
  EXPECT_EQ(service.client().request("GET", "/items/").status, 503);
}

TEST(Lifecycle, AMigrationThatCannotConnectSaysWhy) {
  const auto [code, output] = run({"migrate", "--db.uri=postgresql://nobody@/none?host=/nonexistent"});
  EXPECT_EQ(code, 1);
  EXPECT_NE(output.find("/nonexistent"), std::string::npos) << output;
}

TEST(Lifecycle, TakesADatabaseThatSqlalchemyMade) {
  auto& server = postgres::instance();
  const auto database = server.create_database();
  // What create_all() makes of Column(Integer, primary_key=True, index=True), Column(String, index=True)
  // and Column(String, nullable=True).
  server.exec(database.name,
              "CREATE TABLE items (id SERIAL NOT NULL, name VARCHAR, description VARCHAR, PRIMARY KEY (id));"
              "CREATE INDEX ix_items_id ON items (id); CREATE INDEX ix_items_name ON items (name);"
              "INSERT INTO items (name) VALUES ('from python')");
  running_service service{{"--db.uri=" + database.uri}};
  auto client = service.client();
  EXPECT_EQ(client.request("GET", "/items/1").body, R"({"name":"from python","description":null,"id":1})");
  EXPECT_EQ(create_item(client, "from troupe").body, R"({"name":"from troupe","description":null,"id":2})");
  EXPECT_EQ(client.request("PATCH", "/items/1", json_content, R"({"description":"d"})").status, 200);
  EXPECT_EQ(client.request("DELETE", "/items/2").status, 204);
  EXPECT_EQ(client.request("GET", "/items/99999999999").status, 404);
}

TEST(Lifecycle, UnderstandsSqlalchemysUriFromTheEnvironment) {
  const auto database = postgres::instance().create_database();
  auto uri = database.uri;
  uri.insert(uri.find("://"), "+asyncpg");
  const auto [code, output] = run({"migrate"}, {"DATABASE_URL=" + uri});
  EXPECT_EQ(code, 0) << output;
}

TEST(Lifecycle, EchoLogsStatementsWithTheirDuration) {
  const auto database = postgres::instance().create_database();
  running_service service{{"--db.uri=" + database.uri, "--db.echo"}};
  service.client().request("GET", "/items/1");
  EXPECT_TRUE(
      service.program().wait_for_line(std::regex{R"(SQL [0-9.]+ ms, 0 rows: SELECT .* WHERE "id" = \$1)"}));
}

TEST(Lifecycle, ABadOptionIsOneClearLine) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"--nonsense", "--nonsense is not an option"},  {"--http.port=many", "--http.port=many"},
      {"--http.address=here", "http.address=here"},   {"--db.uri=mysql://x", "database URI"},
      {"--config-file=/nonexistent", "/nonexistent"}, {"sing", "argument 1 is not a command"}};
  for (const auto& [option, sentence] : cases) {
    const auto [code, output] = run({option});
    EXPECT_GT(code, 0) << option;
    EXPECT_NE(output.find(sentence), std::string::npos) << output;
    EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 1) << output;
  }
}

TEST(Lifecycle, HelpListsTheOptions) {
  const auto [code, output] = run({"--help"});
  EXPECT_EQ(code, 0);
  for (const auto* option : {"--http.address", "--http.port", "--http.threads", "--db.uri", "--db.data-dir",
                             "--db.pool-size", "--db.echo", "--db.migrate", "--log.level"})
    EXPECT_NE(output.find(option), std::string::npos) << option;
}

}  // namespace
}  // namespace troupe::test
