// Which requests the balancer gives to another worker when one fails or is lost, and what the others get.
#include <gtest/gtest.h>

#include <string>

#include "tests/actors/balancer_fixture.hpp"

namespace troupe::actors {
namespace {

using db::item_table;
using test::item_called;

class balancer_retry_test : public test::balancer_fixture {};

TEST_F(balancer_retry_test, reads_and_keyed_changes_of_a_lost_worker_go_to_another) {
  start(1);
  const auto read = find_item(1);
  const auto listed = ask<rows<item_table>>(balancer, list<item_table>{0, 10, budget});
  const auto once = create_once("k");
  flush();
  add_worker();
  lose(0);
  flush();
  const auto jobs = workers[1].jobs();
  ASSERT_EQ(jobs.size(), 3u);
  answer(1, jobs[0].number, item_called("a"));
  answer(1, jobs[1].number, rows<item_table>{});
  answer(1, jobs[2].number, once_reply<item_table>{item_called("b"), true});
  EXPECT_TRUE(read->value);
  EXPECT_TRUE(listed->value);
  EXPECT_TRUE(once->value);
}

TEST_F(balancer_retry_test, changes_that_a_lost_worker_had_are_unknown) {
  start(1);
  const auto created = create_item("a");
  const auto replaced = ask<db::item>(balancer, replace<item_table>{item_called("a"), budget});
  const auto updated = ask<db::item>(balancer, update<item_table>{item_called("a"), 1, budget});
  const auto removed = ask<std::int64_t>(balancer, remove<item_table>{1, budget});
  flush();
  add_worker();
  lose(0);
  flush();
  EXPECT_EQ(created->code(), db::errc::outcome_unknown);
  EXPECT_EQ(replaced->code(), db::errc::outcome_unknown);
  EXPECT_EQ(updated->code(), db::errc::outcome_unknown);
  EXPECT_EQ(removed->code(), db::errc::outcome_unknown);
  EXPECT_EQ(count(1), 0u);
  EXPECT_EQ(status().outstanding, 0u);
}

TEST_F(balancer_retry_test, what_had_not_left_goes_to_another_whatever_it_is) {
  start(1);
  const auto created = create_item("a");
  add_worker();
  lose(0);
  EXPECT_TRUE(created->pending());
  flush();
  answer_latest(1, item_called("a", 1));
  EXPECT_TRUE(created->value);
}

TEST_F(balancer_retry_test, without_another_worker_reads_end_with_no_worker) {
  start(1);
  const auto sent = find_item(1);
  flush();
  const auto unsent = create_item("a");
  lose(0);
  EXPECT_EQ(sent->code(), db::errc::no_worker);
  EXPECT_EQ(unsent->code(), db::errc::no_worker);
  EXPECT_EQ(status().workers, 0u);
  EXPECT_EQ(status().outstanding, 0u);
}

// no_worker says that nothing was executed (db/error.hpp).
TEST_F(balancer_retry_test, a_keyed_change_that_a_lost_worker_had_is_unknown_when_nobody_is_left) {
  start(1);
  const auto once = create_once("k");
  flush();
  lose(0);
  EXPECT_EQ(once->code(), db::errc::outcome_unknown);
}

// So does unavailable, of the last attempt; it cannot speak for the first.
TEST_F(balancer_retry_test, a_keyed_change_stays_unknown_when_a_later_attempt_is_refused) {
  start(1);
  const auto once = create_once("k");
  flush();
  add_worker();
  lose(0);
  flush();
  fail_latest(1, db::errc::unavailable);
  EXPECT_EQ(once->code(), db::errc::outcome_unknown);
}

TEST_F(balancer_retry_test, a_keyed_change_stays_unknown_when_a_later_attempt_is_too_late) {
  start(1);
  const auto lost = create_once("k"), again = create_once("l");
  flush();
  add_worker();
  lose(0);
  // One attempt ends unsent at its deadline, the other is answered so.
  advance(budget + milliseconds{50});
  EXPECT_EQ(lost->code(), db::errc::deadline_unknown);
  EXPECT_EQ(again->code(), db::errc::deadline_unknown);
  const auto third = create_once("m");
  flush();
  add_worker();
  lose(1);
  flush();
  fail_latest(2, db::errc::deadline_exceeded);
  EXPECT_EQ(third->code(), db::errc::deadline_unknown);
}

TEST_F(balancer_retry_test, a_lost_request_is_given_to_so_many_workers_as_the_setting_says) {
  node_settings settings;
  settings.max_attempts = 3;
  start(1, settings);
  const auto read = find_item(1);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(read->pending());
    flush();
    EXPECT_EQ(count(i), 1u);
    add_worker();
    lose(i);
  }
  EXPECT_EQ(read->code(), db::errc::no_worker);
  flush();
  EXPECT_EQ(count(3), 0u);
  EXPECT_EQ(status().outstanding, 0u);
}

TEST_F(balancer_retry_test, what_a_worker_certainly_did_not_do_another_is_asked) {
  for (const auto code : {db::errc::unavailable, db::errc::connection_lost, db::errc::overloaded}) {
    workers.clear();
    start(2);
    const auto created = create_item("a");
    flush();
    const auto first = busier();
    fail_latest(first, code);
    EXPECT_TRUE(created->pending());
    flush();
    EXPECT_EQ(count(first), 1u);
    answer_latest(1 - first, item_called("a", 1));
    EXPECT_TRUE(created->value) << to_string(code);
  }
}

TEST_F(balancer_retry_test, when_all_refuse_the_last_word_is_the_answer) {
  start(2);
  const auto created = create_item("a");
  flush();
  const auto first = busier();
  fail_latest(first, db::errc::unavailable);
  flush();
  fail_latest(1 - first, db::errc::connection_lost);
  flush();
  fail_latest(first, db::errc::overloaded);
  EXPECT_EQ(created->code(), db::errc::overloaded);
  EXPECT_EQ(status().outstanding, 0u);
}

TEST_F(balancer_retry_test, the_only_worker_is_not_asked_twice) {
  start(1);
  const auto read = find_item(1);
  flush();
  fail_latest(0, db::errc::unavailable);
  EXPECT_EQ(read->code(), db::errc::unavailable);
  flush();
  EXPECT_EQ(count(0), 1u);
}

TEST_F(balancer_retry_test, other_errors_are_the_answer) {
  for (const auto code : {db::errc::not_found, db::errc::deadline_exceeded, db::errc::invalid_value,
                          db::errc::value_too_long, db::errc::statement_failed, db::errc::schema_mismatch,
                          db::errc::key_reused, db::errc::not_supported}) {
    workers.clear();
    start(2);
    const auto once = create_once("k");
    flush();
    fail_latest(busier(), code);
    EXPECT_EQ(once->code(), code);
  }
}

TEST_F(balancer_retry_test, an_unknown_outcome_is_tried_again_with_a_key_only) {
  start(2);
  const auto created = create_item("a");
  flush();
  fail_latest(busier(), db::errc::outcome_unknown);
  EXPECT_EQ(created->code(), db::errc::outcome_unknown);
  workers.clear();
  start(2);
  const auto once = create_once("k");
  flush();
  const auto first = busier();
  fail_latest(first, db::errc::outcome_unknown);
  EXPECT_TRUE(once->pending());
  flush();
  answer_latest(1 - first, once_reply<item_table>{item_called("a"), true});
  EXPECT_TRUE(once->value->replayed);
}

TEST_F(balancer_retry_test, nothing_is_tried_again_past_its_deadline) {
  start(1);
  // The timer looks each 50 ms: past the deadline it has not found it yet.
  const auto read = find_item(1, budget + milliseconds{10});
  flush();
  add_worker();
  advance(budget + milliseconds{20});
  ASSERT_TRUE(read->pending());
  lose(0);
  EXPECT_EQ(read->code(), db::errc::deadline_exceeded);
  flush();
  EXPECT_EQ(count(1), 0u);
  EXPECT_EQ(status().outstanding, 0u);
}

TEST_F(balancer_retry_test, an_answer_to_an_attempt_that_was_given_up_is_ignored) {
  start(2);
  const auto once = create_once("k");
  flush();
  const auto first = busier();
  const auto number = workers[first].jobs().back().number;
  answer(first, number, db::error{db::errc::connection_lost, "no"});
  flush();
  answer(first, number, once_reply<item_table>{item_called("late"), false});
  EXPECT_TRUE(once->pending());
  answer_latest(1 - first, once_reply<item_table>{item_called("a"), false});
  EXPECT_EQ(once->value->row, item_called("a"));
}

}  // namespace
}  // namespace troupe::actors
