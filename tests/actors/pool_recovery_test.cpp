// The pool when connections die: what becomes of their queries, and when the next attempt is made.
#include <gtest/gtest.h>

#include <new>

#include "actors/pool.hpp"
#include "tests/actors/mock_connections.hpp"

namespace troupe::actors {
namespace {

using std::chrono::milliseconds;

class pool_recovery : public test::pool_fixture {
 protected:
  static pool_settings sized(std::size_t size, std::size_t depth = 64) {
    pool_settings out;
    out.size = size;
    out.pipeline_depth = depth;
    out.backoff_min = milliseconds{100};
    out.backoff_max = milliseconds{1000};
    out.seed = 5;
    return out;
  }

  void fail_oldest(std::size_t number, db::errc code) {
    tell(number, [code](auto& it) { it.fail_oldest({code, "as told"}); });
    run();
  }

  /// The waits between the attempts of a pool of one whose connections all fail at once.
  std::vector<milliseconds> waits_of_failing_attempts(std::uint64_t seed, std::size_t count) {
    auto settings = sized(1);
    settings.seed = seed;
    const auto first = connections.size();
    start_pool(settings);
    std::vector<milliseconds> out;
    for (auto i = first; out.size() < count; ++i) {
      lose(i);
      EXPECT_EQ(connections.size(), i + 1) << "an attempt without a wait";
      advance(milliseconds{1000});
      if (connections.size() != i + 2) break;
      const auto wait = connections[i + 1].at - connections[i].at;
      out.push_back(std::chrono::duration_cast<milliseconds>(wait));
      // The mock fails when the advance is over, so the rest of it counts as time to connect.
      connections[i + 1].at = now();
    }
    caf::anon_send_exit(pool, caf::exit_reason::kill);
    run();
    return out;
  }
};

TEST_F(pool_recovery, replaces_a_connection_that_was_ready_at_once) {
  start_ready_pool(sized(2));
  lose(1);
  EXPECT_EQ(status().ready, 1u);
  advance(milliseconds{0});
  ASSERT_EQ(connections.size(), 3u);
  EXPECT_EQ(connections[2].slot, 1u);
  EXPECT_EQ(connections[2].at, connections[1].at);
  EXPECT_EQ(status().ready, 1u);
  make_ready(2);
  EXPECT_EQ(status().ready, 2u);
}

TEST_F(pool_recovery, waits_twice_as_long_after_each_failed_attempt_up_to_the_bound) {
  const auto waits = waits_of_failing_attempts(5, 8);
  ASSERT_EQ(waits.size(), 8u);
  milliseconds whole{100};
  for (const auto each : waits) {
    EXPECT_GE(each, whole / 2);
    EXPECT_LE(each, whole);
    whole = std::min(whole * 2, milliseconds{1000});
  }
}

TEST_F(pool_recovery, its_waits_follow_from_the_seed) {
  const auto once = waits_of_failing_attempts(5, 6);
  EXPECT_EQ(once.size(), 6u);
  EXPECT_EQ(waits_of_failing_attempts(5, 6), once);
  EXPECT_NE(waits_of_failing_attempts(6, 6), once);
}

TEST_F(pool_recovery, starts_over_with_short_waits_once_a_connection_was_ready) {
  start_pool(sized(1));
  for (std::size_t i = 0; i < 6; ++i) {
    lose(i);
    advance(milliseconds{1000});
  }
  ASSERT_EQ(connections.size(), 7u);
  make_ready(6);
  lose(6);
  advance(milliseconds{0});
  ASSERT_EQ(connections.size(), 8u);
  lose(7);
  advance(milliseconds{100});
  EXPECT_EQ(connections.size(), 9u);
}

TEST_F(pool_recovery, repeats_a_lost_read_on_another_connection) {
  start_ready_pool(sized(2));
  const auto query = read();
  const auto answer = execute(query);
  lose(0);
  EXPECT_TRUE(answer->pending());
  ASSERT_EQ(sent_on(1), 1u);
  EXPECT_EQ(connections[1].sent->front(), query);
  answer_oldest(1, test::rows_of_number(2));
  ASSERT_TRUE(answer->value);
  EXPECT_EQ(answer->value->size(), 2);
}

TEST_F(pool_recovery, repeats_a_lost_read_only_once) {
  start_ready_pool(sized(3));
  const auto answer = execute(read());
  lose(0);
  ASSERT_EQ(sent_on(1) + sent_on(2), 1u);
  lose(sent_on(1) == 1 ? 1 : 2, "gone again");
  EXPECT_EQ(answer->code(), db::errc::connection_lost);
  EXPECT_EQ(answer->error->message, "gone again");
  EXPECT_EQ(sent_on(1) + sent_on(2), 1u);
}

TEST_F(pool_recovery, a_lost_read_waits_for_a_place_when_the_other_connection_is_full) {
  start_ready_pool(sized(2, 1));
  const auto answer = execute(read());
  execute(write());
  lose(0);
  ASSERT_TRUE(answer->pending());
  EXPECT_EQ(status().waiting, 1u);
  answer_oldest(1, {});
  ASSERT_EQ(sent_on(1), 2u);
  answer_oldest(1, test::rows_of_number(2));
  EXPECT_TRUE(answer->value);
}

TEST_F(pool_recovery, a_lost_read_that_waited_for_its_second_try_gets_no_third) {
  start_ready_pool(sized(3, 1));
  const auto answer = execute(read());
  execute(write());
  execute(write());
  lose(0);
  answer_oldest(1, {});
  ASSERT_EQ(sent_on(1), 2u);
  answer_oldest(2, {});
  lose(1);
  EXPECT_EQ(answer->code(), db::errc::connection_lost);
  EXPECT_EQ(sent_on(2), 1u);
}

TEST_F(pool_recovery, repeats_a_read_of_unknown_outcome) {
  start_ready_pool(sized(2));
  const auto answer = execute(read());
  fail_oldest(0, db::errc::outcome_unknown);
  EXPECT_TRUE(answer->pending());
  EXPECT_EQ(sent_on(1), 1u);
}

TEST_F(pool_recovery, never_repeats_a_write_of_unknown_outcome) {
  start_ready_pool(sized(2));
  const auto answer = execute(write());
  lose(0);
  EXPECT_EQ(answer->code(), db::errc::outcome_unknown);
  EXPECT_EQ(sent_on(1), 0u);
}

// Whatever becomes of the second attempt.
TEST_F(pool_recovery, a_repeatable_write_of_unknown_outcome_stays_unknown_when_it_fails_again) {
  static const db::statement keyed{"keyed", "", {}, true, true};
  const auto execute_keyed = [&] {
    return execute(std::make_shared<const query>(query{&keyed, {}, now() + milliseconds{100}}));
  };
  start_ready_pool(sized(2, 1));
  const auto refused = execute_keyed();
  execute(read());
  fail_oldest(0, db::errc::outcome_unknown);
  EXPECT_TRUE(refused->pending());
  answer_oldest(1, {});
  fail_oldest(1, db::errc::connection_lost);
  EXPECT_EQ(refused->code(), db::errc::outcome_unknown);

  connections.clear();
  start_ready_pool(sized(2, 1));
  const auto late = execute_keyed();
  execute(read());
  fail_oldest(0, db::errc::outcome_unknown);
  advance(milliseconds{100});
  answer_oldest(1, {});
  EXPECT_EQ(late->code(), db::errc::deadline_unknown);

  connections.clear();
  start_ready_pool(sized(2, 1));
  const auto nobody_left = execute_keyed();
  execute(read());
  fail_oldest(0, db::errc::outcome_unknown);
  lose(1);
  EXPECT_EQ(nobody_left->code(), db::errc::outcome_unknown);
}

TEST_F(pool_recovery, repeats_a_write_that_certainly_was_not_sent) {
  start_ready_pool(sized(2));
  const auto answer = execute(write());
  fail_oldest(0, db::errc::connection_lost);
  EXPECT_TRUE(answer->pending());
  EXPECT_EQ(sent_on(1), 1u);
}

TEST_F(pool_recovery, does_not_repeat_what_failed_for_another_reason) {
  start_ready_pool(sized(2));
  for (const auto code : {db::errc::invalid_value, db::errc::deadline_exceeded, db::errc::overloaded,
                          db::errc::statement_failed, db::errc::schema_mismatch}) {
    const auto answer = execute(read());
    fail_oldest(0, code);
    EXPECT_EQ(answer->code(), code);
  }
  EXPECT_EQ(sent_on(1), 0u);
  EXPECT_EQ(status().ready, 2u);
}

TEST_F(pool_recovery, repeats_even_a_write_whose_connection_died_before_it_was_handled) {
  start_ready_pool(sized(2));
  const auto query = write();
  const auto answer = send_request<db::result>(pool, query);
  run_once();
  // The pool is next in line; what it sends stands behind the end of the connection.
  tell(0, [](auto& it) { it.lose("gone", db::errc::connection_lost); });
  run();
  EXPECT_EQ(sent_on(0), 0u);
  EXPECT_TRUE(answer->pending());
  ASSERT_EQ(sent_on(1), 1u);
  EXPECT_EQ(connections[1].sent->front(), query);
}

TEST_F(pool_recovery, reports_a_lost_read_when_there_is_no_other_connection) {
  start_ready_pool(sized(1));
  const auto answer = execute(read());
  lose(0, "terminated");
  EXPECT_EQ(answer->code(), db::errc::connection_lost);
  EXPECT_EQ(answer->error->message, "terminated");
}

TEST_F(pool_recovery, sends_nothing_more_on_a_connection_that_lost_a_query) {
  start_ready_pool(sized(2, 8));
  execute(read());
  fail_oldest(0, db::errc::connection_lost);
  for (int i = 0; i < 4; ++i) execute(read());
  EXPECT_EQ(sent_on(0), 1u);
  EXPECT_EQ(sent_on(1), 5u);
}

TEST_F(pool_recovery, refuses_what_waits_when_the_last_connection_goes) {
  start_ready_pool(sized(2, 1));
  execute(write());
  execute(write());
  const auto first = execute(read());
  const auto second = execute(write());
  lose(0);
  EXPECT_TRUE(first->pending());
  EXPECT_TRUE(second->pending());
  lose(1, "server closed");
  EXPECT_EQ(first->code(), db::errc::unavailable);
  EXPECT_EQ(second->code(), db::errc::unavailable);
  EXPECT_EQ(first->error->message, "No connection to PostgreSQL is ready: the connection was lost");
  EXPECT_EQ(status().waiting, 0u);
}

TEST_F(pool_recovery, counts_from_zero_on_the_connection_that_replaces_a_lost_one) {
  start_ready_pool(sized(1, 2));
  execute(write());
  execute(write());
  // Against its promise without an answer.
  tell(0, [](auto& it) { it.self->quit(); });
  run();
  advance(milliseconds{0});
  make_ready(1);
  for (int i = 0; i < 3; ++i) execute(read());
  EXPECT_EQ(sent_on(1), 2u);
  EXPECT_EQ(status().waiting, 1u);
}

TEST_F(pool_recovery, survives_a_connection_that_dies_right_after_it_was_ready) {
  start_pool(sized(1));
  caf::anon_send(pool, connection_ready{0});
  tell(0, [](auto& it) { it.lose("gone", db::errc::connection_lost); });
  run();
  EXPECT_EQ(status().ready, 0u);
  EXPECT_EQ(execute(read())->code(), db::errc::unavailable);
}

TEST_F(pool_recovery, replaces_a_connection_that_ends_without_a_reason) {
  start_ready_pool(sized(1));
  tell(0, [](auto& it) { it.self->quit(); });
  advance(std::chrono::minutes{1});
  EXPECT_EQ(connections.size(), 2u);
}

TEST_F(pool_recovery, answers_for_a_connection_that_ends_without_a_word) {
  start_ready_pool(sized(2));
  const auto write_there = execute(write());
  const auto elsewhere = execute(read());
  const auto read_there = execute(read());
  ASSERT_EQ(sent_on(0), 2u);
  tell(0, [](auto&) { throw std::bad_alloc{}; });
  run();
  EXPECT_EQ(write_there->code(), db::errc::outcome_unknown);
  EXPECT_TRUE(elsewhere->pending());
  // The read is sent once more, on the other.
  EXPECT_EQ(sent_on(1), 2u);
  answer_oldest(1, {});
  answer_oldest(1, {});
  EXPECT_TRUE(elsewhere->value);
  EXPECT_TRUE(read_there->value);
  advance(milliseconds{100});
  ASSERT_EQ(connections.size(), 3u);
}

TEST_F(pool_recovery, a_connection_that_cannot_be_made_is_tried_again) {
  int attempts = 0;
  pool = spawn(actors::pool, sized(1),
               connection_factory{[&](slot_index, const pool_actor&) -> connection_actor {
                 ++attempts;
                 throw std::bad_alloc{};
               }},
               migrator_actor{});
  run();
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(execute(read())->code(), db::errc::unavailable);
  advance(milliseconds{100});
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(execute(read())->code(), db::errc::unavailable);
}

}  // namespace
}  // namespace troupe::actors
