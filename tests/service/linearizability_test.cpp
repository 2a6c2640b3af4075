// Many clients at a few items at once: what they saw has to fit some order, one after the other.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/history.hpp"
#include "tests/support/size.hpp"

namespace troupe::test {
namespace {

using kind = operation::kind;
using answer = operation::answer;
using nlohmann::json;
using clock = std::chrono::steady_clock;

constexpr std::size_t list_limit = 10;

// The ids that the clients share; 0 where the item was found to be gone, -1 while it is made anew.
using shared_ids = std::array<std::atomic<std::int64_t>, 5>;

class random_client {
 public:
  random_client(const running_service& service, shared_ids& ids, std::uint64_t seed, int number)
      : connections_{service.client(), service.client()},
        ids_{ids},
        random_{seed * 1000 + static_cast<std::uint64_t>(number)},
        number_{number} {}

  void run(int count, std::atomic<int>& answered) {
    const auto deadline = clock::now() + std::chrono::seconds{60};
    try {
      // Refusals do not count: while no connection is there they come by the thousand.
      for (int i = 0; i < count; answered += answered_, i += std::exchange(answered_, 0)) {
        if (clock::now() > deadline) throw std::runtime_error{"the service does not get on"};
        step();
      }
    } catch (const std::exception& failed) {
      ADD_FAILURE() << failed.what();
    }
  }

  observations seen;
  int unknown = 0, refused = 0;

 private:
  int below(int bound) { return static_cast<int>(random_() % static_cast<std::uint64_t>(bound)); }

  void step() {
    auto& shared = ids_[static_cast<std::size_t>(below(static_cast<int>(ids_.size())))];
    auto id = shared.load();
    if (id == 0 && shared.compare_exchange_strong(id, -1)) {
      id = create();
      shared = id;
      // Over any of the connections; the first of all reads of the new item.
      if (id != 0) ask(id, kind::read, "GET");
      return;
    }
    const int choice = below(100);
    if (id <= 0 || choice < 20) return list();
    const auto value = unique_value();
    const auto got = choice < 60   ? ask(id, kind::read, "GET")
                     : choice < 78 ? ask(id, kind::replace, "PUT", {value, value},
                                         json{{"name", value}, {"description", value}})
                     : choice < 98 ? ask(id, kind::rename, "PATCH", {value, ""}, json{{"name", value}})
                                   : ask(id, kind::remove, "DELETE");
    if (got == answer::absent) shared.compare_exchange_strong(id, 0);
  }

  std::string unique_value() { return std::to_string(number_) + "-" + std::to_string(++values_); }

  struct timed_response {
    http_response response;
    operation::time_point called, returned;
  };

  timed_response send(std::string_view method, const std::string& target, const json& body = {}) {
    auto& connection = connections_[static_cast<std::size_t>(below(2))];
    timed_response out;
    out.called = clock::now();
    out.response = body.is_null() ? connection.request(method, target)
                                  : connection.request(method, target, json_content, body.dump());
    out.returned = clock::now();
    return out;
  }

  // Nothing if the service says that it did nothing.
  std::optional<answer> meaning_of(const http_response& response) {
    const bool is_unknown = response.body.find("outcome_unknown") != std::string::npos;
    answered_ += response.status == 503 && !is_unknown ? 0 : 1;
    if (response.status == 404) return answer::absent;
    if (response.status < 300) return answer::done;
    if (response.status != 503) throw std::runtime_error{std::to_string(response.status) + response.body};
    ++(is_unknown ? unknown : refused);
    return is_unknown ? std::optional{answer::unknown} : std::nullopt;
  }

  static content row_in(const json& row) { return {row.at("name"), row.at("description")}; }

  std::optional<answer> ask(std::int64_t id, kind what, std::string_view method, content given = {},
                            const json& body = {}) {
    const auto [response, called, returned] = send(method, "/items/" + std::to_string(id), body);
    const auto got = meaning_of(response);
    if (!got) return got;
    if (*got == answer::done && what != kind::remove) {
      const auto row = json::parse(response.body);
      auto told = row_in(row);
      EXPECT_EQ(row.at("id"), id);
      EXPECT_TRUE(what == kind::read || told.name == given.name) << response.body;
      EXPECT_TRUE(what != kind::replace || told == given) << response.body;
      given = std::move(told);
    }
    seen.items[id].push_back({what, *got, std::move(given), called, returned});
    return got;
  }

  std::int64_t create() {
    const auto value = unique_value();
    const auto [response, called, returned] =
        send("POST", "/items/", json{{"name", value}, {"description", value}});
    const auto got = meaning_of(response);
    if (!got) return 0;
    const operation made{kind::create, *got, {value, value}, called, returned};
    if (*got == answer::unknown) {
      seen.lost_creates.push_back(made);
      return 0;
    }
    const auto row = json::parse(response.body);
    EXPECT_EQ(row_in(row), made.row);
    const std::int64_t id = row.at("id");
    seen.items[id].push_back(made);
    return id;
  }

  void list() {
    const auto [response, called, returned] = send("GET", "/items/?limit=" + std::to_string(list_limit));
    if (!meaning_of(response)) return;
    seen_list out{called, returned, {}, {}};
    for (const auto& row : json::parse(response.body)) out.rows[row.at("id")] = row_in(row);
    out.whole = out.rows.size() < list_limit;
    seen.lists.push_back(std::move(out));
  }

  std::array<http_client, 2> connections_;
  shared_ids& ids_;
  std::mt19937_64 random_;
  int number_;
  int values_ = 0;
  int answered_ = 0;
};

class LinearizabilityTest : public testing::Test {
 protected:
  static constexpr int client_count = 16;
  const int count_of_each = 250 * size();

  static std::uint64_t seed() {
    // For other requests than the usual ones; their timing is never the same.
    const char* const wanted = std::getenv("TROUPE_HISTORY_SEED");
    return wanted ? std::stoull(wanted) : 1;
  }

  // Reads take their time now and then after they have found their row, so that a write can be answered
  // before the read that does not see it: a policy of the table has them wait, if they are no superuser's.
  void start(int lanes) {
    const auto role = "client_of_" + database_.name;
    server_.exec(database_.name, R"(
      CREATE TABLE items (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text, description text);
      CREATE FUNCTION linger() RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN IF random() < 0.2 THEN PERFORM pg_sleep(0.003); END IF; RETURN true; END $$;
      ALTER TABLE items ENABLE ROW LEVEL SECURITY;
      CREATE POLICY anything ON items USING (true);
      CREATE POLICY slowly ON items AS RESTRICTIVE FOR SELECT USING (linger());
      CREATE ROLE )" + role + " LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO " +
                                     role + "; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO " + role);
    auto uri = database_.uri;
    uri.replace(uri.find("user=postgres"), 13, "user=" + role);
    service_.emplace(std::vector<std::string>{"--db.uri=" + uri, "--db.migrate=off", "--db.echo=on",
                                              "--http.threads=" + std::to_string(lanes)});
    for (int i = 0; i < client_count; ++i) clients_.emplace_back(*service_, ids_, seed(), i);
    for (auto& each : clients_) threads_.emplace_back([this, &each] { each.run(count_of_each, answered_); });
  }

  // Ends connections to PostgreSQL while the clients are at it: mostly one, at times all.
  void lose_connections(int rounds) {
    std::mt19937_64 random{seed()};
    for (int round = 1; round <= rounds; ++round) {
      const int due = client_count * count_of_each * round / (rounds + 1);
      if (!eventually([&] { return answered_ >= due || HasFailure(); })) return;
      const auto pids = server_.backend_pids(database_.name);
      if (pids.empty() || random() % 4 == 0)
        server_.kill_backends(database_.name);
      else
        server_.exec("postgres",
                     "SELECT pg_terminate_backend(" + std::to_string(pids[random() % pids.size()]) + ")");
    }
  }

  void finish() {
    for (auto& each : threads_) each.join();
    threads_.clear();
    for (auto& each : clients_) {
      unknown_ += each.unknown;
      refused_ += each.refused;
      all_.push_back(std::move(each.seen));
    }
    // What it all came to.
    seen_list left{clock::now(), {}, {}, true};
    for (const auto& row : server_.query(database_.name, "SELECT id, name, description FROM items"))
      left.rows[std::stoll(*row[0])] = {*row[1], *row[2]};
    left.returned = clock::now();
    all_.emplace_back().lists.push_back(std::move(left));
  }

  void expect_an_order() const {
    std::size_t total = 0;
    for (const auto& [id, history] : by_item(all_)) {
      total += history.size();
      const auto wrong = find_inexplicable(history);
      if (wrong)
        ADD_FAILURE() << "TROUPE_HISTORY_SEED=" << seed() << ", item " << id << ": "
                      << described(history, *wrong);
    }
    EXPECT_GT(total, static_cast<std::size_t>(client_count * count_of_each));
  }

  // Or the clients do not test what they are here for.
  void expect_batches() {
    const auto log = service_->program().output();
    int count = 0;
    for (auto at = log.find("= ANY($1)"); at != std::string::npos; at = log.find("= ANY($1)", at + 1))
      ++count;
    EXPECT_GT(count, 10);
  }

  postgres& server_ = postgres::instance();
  test_database database_ = server_.create_database();
  std::optional<running_service> service_;
  shared_ids ids_{};
  std::deque<random_client> clients_;
  std::atomic<int> answered_ = 0;
  std::vector<observations> all_;
  int unknown_ = 0, refused_ = 0;
  std::vector<std::jthread> threads_;
};

TEST_F(LinearizabilityTest, OneLane) {
  start(1);
  finish();
  EXPECT_EQ(unknown_ + refused_, 0);
  expect_batches();
  expect_an_order();
}

// A read comes over another lane than the write before it, with a batch and a pool of its own.
TEST_F(LinearizabilityTest, TwoLanes) {
  start(2);
  finish();
  EXPECT_EQ(unknown_ + refused_, 0);
  expect_an_order();
}

TEST_F(LinearizabilityTest, WhileConnectionsAreLost) {
  start(2);
  lose_connections(12);
  finish();
  EXPECT_GT(unknown_, 0);
  expect_an_order();
}

}  // namespace
}  // namespace troupe::test
