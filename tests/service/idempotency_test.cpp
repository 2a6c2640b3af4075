// Changes with an Idempotency-Key against the real service: repeated, at once, after faults, after they
// expire.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/size.hpp"

namespace troupe::test {
namespace {

class IdempotencyTest : public testing::Test {
 protected:
  void start(const std::vector<std::string>& more = {}) {
    std::vector<std::string> options{"--db.uri=" + database_.uri};
    options.insert(options.end(), more.begin(), more.end());
    service_.emplace(options);
    client_.emplace(service_->client());
  }

  static http_response send(http_client& client, const std::string& method, const std::string& path,
                            const std::string& key, const std::string& name) {
    auto headers = json_content;
    headers.emplace_back("Idempotency-Key", key);
    return client.request(method, path, headers, R"({"name":")" + name + R"("})");
  }
  http_response send(const std::string& method, const std::string& path, const std::string& key,
                     const std::string& name = "lamp") {
    return send(*client_, method, path, key, name);
  }

  std::string count(const std::string& name) const {
    return server_.query(database_.name, "SELECT count(*) FROM items WHERE name = '" + name + "'")[0][0]
        .value();
  }

  postgres& server_ = postgres::instance();
  test_database database_ = server_.create_database();
  std::optional<running_service> service_;
  std::optional<http_client> client_;
};

TEST_F(IdempotencyTest, ARepeatedCreateGetsTheStoredAnswer) {
  start();
  const auto first = send("POST", "/items/", "k");
  EXPECT_EQ(first.status, 201);
  EXPECT_FALSE(first.header("Idempotency-Replayed"));
  // What happens to the item later changes nothing about the answer.
  client_->request("PUT", "/items/1", json_content, R"({"name":"changed"})");
  const auto again = send("POST", "/items/", "k");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(count("lamp"), "0");
}

TEST_F(IdempotencyTest, EachMethodIsMadeOnce) {
  start();
  create_item(*client_, "lamp");
  const auto text = R"(a "quoted" ä 😀 \\ name)";
  for (const auto& [method, key] :
       {std::pair{"PUT", "a"}, std::pair{"PATCH", "b"}, std::pair{"DELETE", "c"}}) {
    const auto first = send(method, "/items/1", key, "new");
    const auto again = send(method, "/items/1", key, "new");
    EXPECT_EQ(first.status, std::string{method} == "DELETE" ? 204 : 200);
    EXPECT_EQ(again.status, first.status);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true") << method;
  }
  // That there is no such row is an answer, too.
  const auto none = send("PUT", "/items/1", "d", "new");
  EXPECT_EQ(none.status, 404);
  const auto still_none = send("PUT", "/items/1", "d", "new");
  EXPECT_EQ(still_none.status, 404);
  EXPECT_EQ(still_none.header("Idempotency-Replayed"), "true");

  auto headers = json_content;
  headers.emplace_back("Idempotency-Key", "e");
  const auto body = nlohmann::json{{"name", text}, {"description", text}}.dump();
  const auto made = client_->request("POST", "/items/", headers, body);
  const auto repeated = client_->request("POST", "/items/", headers, body);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.body, repeated.body);
}

TEST_F(IdempotencyTest, AKeyBelongsToOneRequest) {
  start();
  EXPECT_EQ(send("POST", "/items/", "k", "a").status, 201);
  EXPECT_EQ(send("POST", "/items/", "k", "b").status, 422);
  EXPECT_EQ(send("PUT", "/items/1", "k", "a").status, 422);
  EXPECT_EQ(send("DELETE", "/items/1", "k").status, 422);
  EXPECT_EQ(client_->request("GET", "/items/1").body, R"({"name":"a","description":null,"id":1})");
}

TEST_F(IdempotencyTest, OfManyAtOnceOneIsMade) {
  start({"--http.threads=2"});
  std::vector<std::thread> threads;
  std::atomic<int> fresh = 0, wrong = 0;
  for (int i = 0; i < 24; ++i)
    threads.emplace_back([&] {
      auto client = service_->client();
      for (int key = 0; key < 20; ++key) {
        const auto answer = send(client, "POST", "/items/", std::to_string(key), "n" + std::to_string(key));
        if (answer.status != 201) ++wrong;
        if (!answer.header("Idempotency-Replayed")) ++fresh;
      }
    });
  for (auto& each : threads) each.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(fresh, 20);
  for (int key = 0; key < 20; ++key) EXPECT_EQ(count("n" + std::to_string(key)), "1") << key;
}

TEST_F(IdempotencyTest, RepeatedUntilAnsweredEachIsMadeOnceWhateverIsLost) {
  start();
  constexpr int clients = 8;
  const int rounds = 60 * size();
  std::atomic<int> done = 0;
  std::atomic<bool> stopped = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < clients; ++i)
    threads.emplace_back([&, i] {
      auto client = service_->client();
      for (int round = 0; round < rounds; ++round) {
        const auto name = "c" + std::to_string(i) + "-" + std::to_string(round);
        EXPECT_TRUE(eventually([&] { return send(client, "POST", "/items/", name, name).status == 201; }));
        ++done;
      }
    });
  std::thread faults{[&] {
    while (!stopped) server_.kill_backends(database_.name);
  }};
  EXPECT_TRUE(eventually([&] { return done > clients * rounds / 2; }, std::chrono::seconds{60}));
  stopped = true;
  faults.join();
  for (auto& each : threads) each.join();
  EXPECT_EQ(server_.query(database_.name, "SELECT count(*), count(DISTINCT name) FROM items"),
            (text_rows{{std::to_string(clients * rounds), std::to_string(clients * rounds)}}));
}

TEST_F(IdempotencyTest, AnExpiredKeyMeansNothing) {
  start({"--http.idempotency-ttl=1ms"});
  EXPECT_EQ(send("POST", "/items/", "k", "a").status, 201);
  EXPECT_TRUE(eventually([&] { return send("POST", "/items/", "k", "b").status == 201; }));
  EXPECT_EQ(count("a"), "1");
  EXPECT_EQ(count("b"), "1");
}

TEST_F(IdempotencyTest, ARefusedChangeKeepsNoKey) {
  start();
  server_.exec(database_.name, "ALTER TABLE items ADD CHECK (name <> 'bad')");
  EXPECT_EQ(send("POST", "/items/", "k", "bad").status, 422);
  EXPECT_EQ(send("POST", "/items/", "k", "good").status, 201);
  EXPECT_EQ(send("POST", "/items/", std::string(256, 'k')).status, 400);
}

TEST_F(IdempotencyTest, WithoutItsTableTheRestWorks) {
  server_.exec(database_.name,
               "CREATE TABLE items (id serial PRIMARY KEY, name varchar NOT NULL, description varchar)");
  start({"--db.migrate=off"});
  EXPECT_EQ(send("POST", "/items/", "k").status, 501);
  EXPECT_EQ(create_item(*client_, "lamp").status, 201);
  EXPECT_EQ(send("POST", "/items/", "k").status, 501);
  EXPECT_EQ(client_->request("GET", "/items/1").status, 200);
}

TEST_F(IdempotencyTest, AChangeThatAFrozenDatabaseDoesNotAnswerIsOfUnknownOutcome) {
  start({"--http.request-timeout=1s", "--db.pool-size=1"});
  ASSERT_EQ(create_item(*client_, "lamp").status, 201);
  const auto backends = server_.backend_pids(database_.name);
  for (const auto each : backends) ASSERT_EQ(kill(each, SIGSTOP), 0);
  // At once: the connection is given up after twice the time.
  const auto post = [](const std::string& headers) {
    return "POST /items/ HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 16\r\n" +
           headers + "\r\n{\"name\":\"torch\"}";
  };
  auto with_key = service_->client(), reader = service_->client();
  client_->send_raw(post(""));
  with_key.send_raw(post("Idempotency-Key: k\r\n"));
  reader.send_raw("GET /items/1 HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto plain = client_->read_response(), keyed = with_key.read_response();
  const auto read = reader.read_response();
  for (const auto each : backends) EXPECT_EQ(kill(each, SIGCONT), 0);
  EXPECT_EQ(plain.status, 504);
  EXPECT_EQ(
      plain.body,
      R"({"detail":"outcome_unknown: no answer came in time; the change may or may not have been made."})");
  EXPECT_EQ(keyed.status, 504);
  EXPECT_NE(keyed.body.find("It is safe to repeat it with the same Idempotency-Key."), std::string::npos)
      << keyed.body;
  EXPECT_EQ(read.body.find("outcome_unknown"), std::string::npos) << read.body;
  // They were sent, and are made once the database goes on.
  EXPECT_TRUE(eventually([&] { return count("torch") == "2"; }));
}

TEST_F(IdempotencyTest, AChangeThatAForcedStopLeavesIsOfUnknownOutcome) {
  start({"--http.shutdown-grace=300ms"});
  auto reader = service_->client();
  ASSERT_EQ(reader.request("GET", "/items/").status, 200);
  std::thread locker{[&] {
    server_.exec(database_.name,
                 "BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2); COMMIT");
  }};
  const auto waits = [&](const char* what) {
    return eventually([&] {
      return !server_
                  .query("postgres",
                         std::string{"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                                     "AND query LIKE '"} +
                             what + "'")
                  .empty();
    });
  };
  ASSERT_TRUE(eventually([&] {
    return !server_.query("postgres", "SELECT 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted")
                .empty();
  }));
  const std::string body = R"({"name":"lamp"})";
  client_->send_raw("POST /items/ HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
  ASSERT_TRUE(waits("INSERT%"));
  reader.send_raw("GET /items/1 HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(waits("SELECT%items%"));
  service_->program().signal(SIGTERM);
  const auto write = client_->read_response(), read = reader.read_response();
  EXPECT_EQ(write.status, 503);
  EXPECT_NE(write.body.find("outcome_unknown"), std::string::npos) << write.body;
  EXPECT_EQ(read.status, 503);
  EXPECT_EQ(read.body.find("outcome_unknown"), std::string::npos) << read.body;
  locker.join();
}

}  // namespace
}  // namespace troupe::test
