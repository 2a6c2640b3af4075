// /healthz and /readyz of a service, and what it does while PostgreSQL stands still.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <iterator>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"

namespace troupe::test {
namespace {

class HealthTest : public testing::Test {
 protected:
  static std::ptrdiff_t threads_of(const running_service& service) {
    const auto all = "/proc/" + std::to_string(service.program().pid()) + "/task";
    return std::distance(std::filesystem::directory_iterator{all}, {});
  }

  postgres& server_ = postgres::instance();
  test_database database_ = server_.create_database();
  std::string uri_ = "--db.uri=" + database_.uri;
};

TEST_F(HealthTest, SaysWhetherItLivesAndCanServe) {
  running_service service{{uri_}};
  auto client = service.client();
  const auto lives = [&] {
    const auto answer = client.request("GET", "/healthz");
    EXPECT_EQ(answer.header("Content-Type"), "application/json");
    return answer.status == 200 && answer.body == R"({"alive":true})";
  };
  const auto ready = [&](int status, const std::string& body) {
    return eventually([&] {
      const auto answer = client.request("GET", "/readyz");
      return answer.status == status && answer.body == body;
    });
  };
  EXPECT_TRUE(lives());
  EXPECT_TRUE(ready(200, R"({"ready":true})"));
  server_.stop();
  EXPECT_TRUE(ready(503, R"({"ready":false,"reasons":["PostgreSQL: nobody listens at its address"]})"))
      << client.request("GET", "/readyz").body;
  EXPECT_TRUE(lives());
  server_.start();
  EXPECT_TRUE(ready(200, R"({"ready":true})"));
}

// No thread waits for PostgreSQL: the only lane goes on, and none is added.
TEST_F(HealthTest, WhilePostgresqlStandsStillWhatDoesNotNeedItIsAnswered) {
  running_service service{{uri_, "--http.threads=1", "--http.request-timeout=30s"}};
  const auto backends = server_.backend_pids(database_.name);
  ASSERT_FALSE(backends.empty());
  const auto threads = threads_of(service);
  for (const auto pid : backends) ASSERT_EQ(kill(pid, SIGSTOP), 0);
  std::vector<http_client> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(service.client());
    waiting.back().send_raw("GET /items/" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  auto client = service.client();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.request("GET", "/healthz").status, 200);
    EXPECT_EQ(client.request("GET", "/items/x").status, 422);
  }
  EXPECT_EQ(threads_of(service), threads);
  for (const auto& each : waiting) EXPECT_FALSE(each.has_data(std::chrono::milliseconds{0}));
  for (const auto pid : backends) kill(pid, SIGCONT);
  for (auto& each : waiting) EXPECT_EQ(each.read_response().status, 404);
}

}  // namespace
}  // namespace troupe::test
