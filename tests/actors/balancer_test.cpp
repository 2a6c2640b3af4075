// How the balancer spreads requests over workers, and what each way to lose one is answered.
#include "actors/balancer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <variant>
#include <vector>

#include "tests/actors/balancer_fixture.hpp"

namespace troupe::actors {
namespace {

using db::item_table;
using std::chrono::milliseconds;
using test::item_called;

class balancer_test : public test::balancer_fixture {};

TEST_F(balancer_test, without_a_worker_there_is_none) {
  start(0);
  EXPECT_EQ(find_item(1)->code(), db::errc::no_worker);
  EXPECT_EQ(create_item("a")->code(), db::errc::no_worker);
  EXPECT_EQ(create_once("k")->code(), db::errc::no_worker);
  EXPECT_EQ(deferred, 0);
  EXPECT_EQ(status().outstanding, 0u);
}

TEST_F(balancer_test, each_kind_of_request_goes_and_its_answer_comes_back) {
  start(1);
  const auto row = item_called("a", 7);
  const auto found = find_item(7);
  const auto listed = ask<rows<item_table>>(balancer, list<item_table>{0, 10, budget});
  const auto created = create_item("a");
  const auto replaced = ask<db::item>(balancer, replace<item_table>{row, budget});
  const auto updated = ask<db::item>(balancer, update<item_table>{row, 1, budget});
  const auto removed = ask<std::int64_t>(balancer, remove<item_table>{7, budget});
  const auto once = create_once("k");
  flush();
  const auto jobs = workers[0].jobs();
  ASSERT_EQ(jobs.size(), 7u);
  for (std::size_t i = 0; i < jobs.size(); ++i) EXPECT_EQ(jobs[i].what.index(), i);
  const once_reply<item_table> reply{row, true};
  answer(0, {{{jobs[6].number, reply},
              {jobs[5].number, std::int64_t{7}},
              {jobs[4].number, row},
              {jobs[3].number, db::error{db::errc::not_found, "no"}},
              {jobs[2].number, row},
              {jobs[1].number, rows<item_table>{row, row}},
              {jobs[0].number, row}}});
  EXPECT_EQ(found->value, row);
  EXPECT_EQ(listed->value->size(), 2u);
  EXPECT_EQ(created->value, row);
  EXPECT_EQ(replaced->code(), db::errc::not_found);
  EXPECT_EQ(updated->value, row);
  EXPECT_EQ(removed->value, 7);
  EXPECT_EQ(once->value, reply);
  EXPECT_EQ(status().outstanding, 0u);
}

TEST_F(balancer_test, what_gathers_leaves_as_one_message) {
  start(1);
  for (int key = 0; key < 5; ++key) find_item(key);
  EXPECT_EQ(deferred, 1);
  EXPECT_EQ(count(0), 0u);
  flush();
  ASSERT_EQ(workers[0].log->got.size(), 1u);
  EXPECT_EQ(count(0), 5u);
  find_item(6);
  EXPECT_EQ(deferred, 1);
  flush();
  EXPECT_EQ(workers[0].log->got.size(), 2u);
  flush();
  EXPECT_EQ(workers[0].log->got.size(), 2u);
}

TEST_F(balancer_test, what_would_be_too_much_for_one_message_leaves_in_more) {
  node_settings small;
  small.max_message = 8192;
  start(1, small);
  for (int i = 0; i < 4; ++i) create_item(std::string(i < 2 ? 3000 : 100, 'x'));
  flush();
  std::vector<std::size_t> sizes;
  for (const auto& each : workers[0].log->got) sizes.push_back(each.all.size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 1, 2}));
}

TEST_F(balancer_test, equal_workers_get_equal_shares) {
  start(3);
  for (int key = 0; key < 300; ++key) find_item(key);
  flush();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(static_cast<double>(count(i)), 100, 15) << i;
}

TEST_F(balancer_test, the_worker_with_fewer_outstanding_gets_most) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    workers.clear();
    node_settings settings;
    settings.seed = seed;
    start(1, settings);
    for (int key = 0; key < 200; ++key) find_item(key);
    add_worker();
    for (int key = 0; key < 100; ++key) find_item(key);
    flush();
    // Only when both draws hit the loaded one it is chosen: a quarter.
    EXPECT_GT(count(1), 60u) << "seed " << seed;
    EXPECT_GT(count(0), 200u) << "seed " << seed;
  }
}

TEST_F(balancer_test, who_got_the_last_request_gets_the_next_if_it_has_nothing_to_do) {
  start(3);
  find_item(0);
  flush();
  const std::size_t first = count(0) == 1 ? 0 : count(1) == 1 ? 1 : 2;
  for (int key = 1; key < 20; ++key) {
    for (const auto& each : workers[first].jobs()) answer(first, each.number, item_called("x"));
    find_item(key);
    flush();
    EXPECT_EQ(count(first), static_cast<std::size_t>(key) + 1);
  }
  // It does not answer any more: others are used.
  for (int key = 20; key < 40; ++key) find_item(key);
  flush();
  EXPECT_LT(count(first), 35u);
}

TEST_F(balancer_test, answered_requests_weigh_nothing) {
  start(1);
  for (int key = 0; key < 100; ++key) find_item(key);
  flush();
  for (const auto& each : workers[0].jobs()) answer(0, each.number, item_called("x"));
  add_worker();
  for (int key = 0; key < 100; ++key) find_item(key);
  flush();
  EXPECT_NEAR(static_cast<double>(count(0)), 150, 15);
}

TEST_F(balancer_test, the_time_waited_is_taken_from_what_is_left) {
  start(1);
  find_item(1);
  create_once("k");
  advance(milliseconds{300});
  flush();
  const auto jobs = workers[0].jobs();
  EXPECT_EQ(std::get<find<item_table>>(jobs[0].what).within, milliseconds{700});
  const auto& what = std::get<once<item_table>>(jobs[1].what).what;
  EXPECT_EQ(std::get<create<item_table>>(what).within, milliseconds{700});
}

TEST_F(balancer_test, a_request_that_is_not_answered_in_time_is_given_up_and_forgotten) {
  start(1);
  const auto quick = find_item(1, milliseconds{200});
  const auto slow = create_item("a", milliseconds{400});
  flush();
  advance(milliseconds{199});
  EXPECT_TRUE(quick->pending());
  advance(milliseconds{51});
  EXPECT_EQ(quick->code(), db::errc::deadline_exceeded);
  EXPECT_TRUE(slow->pending());
  EXPECT_EQ(status().outstanding, 1u);
  advance(milliseconds{200});
  EXPECT_EQ(slow->code(), db::errc::deadline_unknown);
  EXPECT_EQ(status().outstanding, 0u);
}

TEST_F(balancer_test, deadlines_need_not_come_in_order) {
  start(1);
  const auto late = find_item(1, milliseconds{900});
  const auto early = find_item(2, milliseconds{100});
  const auto between = find_item(3, milliseconds{500});
  flush();
  advance(milliseconds{150});
  EXPECT_EQ(early->code(), db::errc::deadline_exceeded);
  EXPECT_TRUE(between->pending());
  advance(milliseconds{400});
  EXPECT_EQ(between->code(), db::errc::deadline_exceeded);
  EXPECT_TRUE(late->pending());
}

TEST_F(balancer_test, an_answer_that_comes_late_is_ignored) {
  start(1);
  const auto late = find_item(1);
  flush();
  advance(budget + milliseconds{50});
  answer_latest(0, item_called("late"));
  EXPECT_EQ(late->count, 1);
  EXPECT_EQ(late->code(), db::errc::deadline_exceeded);
  const auto next = find_item(2);
  flush();
  answer_latest(0, item_called("in time"));
  EXPECT_EQ(next->value, item_called("in time"));
}

TEST_F(balancer_test, an_answer_counts_once_and_from_its_worker_only) {
  start(2);
  const auto asked = find_item(1);
  flush();
  const auto mine = busier(), other = 1 - mine;
  const auto number = workers[mine].jobs().back().number;
  answer(other, number, item_called("not mine"));
  answer(mine, number + 1, item_called("not asked"));
  EXPECT_TRUE(asked->pending());
  answer(mine, number, item_called("mine"));
  answer(mine, number, item_called("again"));
  EXPECT_EQ(asked->count, 1);
  EXPECT_EQ(asked->value, item_called("mine"));
}

TEST_F(balancer_test, what_expires_before_it_is_sent_is_never_sent) {
  start(1);
  const auto late = create_item("a", milliseconds{100});
  advance(milliseconds{150});
  EXPECT_EQ(late->code(), db::errc::deadline_exceeded);
  flush();
  EXPECT_EQ(count(0), 0u);
}

TEST_F(balancer_test, what_expired_unsent_weighs_nothing) {
  start(1);
  for (int key = 0; key < 100; ++key) find_item(key, milliseconds{100});
  advance(milliseconds{150});
  flush();
  add_worker();
  for (int key = 0; key < 100; ++key) find_item(key);
  flush();
  EXPECT_NEAR(static_cast<double>(count(0)), 50, 15);
}

TEST_F(balancer_test, more_than_the_bound_is_refused) {
  node_settings settings;
  settings.max_outstanding = 3;
  start(2, settings);
  const auto first = find_item(1);
  find_item(2);
  find_item(3);
  EXPECT_EQ(create_item("a")->code(), db::errc::overloaded);
  flush();
  EXPECT_EQ(create_item("a")->code(), db::errc::overloaded);
  answer_latest(busier(), item_called("x"));
  EXPECT_TRUE(create_item("a")->pending());
  EXPECT_EQ(status().outstanding, 3u);
}

TEST_F(balancer_test, a_worker_that_leaves_gets_what_had_gathered_and_nothing_more) {
  start(2);
  for (int key = 0; key < 20; ++key) find_item(key);
  const auto released_answer = leave(0);
  EXPECT_TRUE(released_answer->value);
  // What was given to it has left before the answer.
  const auto before = count(0);
  EXPECT_GT(before, 0u);
  EXPECT_EQ(status().workers, 1u);
  for (int key = 0; key < 20; ++key) find_item(key);
  flush();
  EXPECT_EQ(count(0), before);
  EXPECT_EQ(count(0) + count(1), 40u);
}

TEST_F(balancer_test, what_a_leaving_worker_still_answers_counts) {
  start(1);
  const auto asked = create_item("a");
  EXPECT_TRUE(leave(0)->value);
  EXPECT_EQ(find_item(1)->code(), db::errc::no_worker);
  answer_latest(0, item_called("a", 3));
  EXPECT_EQ(asked->value, item_called("a", 3));
  lose(0);
  EXPECT_EQ(status().outstanding, 0u);
}

TEST_F(balancer_test, a_worker_that_comes_back_is_used_again) {
  start(1);
  leave(0);
  caf::anon_send(balancer, worker_up<item_table>{workers[0].handle()});
  run();
  EXPECT_EQ(status().workers, 1u);
  find_item(1);
  flush();
  EXPECT_EQ(count(0), 1u);
}

TEST_F(balancer_test, one_that_nobody_knows_may_leave) {
  start(1);
  auto& stranger = workers.emplace_back();
  stranger.actor = spawn(test::mock_worker_behavior, stranger.log);
  EXPECT_TRUE(leave(1)->value);
  EXPECT_EQ(status().workers, 1u);
}

}  // namespace
}  // namespace troupe::actors
