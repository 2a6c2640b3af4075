// The pool at work: which connection gets a query, what waits, what is refused.
#include "actors/pool.hpp"

#include <gtest/gtest.h>

#include "tests/actors/mock_connections.hpp"

namespace troupe::actors {
namespace {

using std::chrono::milliseconds;

class pool_test : public test::pool_fixture {
 protected:
  static pool_settings sized(std::size_t size, std::size_t depth = 64, std::size_t queue = 100) {
    pool_settings out;
    out.size = size;
    out.pipeline_depth = depth;
    out.max_queue = queue;
    return out;
  }
};

TEST_F(pool_test, makes_one_connection_for_each_slot_at_once) {
  start_pool(sized(3));
  ASSERT_EQ(connections.size(), 3u);
  for (slot_index i = 0; i < 3; ++i) EXPECT_EQ(connections[i].slot, i);
}

TEST_F(pool_test, refuses_at_once_while_no_connection_is_ready) {
  start_pool(sized(2));
  const auto answer = execute(read());
  EXPECT_EQ(answer->code(), db::errc::unavailable);
  EXPECT_EQ(answer->error->message, "No connection to PostgreSQL is ready yet.");
  EXPECT_EQ(status().waiting, 0u);
  EXPECT_EQ(sent_on(0) + sent_on(1), 0u);
}

TEST_F(pool_test, says_why_no_connection_is_ready_without_the_drivers_words) {
  start_pool(sized(1));
  lose(0, "password hunter2 is wrong", db::errc::login_refused);
  EXPECT_EQ(execute(read())->error->message, "No connection to PostgreSQL is ready: it refuses the login");
  EXPECT_EQ(status().last_failure, "it refuses the login");
}

TEST_F(pool_test, hands_the_rows_of_a_query_to_the_one_who_asked) {
  start_ready_pool(sized(1));
  const auto first = execute(read());
  const auto second = execute(write());
  EXPECT_TRUE(first->pending());
  answer_oldest(0, test::rows_of_number(3));
  ASSERT_TRUE(first->value);
  EXPECT_EQ(first->value->size(), 3);
  EXPECT_TRUE(second->pending());
  answer_oldest(0, test::rows_of_number(1));
  ASSERT_TRUE(second->value);
  EXPECT_EQ(second->value->size(), 1);
}

TEST_F(pool_test, sends_to_the_ready_connection_with_the_fewest_in_flight) {
  start_ready_pool(sized(3));
  for (int i = 0; i < 6; ++i) execute(read());
  EXPECT_EQ(sent_on(0), 2u);
  EXPECT_EQ(sent_on(1), 2u);
  EXPECT_EQ(sent_on(2), 2u);
  answer_oldest(1, {});
  answer_oldest(1, {});
  answer_oldest(2, {});
  execute(read());
  execute(read());
  EXPECT_EQ(sent_on(1), 4u);
  execute(read());
  execute(read());
  execute(read());
  EXPECT_EQ(sent_on(0), 2u + 1u);
  EXPECT_EQ(sent_on(1) + sent_on(2), 8u);
}

TEST_F(pool_test, leaves_connections_alone_that_are_not_ready) {
  start_pool(sized(3));
  make_ready(1);
  for (int i = 0; i < 5; ++i) execute(read());
  EXPECT_EQ(sent_on(1), 5u);
  EXPECT_EQ(sent_on(0) + sent_on(2), 0u);
}

TEST_F(pool_test, sends_no_more_than_the_pipeline_depth_and_the_rest_in_order) {
  start_ready_pool(sized(1, 2));
  std::vector<query_ptr> queries;
  for (int i = 0; i < 5; ++i) queries.push_back(read());
  for (const auto& each : queries) execute(each);
  EXPECT_EQ(sent_on(0), 2u);
  EXPECT_EQ(status().waiting, 3u);
  for (std::size_t left = 3; left > 0; --left) {
    answer_oldest(0, {});
    EXPECT_EQ(sent_on(0), 6 - left);
    EXPECT_EQ(status().waiting, left - 1);
  }
  EXPECT_EQ(*connections[0].sent, queries);
}

TEST_F(pool_test, frees_a_place_when_a_query_fails) {
  start_ready_pool(sized(1, 1));
  const auto first = execute(read());
  execute(read());
  tell(0, [](auto& it) { it.fail_oldest({db::errc::invalid_value, "no"}); });
  run();
  EXPECT_EQ(first->code(), db::errc::invalid_value);
  EXPECT_EQ(first->error->message, "no");
  EXPECT_EQ(sent_on(0), 2u);
  EXPECT_EQ(status().ready, 1u);
}

TEST_F(pool_test, a_connection_that_becomes_ready_takes_what_waits) {
  start_pool(sized(2, 1));
  make_ready(0);
  execute(read());
  const auto second = execute(read());
  EXPECT_TRUE(second->pending());
  make_ready(1);
  EXPECT_EQ(sent_on(1), 1u);
  EXPECT_EQ(status().waiting, 0u);
}

TEST_F(pool_test, refuses_as_overloaded_beyond_the_bound_of_the_queue) {
  start_ready_pool(sized(1, 1, 2));
  execute(read());
  const auto second = execute(read());
  const auto third = execute(read());
  const auto fourth = execute(write());
  EXPECT_TRUE(second->pending());
  EXPECT_TRUE(third->pending());
  EXPECT_EQ(fourth->code(), db::errc::overloaded);
  answer_oldest(0, {});
  EXPECT_TRUE(execute(read())->pending());
  EXPECT_EQ(execute(read())->code(), db::errc::overloaded);
}

TEST_F(pool_test, never_sends_a_query_whose_deadline_passed_while_it_waited) {
  start_ready_pool(sized(1, 1));
  execute(read());
  const auto expired = execute(make_query(false, now() + milliseconds{100}));
  const auto later = make_query(false, now() + milliseconds{101});
  execute(later);
  advance(milliseconds{100});
  EXPECT_TRUE(expired->pending());
  answer_oldest(0, {});
  EXPECT_EQ(expired->code(), db::errc::deadline_exceeded);
  ASSERT_EQ(sent_on(0), 2u);
  EXPECT_EQ(connections[0].sent->back(), later);
}

TEST_F(pool_test, drops_all_expired_queries_at_once) {
  start_ready_pool(sized(1, 1));
  execute(read());
  std::vector<test::answer_ptr<db::result>> expired;
  for (int i = 0; i < 3; ++i) expired.push_back(execute(make_query(true, now() + milliseconds{10})));
  advance(milliseconds{20});
  answer_oldest(0, {});
  for (const auto& each : expired) EXPECT_EQ(each->code(), db::errc::deadline_exceeded);
  EXPECT_EQ(sent_on(0), 1u);
}

TEST_F(pool_test, tells_how_it_is_doing) {
  start_pool(sized(2, 1));
  auto now = status();
  EXPECT_EQ(now.size, 2u);
  EXPECT_EQ(now.ready, 0u);
  EXPECT_EQ(now.waiting, 0u);
  EXPECT_EQ(now.last_failure, "");
  make_ready(0);
  execute(read());
  execute(read());
  lose(1, "refused");
  now = status();
  EXPECT_EQ(now.ready, 1u);
  EXPECT_EQ(now.waiting, 1u);
  EXPECT_EQ(now.last_failure, "the connection was lost");
}

TEST_F(pool_test, forgets_the_last_failure_once_all_connections_are_ready) {
  start_ready_pool(sized(2));
  lose(0, "refused");
  EXPECT_EQ(status().ready, 1u);
  EXPECT_EQ(status().last_failure, "the connection was lost");
  advance(milliseconds{0});
  ASSERT_EQ(connections.size(), 3u);
  make_ready(2);
  EXPECT_EQ(status().ready, 2u);
  EXPECT_EQ(status().last_failure, "");
}

TEST_F(pool_test, takes_its_connections_down_with_it) {
  start_ready_pool(sized(2));
  caf::anon_send_exit(pool, caf::exit_reason::user_shutdown);
  run();
  for (std::size_t i = 0; i < 2; ++i) {
    const auto orphan = ask<db::result>(connections[i].actor, read());
    EXPECT_EQ(orphan->raw_error, caf::sec::request_receiver_down);
    EXPECT_EQ(sent_on(i), 0u);
  }
  EXPECT_EQ(execute(read())->raw_error, caf::sec::request_receiver_down);
  advance(std::chrono::minutes{1});
  EXPECT_EQ(connections.size(), 2u);
}

}  // namespace
}  // namespace troupe::actors
