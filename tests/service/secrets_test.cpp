// Passwords: none in the log, in an answer, or in the line about a bad option.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/secret.hpp"
#include "tests/support/temp_dir.hpp"

namespace troupe::test {
namespace {

class SecretsTest : public testing::Test {
 protected:
  /// An item of this name makes PostgreSQL say the password, with this SQLSTATE.
  void have_it_said(const std::string& name, const std::string& sqlstate) {
    server_.exec(database_.name, "CREATE OR REPLACE FUNCTION say_" + name +
                                     "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not " +
                                     std::string{secret} + "' USING ERRCODE = '" + sqlstate +
                                     "'; END $$;"
                                     "CREATE TRIGGER say_" +
                                     name + " BEFORE INSERT ON items FOR EACH ROW WHEN (NEW.name = '" + name +
                                     "') EXECUTE FUNCTION say_" + name + "()");
  }

  // All that looks at the output is in the destructors of service and client.
  void says_all(running_service& service) {
    have_it_said("failure", "P0001");
    have_it_said("refusal", "23514");
    service.expect_errors();
    auto client = service.client();
    EXPECT_EQ(create_item(client, "failure").status, 500);
    EXPECT_TRUE(service.program().wait_for_output("Request failed: statement_failed: not ***"))
        << service.program().output();
    const auto refused = create_item(client, "refusal");
    EXPECT_EQ(refused.status, 422);
    EXPECT_NE(refused.body.find("Value error, not ***"), std::string::npos) << refused.body;
  }

  postgres& server_ = postgres::instance();
  test_database database_ = server_.create_database();
};

TEST_F(SecretsTest, APasswordThatPostgresqlSaysIsHidden) {
  running_service service{{"--db.uri=" + database_.uri, "--db.echo", "--log.level=debug"}};
  says_all(service);
}

TEST_F(SecretsTest, SoIsOneFromAPasswordFile) {
  const temp_dir directory;
  const auto file = (directory.path() / "passwords").string();
  std::ofstream{file} << "*:*:*:*:" << secret << '\n';
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  auto uri = database_.uri;
  uri.erase(uri.find(':' + std::string{secret} + '@'), secret.size() + 2);
  running_service service{{"--db.uri=" + uri}, R"(exec "$@")", {"PGPASSFILE=" + file}};
  says_all(service);
}

TEST_F(SecretsTest, ABadUriIsRefusedInOneLineWithoutIt) {
  const temp_dir directory;
  const auto password = std::string{secret};
  for (const auto& uri :
       {"postgresql://ann:pa@" + password + "@127.0.0.1/shop",
        "postgresql://ann:pa/" + password + "@127.0.0.1/shop",
        "postgresql+asyncpg://ann:" + password + "%@127.0.0.1/shop", "password=my " + password,
        "password='" + password + " host=127.0.0.1", "mysql://ann:" + password + "@127.0.0.1/shop"}) {
    const auto file = (directory.path() / "troupe.conf").string();
    std::ofstream{file} << "db { uri = \"" << uri << "\" }\n";
    const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> ways{
        {{"--db.uri=" + uri}, {"DATABASE_URL"}},
        {{"--config-file=" + file}, {"DATABASE_URL"}},
        {{}, {"DATABASE_URL=" + uri}}};
    for (const auto& [options, environment] : ways) {
      std::vector<std::string> command{TROUPE_BINARY, "migrate"};
      command.insert(command.end(), options.begin(), options.end());
      process program{command, environment};
      EXPECT_EQ(program.wait_exit(), 64);
      const auto output = program.output();
      EXPECT_TRUE(output.starts_with("troupe: The database URI cannot be read: ")) << output;
      EXPECT_EQ(std::count(output.begin(), output.end(), '\n'), 1) << output;
    }
  }
}

TEST_F(SecretsTest, ReadyzSaysWhyInWordsOfOurOwn) {
  const auto sockets = server_.server().sockets().string();
  const auto password = " password=" + std::string{secret};
  const std::vector<std::pair<std::string, std::string>> cases{
      {"host=nowhere.invalid", "its host name cannot be resolved"},
      {"host=/nonexistent", "nobody listens at its address"},
      {"host=" + sockets + " user=nobody_here", "it refuses the login"},
      {"host=" + sockets + " user=postgres dbname=nowhere_here", "it has no database of that name"}};
  for (const auto* migrate : {"--db.migrate=on", "--db.migrate=off"}) {
    // All at once: each takes some seconds to say that it is without a database.
    std::vector<std::unique_ptr<process>> all;
    for (const auto& [where, reason] : cases)
      all.push_back(std::make_unique<process>(
          std::vector<std::string>{TROUPE_BINARY, "serve", "--http.port=0", "--http.threads=1", migrate,
                                   "--db.uri=" + where + password},
          std::vector<std::string>{"DATABASE_URL"}));
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto line = all[i]->wait_for_line(std::regex{"ready: http://[^ ]*:([0-9]+)/"});
      ASSERT_TRUE(line) << all[i]->output();
      http_client client{static_cast<std::uint16_t>(std::stoi((*line)[1]))};
      const auto answer = client.request("GET", "/readyz");
      EXPECT_EQ(answer.status, 503);
      EXPECT_EQ(answer.body, R"({"ready":false,"reasons":["PostgreSQL: )" + cases[i].second + R"("]})")
          << migrate;
      EXPECT_EQ(client.request("GET", "/items/").body,
                R"({"detail":"The database is not available. Try again later."})");
    }
  }
}

}  // namespace
}  // namespace troupe::test
