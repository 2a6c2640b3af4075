// The program under a limit on file descriptors: what it keeps for itself is what it opens.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"

namespace troupe::test {
namespace {

std::string limited_to(std::size_t descriptors) {
  return "ulimit -n " + std::to_string(descriptors) + R"(; exec "$@")";
}

class DescriptorsTest : public testing::Test {
 protected:
  static std::size_t open_in(running_service& service) {
    const auto all = std::filesystem::path{"/proc"} / std::to_string(service.program().pid()) / "fd";
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{all}, {}));
  }

  /// To how many connections it says that it lowered their number.
  static std::size_t room_for_clients(running_service& service) {
    const auto line =
        service.program().wait_for_line(std::regex{"max-connections lowered from 10000 to ([0-9]+)"});
    return line ? std::stoul((*line)[1]) : 0;
  }

  /// Waits until each lane has all connections of its pool.
  bool is_complete(std::size_t connections) {
    return eventually([&] { return server_.backend_pids(database_.name).size() == connections; });
  }

  postgres& server_ = postgres::instance();
  test_database database_ = server_.create_database();
  std::string uri_ = "--db.uri=" + database_.uri;
};

TEST_F(DescriptorsTest, WhatIsKeptBackIsWhatIsOpened) {
  struct set {
    std::vector<std::string> options;
    std::size_t connections;
    /// Kept for what comes and goes (see http/descriptors.hpp): four a lane, the migrator's connection, and
    /// what others may open at the ports for nodes and probes.
    std::size_t passing;
  };
  const std::vector<set> sets{
      {{"--http.threads=1", "--db.pool-size=1"}, 1, 4 + 1},
      {{"--http.threads=1", "--db.pool-size=30"}, 30, 4 + 1},
      {{"--http.threads=4", "--db.pool-size=3"}, 12, 4 * 4 + 1},
      {{"--http.threads=2", "--db.migrate=off"}, 4, 2 * 4},
  };
  constexpr std::size_t limit = 400;
  server_.exec(database_.name, "CREATE TABLE items (id serial PRIMARY KEY, name text, description text)");
  for (const auto& each : sets) {
    auto options = each.options;
    options.insert(options.end(), {uri_, "--http.max-connections=10000"});
    running_service service{options, limited_to(limit)};
    ASSERT_TRUE(is_complete(each.connections)) << each.options[1];
    const auto kept = limit - room_for_clients(service);
    EXPECT_EQ(kept, open_in(service) + each.passing) << each.options[1];
    service.program().signal(SIGTERM);
    EXPECT_EQ(service.program().wait_exit(), 0);
    ASSERT_TRUE(is_complete(0));
  }
}

TEST_F(DescriptorsTest, AsManyClientsAsItSaysTakeNothingFromTheDatabase) {
  constexpr std::size_t limit = 100;
  running_service service{{uri_, "--http.threads=1", "--db.pool-size=5"}, limited_to(limit)};
  std::vector<http_client> clients;
  const auto room = room_for_clients(service);
  EXPECT_GT(room, 50U);
  for (std::size_t i = 0; i < room; ++i) {
    clients.push_back(service.client());
    ASSERT_EQ(clients.back().request("GET", "/healthz").status, 200) << i;
  }
  server_.kill_backends(database_.name);
  EXPECT_TRUE(is_complete(5));
  EXPECT_TRUE(eventually([&] { return clients.front().request("GET", "/items/").status == 200; }));
  EXPECT_LE(open_in(service), limit);
}

TEST_F(DescriptorsTest, TooFewAreToldInOneLine) {
  process program{by_shell(limited_to(40), {TROUPE_BINARY, "serve", "--http.port=0", "--http.threads=2",
                                            "--db.pool-size=20", uri_}),
                  {"DATABASE_URL"}};
  EXPECT_EQ(program.wait_exit(), 1);
  EXPECT_TRUE(std::regex_match(
      program.output(),
      std::regex{
          "troupe: no more than 40 file descriptors are allowed \\(ulimit -n\\), but [0-9]+ are needed: "
          "allow more, or lower http.threads or db.pool-size\n"}))
      << program.output();
}

}  // namespace
}  // namespace troupe::test
