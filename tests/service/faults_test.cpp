// The service while PostgreSQL fails it: backends killed, server restarted, schema absent, slow statements.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

class FaultsTest : public testing::Test {
 protected:
  bool heals(running_service& service) {
    auto client = service.client();
    return eventually([&] { return client.request("GET", "/items/").status == 200; });
  }

  postgres& server_ = postgres::instance();
  test_database database_ = server_.create_database();
  std::string uri_ = "--db.uri=" + database_.uri;
};

// Clients that create and read without pause, and remember what they were told.
class load {
 public:
  load(const running_service& service, int clients) {
    for (int i = 0; i < clients; ++i) threads_.emplace_back([this, &service, i] { run(service, i); });
  }
  ~load() { stop(); }

  void stop() {
    stopped_ = true;
    for (auto& each : threads_)
      if (each.joinable()) each.join();
  }

  /// Rounds of which both requests did what they were to.
  int succeeded() const { return succeeded_; }
  /// Status codes that were seen, and how often.
  std::map<int, int> statuses() const { return statuses_; }
  /// Names that were answered 201; that were answered 503 before anything was sent; of unknown outcome.
  std::set<std::string> acknowledged, refused, unknown;

 private:
  void run(const running_service& service, int number) {
    http_client client = service.client();
    for (int i = 0; !stopped_; ++i) {
      const auto name = std::to_string(number) + "-" + std::to_string(i);
      const auto made = create_item(client, name);
      const auto read = client.request("GET", "/items/?limit=1");
      const std::lock_guard lock{mutex_};
      ++statuses_[made.status];
      ++statuses_[read.status];
      if (made.status == 201 && read.status == 200) ++succeeded_;
      if (made.status == 201)
        acknowledged.insert(name);
      else if (made.body.find("outcome_unknown") != std::string::npos || made.status == 504)
        unknown.insert(name);
      else
        refused.insert(name);
      if (made.status == 503) {
        EXPECT_TRUE(made.header("Retry-After"));
      }
    }
  }

  std::atomic<bool> stopped_ = false;
  std::atomic<int> succeeded_ = 0;
  std::mutex mutex_;
  std::map<int, int> statuses_;
  std::vector<std::thread> threads_;
};

// What clients were told is what the table holds.
void expect_truth(const load& told, const text_rows& rows) {
  std::multiset<std::string> stored;
  for (const auto& row : rows) stored.insert(*row[0]);
  EXPECT_FALSE(told.acknowledged.empty());
  for (const auto& name : told.acknowledged) EXPECT_EQ(stored.count(name), 1U) << "acknowledged: " << name;
  for (const auto& name : told.refused) EXPECT_EQ(stored.count(name), 0U) << "refused: " << name;
  for (const auto& name : told.unknown) EXPECT_LE(stored.count(name), 1U) << "unknown: " << name;
}

TEST_F(FaultsTest, KilledBackendsUnderLoadLoseNothing) {
  running_service service{{uri_}};
  load clients{service, 4};
  for (int round = 0; round < 5; ++round) {
    const int before = clients.succeeded();
    ASSERT_TRUE(eventually([&] { return clients.succeeded() > before + 50; }));
    server_.kill_backends(database_.name);
  }
  EXPECT_TRUE(heals(service));
  clients.stop();
  for (const auto& [status, count] : clients.statuses())
    EXPECT_TRUE(status == 200 || status == 201 || status == 503) << status << " came " << count << " times";
  expect_truth(clients, server_.query(database_.name, "SELECT name FROM items"));
}

TEST_F(FaultsTest, ABackendKilledHardUnderLoadLosesNothing) {
  running_service service{{uri_}};
  load clients{service, 4};
  ASSERT_TRUE(eventually([&] { return clients.succeeded() > 50; }));
  for (const auto pid : server_.backend_pids(database_.name)) kill(pid, SIGKILL);
  EXPECT_TRUE(heals(service));
  clients.stop();
  for (const auto& [status, count] : clients.statuses())
    EXPECT_TRUE(status == 200 || status == 201 || status == 503) << status << " came " << count << " times";
  expect_truth(clients, server_.query(database_.name, "SELECT name FROM items"));
}

TEST_F(FaultsTest, ARestartOfPostgresqlUnderLoadLosesNothing) {
  running_service service{{uri_}};
  load clients{service, 4};
  ASSERT_TRUE(eventually([&] { return clients.succeeded() > 50; }));
  server_.stop();
  ASSERT_TRUE(eventually([&, client = service.client()]() mutable {
    const auto answer = client.request("GET", "/items/1");
    return answer.status == 503 && answer.header("Retry-After") &&
           answer.body == R"({"detail":"The database is not available. Try again later."})";
  }));
  server_.start();
  EXPECT_TRUE(heals(service));
  clients.stop();
  for (const auto& [status, count] : clients.statuses())
    EXPECT_TRUE(status == 200 || status == 201 || status == 503) << status << " came " << count << " times";
  expect_truth(clients, server_.query(database_.name, "SELECT name FROM items"));
}

TEST_F(FaultsTest, StartsWithoutADatabaseAndServesOnceItIsThere) {
  server_.stop();
  running_service service{{uri_}};
  auto client = service.client();
  EXPECT_EQ(client.request("GET", "/items/").status, 503);
  server_.start();
  EXPECT_TRUE(heals(service));
  EXPECT_EQ(create_item(client, "a").status, 201);
}

TEST_F(FaultsTest, AnIdleServiceNoticesALostConnectionByItself) {
  running_service service{{uri_, "--http.threads=1", "--db.pool-size=1"}};
  const auto before = server_.backend_pids(database_.name);
  server_.kill_backends(database_.name);
  // No request comes; the new connection does.
  EXPECT_TRUE(eventually([&] {
    const auto now = server_.backend_pids(database_.name);
    return now.size() == 1 && now != before;
  }));
  // It shows before its statements are prepared.
  EXPECT_TRUE(heals(service));
}

TEST_F(FaultsTest, AStatementThatHangsIsAnswered504) {
  running_service service{{uri_, "--http.request-timeout=300ms", "--db.pool-size=1"}};
  auto client = service.client();
  ASSERT_EQ(create_item(client, "a").status, 201);
  std::thread locker{[&] {
    server_.exec(database_.name,
                 "BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT");
  }};
  ASSERT_TRUE(eventually([&] {
    return !server_.query("postgres", "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted")
                .empty();
  }));
  const auto late = client.request("GET", "/items/1");
  EXPECT_EQ(late.status, 504);
  EXPECT_EQ(late.body, R"({"detail":"The database did not answer in time."})");
  locker.join();
  EXPECT_TRUE(heals(service));
}

TEST_F(FaultsTest, AFrozenBackendIsGivenUp) {
  running_service service{{uri_, "--http.request-timeout=500ms"}};
  auto client = service.client();
  ASSERT_EQ(create_item(client, "a").status, 201);
  const auto frozen = server_.backend_pids(database_.name);
  for (const auto pid : frozen) kill(pid, SIGSTOP);
  EXPECT_EQ(client.request("GET", "/items/1").status, 504);
  // Its failure comes when it is answered already.
  EXPECT_EQ(create_item(client, "b").status, 504);
  // New connections come in place of the frozen ones.
  EXPECT_TRUE(heals(service));
  for (const auto pid : frozen) kill(pid, SIGCONT);
}

// A server that says to every client that it cannot take it now.
class refusing_server {
 public:
  refusing_server() {
    socket_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&where), size), 0);
    EXPECT_EQ(listen(socket_, 100), 0);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    thread_ = std::thread{[this] {
      for (int client = 0; (client = accept(socket_, nullptr, nullptr)) >= 0; close(client)) {
        std::array<char, 1024> startup{};
        [[maybe_unused]] const auto got = read(client, startup.data(), startup.size());
        constexpr std::string_view fields{"SFATAL\0VFATAL\0C57P03\0Mnot now\0\0", 32};
        const std::string refusal =
            std::string{"E\0\0\0", 4} + static_cast<char>(fields.size() + 4) + std::string{fields};
        [[maybe_unused]] const auto sent = write(client, refusal.data(), refusal.size());
        ++refused_;
      }
    }};
  }
  ~refusing_server() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  int port() const { return port_; }
  int refused() const { return refused_; }

 private:
  int socket_ = -1;
  int port_ = 0;
  std::atomic<int> refused_ = 0;
  std::thread thread_;
};

TEST_F(FaultsTest, GoesOnToTheNextServerOfAList) {
  const refusing_server first;
  const auto sockets = server_.server().sockets().string();
  running_service service{{"--db.uri=host=127.0.0.1," + sockets + " port=" + std::to_string(first.port()) +
                           ",5432 user=postgres sslmode=disable dbname=" + database_.name}};
  EXPECT_GT(first.refused(), 0);
  EXPECT_EQ(service.client().request("GET", "/items/").status, 200);
}

TEST_F(FaultsTest, GoesOnToTheNextServerIfANameDoesNotResolve) {
  running_service service{{"--db.uri=host=nowhere.invalid," + server_.server().sockets().string() +
                           " user=postgres dbname=" + database_.name}};
  EXPECT_EQ(service.client().request("GET", "/items/").status, 200);
}

TEST_F(FaultsTest, ARoleThatMayNotCreateUsesWhatIsThere) {
  server_.exec(database_.name,
               "CREATE TABLE items (id serial PRIMARY KEY, name varchar, description varchar);"
               "REVOKE CREATE ON SCHEMA public FROM public; CREATE ROLE clerk_" +
                   database_.name +
                   " LOGIN;"
                   "GRANT SELECT, INSERT, UPDATE, DELETE ON items TO clerk_" +
                   database_.name +
                   ";"
                   "GRANT USAGE ON SEQUENCE items_id_seq TO clerk_" +
                   database_.name);
  auto uri = uri_;
  uri.replace(uri.find("user=postgres"), 13, "user=clerk_" + database_.name);
  running_service service{{uri}};
  auto client = service.client();
  EXPECT_EQ(create_item(client, "a").status, 201);
}

TEST_F(FaultsTest, AnAlteredTableIsServedAgain) {
  running_service service{{uri_}};
  auto client = service.client();
  ASSERT_EQ(create_item(client, "a").status, 201);
  server_.exec(database_.name, "ALTER TABLE items ALTER COLUMN name TYPE varchar(100)");
  // The first to notice is a write on each connection: refused for certain, so done again.
  const auto answer = create_item(client, "b");
  EXPECT_EQ(answer.body.find("outcome_unknown"), std::string::npos) << answer.body;
  EXPECT_TRUE(eventually([&] { return client.request("GET", "/items/1").status == 200; }));
  EXPECT_TRUE(eventually([&] { return create_item(client, std::string(101, 'x')).status == 422; }));
}

}  // namespace
}  // namespace troupe::test
