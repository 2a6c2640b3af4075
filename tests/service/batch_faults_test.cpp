// What becomes of each request of a batch when PostgreSQL refuses, loses or delays the statement for all.
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"

namespace troupe::test {
namespace {

using nlohmann::json;

// A session that locks the items against all others, as soon as PostgreSQL lets it.
class table_lock {
 public:
  explicit table_lock(const test_database& database)
      : session_{PQconnectdb(database.uri.c_str()), &PQfinish} {
    if (PQsendQuery(session_.get(), "BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE") != 1)
      throw std::runtime_error{PQerrorMessage(session_.get())};
  }
  void release() { session_.reset(); }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> session_;
};

// Requests that were sent, each over a connection of its own, and not answered yet.
using sent_requests = std::deque<http_client>;

std::vector<http_response> answers_to(sent_requests sent) {
  std::vector<http_response> out;
  for (auto& each : sent) out.push_back(each.read_response());
  return out;
}

// A request, and those after it that the database keeps waiting as one statement.
struct held_batch {
  sent_requests first, batch;
  table_lock lock;
};

std::string post(const json& item) {
  const auto body = item.dump();
  return "POST /items/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string get(const std::string& id) { return "GET /items/" + id + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

// Creates named after a prefix and their number.
std::vector<std::string> posts(const std::string& prefix, int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(post({{"name", prefix + std::to_string(i)}}));
  return out;
}

// How the statements begin that answer several requests.
constexpr auto many_creates = "WITH given", many_reads = "SELECT %= ANY($1)";

class BatchFaultsTest : public testing::Test {
 protected:
  // One lane, so that all requests meet in the same batches.
  void start(const std::vector<std::string>& more = {"--http.request-timeout=30s"}) {
    std::vector<std::string> options{"--db.uri=" + database_.uri, "--http.threads=1"};
    options.insert(options.end(), more.begin(), more.end());
    service_.emplace(options);
    // One that connects still would wait for the lock to prepare its statements.
    EXPECT_TRUE(service_->program().wait_for_output("all 2 connections of the pool are ready"));
    client_.emplace(service_->client());
  }

  // Sends without waiting for answers, and returns when the service has read it all.
  sent_requests send(const std::vector<std::string>& requests) {
    sent_requests clients;
    for (std::size_t i = 0; i < requests.size(); ++i)
      EXPECT_EQ(clients.emplace_back(service_->client()).request("GET", "/none").status, 404);
    for (std::size_t i = 0; i < requests.size(); ++i) clients[i].send_raw(requests[i]);
    // The one lane reads its sockets in turn, at least a page of each before this is answered once more.
    std::size_t longest = 0;
    for (const auto& each : requests) longest = std::max(longest, each.size());
    for (std::size_t read = 0; read <= 2 * longest; read += 4096)
      EXPECT_EQ(client_->request("GET", "/none").status, 404);
    return clients;
  }

  // Processes that wait for a lock on the items with a statement like that.
  std::vector<std::string> waiting(const std::string& statement = "%") {
    std::vector<std::string> out;
    for (const auto& row :
         server_.query("postgres",
                       "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                       "datname = '" +
                           database_.name + "' AND query LIKE '" + statement + "%'"))
      out.push_back(*row[0]);
    return out;
  }
  void await_waiting(std::size_t count, const std::string& statement = "%") {
    if (!eventually([&] { return waiting(statement).size() == count; }))
      throw std::runtime_error{"not " + std::to_string(count) + " sessions wait with " + statement};
  }
  bool is_locked() {
    return !server_
                .query(database_.name,
                       "SELECT 1 FROM pg_locks WHERE relation = 'items'::regclass AND granted AND "
                       "mode = 'AccessExclusiveLock'")
                .empty();
  }

  // One lock holds the first request up while the others come; a second one stands in line between it
  // and them.
  held_batch hold(const std::vector<std::string>& requests, const std::string& statement) {
    table_lock before_first{database_};
    EXPECT_TRUE(eventually([&] { return is_locked(); }));
    auto first = send({requests[0]});
    await_waiting(1);
    auto batch = send({requests.begin() + 1, requests.end()});
    table_lock before_batch{database_};
    await_waiting(2);
    before_first.release();
    await_waiting(1, statement);
    return {std::move(first), std::move(batch), std::move(before_batch)};
  }

  void terminate(const std::string& pid) {
    server_.exec("postgres", "SELECT pg_terminate_backend(" + pid + ")");
    EXPECT_TRUE(eventually([&] {
      return server_.query("postgres", "SELECT 1 FROM pg_stat_activity WHERE pid = " + pid).empty();
    }));
  }

  std::multiset<std::string> names() {
    std::multiset<std::string> out;
    for (const auto& row : server_.query(database_.name, "SELECT name FROM items")) out.insert(*row[0]);
    return out;
  }

  postgres& server_ = postgres::instance();
  test_database database_ = server_.create_database();
  std::optional<running_service> service_;
  std::optional<http_client> client_;
};

TEST_F(BatchFaultsTest, OfABatchOnlyTheBadRowsAreRefused) {
  // As SQLAlchemy makes it, with all that the database may hold against a row.
  server_.exec(database_.name, R"(
    CREATE TABLE items (id serial PRIMARY KEY, name varchar(20) NOT NULL, description varchar,
                        CHECK (description <> 'checked'), UNIQUE (name),
                        EXCLUDE USING btree (description WITH =) WHERE (description = 'once')
                          DEFERRABLE INITIALLY DEFERRED);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'no %', NEW.name; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON items FOR EACH ROW
      WHEN (NEW.description = 'raised') EXECUTE FUNCTION refuse();
    INSERT INTO items (name, description) VALUES ('taken', 'once'))");
  start();
  service_->expect_errors();
  struct bad_row {
    json item;
    int status;
    std::string words;
  };
  // The last is refused at the commit only, when its row was returned already.
  const std::vector<bad_row> kinds{
      {{{"name", "a"}, {"description", "checked"}}, 422, "value_error"},
      {{{"name", "taken"}}, 422, "value_error"},
      {{{"name", std::string(21, 'x')}}, 422, "string_too_long"},
      {{{"name", "b"}, {"description", "raised"}}, 500, "Internal Server Error"},
      {{{"name", "c"}, {"description", "once"}}, 422, "value_error"},
  };
  std::size_t stored = 1;
  for (std::size_t round = 0; round <= kinds.size(); ++round) {
    SCOPED_TRACE(round);
    // One bad row of each kind by turns, then one of each at once.
    auto bad = kinds;
    if (round < kinds.size()) bad = {kinds[round]};
    auto requests = posts("good" + std::to_string(round) + "-", 9);
    const auto good = requests.size() - 1;
    for (std::size_t i = 0; i < bad.size(); ++i)
      requests.insert(requests.begin() + 2 + static_cast<std::ptrdiff_t>(2 * i), post(bad[i].item));
    auto held = hold(requests, many_creates);
    held.lock.release();
    EXPECT_EQ(answers_to(std::move(held.first))[0].status, 201);
    const auto answers = answers_to(std::move(held.batch));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const bool is_bad = i % 2 == 1 && i / 2 < bad.size();
      EXPECT_EQ(answers[i].status, is_bad ? bad[i / 2].status : 201) << answers[i].body;
      if (is_bad) {
        EXPECT_NE(answers[i].body.find(bad[i / 2].words), std::string::npos) << answers[i].body;
      } else {
        // What was answered is what stands there.
        const auto made = json::parse(answers[i].body);
        EXPECT_EQ(client_->request("GET", "/items/" + made["id"].dump()).body, answers[i].body);
      }
    }
    stored += good + 1;
    EXPECT_EQ(names().size(), stored);
  }
  const auto all = names();
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), stored);
}

TEST_F(BatchFaultsTest, OfTwoEqualRowsInABatchOneIsRefused) {
  start();
  server_.exec(database_.name, "CREATE UNIQUE INDEX ON items (name)");
  auto requests = posts("n", 4);
  requests.insert(requests.end(), {requests[2], requests[2]});
  auto held = hold(requests, many_creates);
  held.lock.release();
  std::multiset<int> statuses;
  for (const auto& each : answers_to(std::move(held.batch))) statuses.insert(each.status);
  EXPECT_EQ(statuses, (std::multiset<int>{201, 201, 201, 422, 422}));
  EXPECT_EQ(names(), (std::multiset<std::string>{"n0", "n1", "n2", "n3"}));
}

TEST_F(BatchFaultsTest, ALostBatchOfCreatesIsOfUnknownOutcomeAndWhatWaitsBehindItIsExecuted) {
  start();
  auto held = hold(posts("batch", 8), many_creates);
  auto behind = send(posts("behind", 5));
  terminate(waiting(many_creates).at(0));
  EXPECT_EQ(answers_to(std::move(held.first))[0].status, 201);
  // The table is locked still: this is answered because the connection was lost, and not tried again.
  for (const auto& each : answers_to(std::move(held.batch))) {
    EXPECT_EQ(each.status, 503);
    EXPECT_NE(each.body.find("outcome_unknown"), std::string::npos) << each.body;
    EXPECT_TRUE(each.header("Retry-After"));
  }
  await_waiting(1, many_creates);
  held.lock.release();
  for (const auto& each : answers_to(std::move(behind))) EXPECT_EQ(each.status, 201) << each.body;
  EXPECT_EQ(names(),
            (std::multiset<std::string>{"batch0", "behind0", "behind1", "behind2", "behind3", "behind4"}));
}

TEST_F(BatchFaultsTest, ALostBatchOfReadsIsReadAgain) {
  start();
  for (auto& each : answers_to(send(posts("n", 3)))) ASSERT_EQ(each.status, 201);
  // The same twice, one that is not there, and one that no table can have.
  auto held =
      hold({get("1"), get("3"), get("2"), get("999"), get("3"), get("99999999999"), get("-1")}, many_reads);
  auto behind = send({get("1"), get("1"), get("4")});
  terminate(waiting(many_reads).at(0));
  // Over the other connection.
  await_waiting(1, many_reads);
  held.lock.release();
  const auto expect = [&](const std::vector<http_response>& answers, const std::vector<int>& ids) {
    ASSERT_EQ(answers.size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(answers[i].status, ids[i] == 0 ? 404 : 200) << answers[i].body;
      if (ids[i] != 0) {
        EXPECT_EQ(json::parse(answers[i].body)["id"], ids[i]);
      }
    }
  };
  expect(answers_to(std::move(held.first)), {1});
  expect(answers_to(std::move(held.batch)), {3, 2, 0, 3, 0, 0});
  expect(answers_to(std::move(behind)), {1, 1, 0});
}

TEST_F(BatchFaultsTest, WhatABatchKeepsWaitingBeyondItsDeadlineIsAnswered504) {
  start({"--http.request-timeout=3s"});
  auto held = hold(posts("batch", 8), many_creates);
  EXPECT_EQ(answers_to(std::move(held.first))[0].status, 201);
  auto behind = send(posts("behind", 5));
  for (const auto& each : answers_to(std::move(held.batch))) EXPECT_EQ(each.status, 504) << each.body;
  for (const auto& each : answers_to(std::move(behind))) EXPECT_EQ(each.status, 504) << each.body;
  held.lock.release();
  for (auto& each : answers_to(send(posts("later", 5)))) EXPECT_EQ(each.status, 201) << each.body;
  const auto stored = names();
  for (const auto& each : stored) EXPECT_EQ(stored.count(each), 1U) << each;
  EXPECT_EQ(
      std::count_if(stored.begin(), stored.end(), [](const auto& name) { return name.starts_with("later"); }),
      5);
}

TEST_F(BatchFaultsTest, LargeRowsLeaveInSeveralStatements) {
  start();
  std::vector<std::string> requests;
  const std::string text(300'000, 'x');
  for (int i = 0; i < 12; ++i) requests.push_back(post({{"name", std::to_string(i)}, {"description", text}}));
  table_lock lock{database_};
  EXPECT_TRUE(eventually([&] { return is_locked(); }));
  auto sent = send(requests);
  await_waiting(1);
  lock.release();
  for (const auto& each : answers_to(std::move(sent))) {
    EXPECT_EQ(each.status, 201);
    EXPECT_EQ(json::parse(each.body)["description"], text);
  }
  EXPECT_EQ(names().size(), 12U);
  // Rows of one transaction: several, but not more than 1 MiB.
  const auto together = server_.query(
      database_.name, "SELECT max(count) FROM (SELECT count(*) FROM items GROUP BY xmin) AS transactions");
  EXPECT_EQ(together[0][0], "3");
}

}  // namespace
}  // namespace troupe::test
