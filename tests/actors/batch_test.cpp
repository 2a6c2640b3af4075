// How the item actor makes few statements of many requests, against a pool that answers when told.
#include <gtest/gtest.h>

#include <caf/typed_response_promise.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "actors/resource.hpp"
#include "tests/actors/deterministic.hpp"
#include "tests/actors/results.hpp"

namespace troupe::actors {
namespace {

using db::item_table;
using db::operation;
using std::chrono::milliseconds;
using test::big_endian;
using test::cell;

class batch_test : public test::deterministic {
 protected:
  static constexpr milliseconds budget{1000};

  void start(const batch_settings& settings = {}) {
    pool_ = spawn(holding_pool, this);
    items = spawn(resource<item_table>, pool_, settings);
  }

  static pool_actor::behavior_type holding_pool(pool_actor::pointer self, batch_test* test) {
    return {
        [self, test](const query_ptr& what) {
          auto promise = self->make_response_promise<db::result>();
          test->asked.push_back(what);
          test->promises_.push_back(promise);
          return promise;
        },
        [](const connection_ready&) {},
        // Sent by the test: an answer can be delivered by the actor only.
        [test](const reconnect&) {
          test->deliver_(test->promises_.front());
          test->promises_.pop_front();
        },
        [](const status_request&) { return pool_status{}; },
    };
  }

  auto find_item(std::int64_t key) { return ask<db::item>(items, find<item_table>{key, budget}); }
  auto create_item(const std::string& name) {
    create<item_table> what;
    what.row.get<"name">() = name;
    what.within = budget;
    return ask<db::item>(items, what);
  }
  auto list_items(std::int64_t skip) {
    return ask<rows<item_table>>(items, list<item_table>{skip, 10, budget});
  }

  // Items with these keys, called after them.
  static db::result items_with(const std::vector<std::int64_t>& keys) {
    std::vector<std::vector<cell>> all;
    for (const auto key : keys) all.push_back({"n" + std::to_string(key), std::nullopt, big_endian(key)});
    return test::make_result(
        {{"name", db::type_id::text}, {"description", db::type_id::text}, {"id", db::type_id::int8}}, all);
  }

  // The same as a batch of creates returns them: with a number, from 1, behind each.
  static db::result numbered_items(const std::vector<std::pair<std::int64_t, std::int64_t>>& keys) {
    std::vector<std::vector<cell>> all;
    for (const auto& [key, number] : keys)
      all.push_back({"n" + std::to_string(key), std::nullopt, big_endian(key), big_endian(number)});
    return test::make_result({{"name", db::type_id::text},
                              {"description", db::type_id::text},
                              {"id", db::type_id::int8},
                              {"#", db::type_id::int8}},
                             all);
  }

  void answer_next(const db::result& with) {
    deliver_next([with](promise& to) { to.deliver(with); });
  }
  void fail_next(db::errc code) {
    deliver_next([code](promise& to) { to.deliver(to_caf({code, "no"})); });
  }

  // What statement number `index` was.
  bool was(std::size_t index, operation what) const {
    return index < asked.size() && asked[index]->statement == &db::statement_for<item_table>(what);
  }

  item_actor items;
  std::vector<query_ptr> asked;

 private:
  using promise = caf::typed_response_promise<db::result>;

  void deliver_next(std::function<void(promise&)> how) {
    deliver_ = std::move(how);
    caf::anon_send(pool_, reconnect{0});
    run();
  }

  pool_actor pool_;
  std::deque<promise> promises_;
  std::function<void(promise&)> deliver_;
};

TEST_F(batch_test, reads_leave_at_once_while_none_is_under_way) {
  start();
  const auto answer = find_item(1);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_TRUE(was(0, operation::find));
  answer_next(items_with({1}));
  find_item(2);
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(batch_test, reads_that_come_meanwhile_leave_as_one_statement) {
  start();
  const auto first = find_item(1);
  const auto second = find_item(2), third = find_item(3), again = find_item(2);
  EXPECT_EQ(asked.size(), 1u);
  answer_next(items_with({1}));
  EXPECT_TRUE(first->value);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_TRUE(was(1, operation::find_many));
  // In any order, and one is not there.
  answer_next(items_with({2}));
  EXPECT_EQ(second->value->key(), 2);
  EXPECT_EQ(again->value->key(), 2);
  EXPECT_EQ(third->code(), db::errc::not_found);
}

TEST_F(batch_test, rows_in_any_order_go_to_whom_they_belong) {
  start();
  find_item(9);
  const auto a = find_item(5), b = find_item(-3), c = find_item(7);
  answer_next(items_with({9}));
  answer_next(items_with({7, 5, -3}));
  EXPECT_EQ(a->value->key(), 5);
  EXPECT_EQ(b->value->key(), -3);
  EXPECT_EQ(c->value->get<"name">(), "n7");
}

TEST_F(batch_test, a_batch_is_bounded_in_rows) {
  start({.max_rows = 2});
  find_item(1);
  for (int key = 2; key <= 5; ++key) find_item(key);
  answer_next(items_with({1}));
  ASSERT_EQ(asked.size(), 2u);
  answer_next(items_with({2, 3}));
  ASSERT_EQ(asked.size(), 3u);
  answer_next(items_with({4, 5}));
  EXPECT_EQ(asked.size(), 3u);
}

TEST_F(batch_test, a_batch_is_bounded_in_bytes_but_takes_one_at_least) {
  start({.max_bytes = 10});
  create_item("first");
  create_item(std::string(50, 'x'));
  create_item("second");
  create_item("third");
  create_item("fourth");
  answer_next(items_with({1}));
  EXPECT_TRUE(was(1, operation::insert));
  answer_next(items_with({2}));
  // 6 + 5 bytes with the keys of 8 each are too many for one.
  EXPECT_TRUE(was(2, operation::insert));
}

TEST_F(batch_test, more_than_the_bound_may_not_wait) {
  start({.max_queue = 2});
  find_item(1);
  const auto second = find_item(2), third = find_item(3), fourth = find_item(4);
  EXPECT_TRUE(second->pending());
  EXPECT_TRUE(third->pending());
  EXPECT_EQ(fourth->code(), db::errc::overloaded);
}

TEST_F(batch_test, what_waits_beyond_its_deadline_is_never_sent) {
  start();
  find_item(1);
  const auto late = find_item(2);
  advance(budget + milliseconds{1});
  const auto fresh = find_item(3);
  answer_next(items_with({1}));
  EXPECT_EQ(late->code(), db::errc::deadline_exceeded);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_TRUE(was(1, operation::find));
  answer_next(items_with({3}));
  EXPECT_TRUE(fresh->value);
}

TEST_F(batch_test, a_statement_that_is_stuck_holds_up_others_until_its_deadline_only) {
  start();
  const auto stuck = find_item(1);
  advance(budget - milliseconds{1});
  find_item(2);
  EXPECT_EQ(asked.size(), 1u);
  advance(milliseconds{1});
  find_item(3);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_TRUE(was(1, operation::find_many));
  // Its late answer does not free a place twice.
  answer_next(items_with({1}));
  EXPECT_TRUE(stuck->value);
  find_item(4);
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(batch_test, a_failed_read_fails_all_of_its_batch_and_no_more) {
  start();
  const auto first = find_item(1), second = find_item(2);
  fail_next(db::errc::unavailable);
  EXPECT_EQ(first->code(), db::errc::unavailable);
  EXPECT_TRUE(second->pending());
  answer_next(items_with({2}));
  EXPECT_TRUE(second->value);
}

TEST_F(batch_test, creates_share_a_commit_and_get_their_own_rows) {
  start();
  create_item("a");
  const auto b = create_item("b"), c = create_item("c");
  answer_next(items_with({1}));
  ASSERT_TRUE(was(1, operation::insert_many));
  answer_next(numbered_items({{8, 2}, {4, 1}}));
  EXPECT_EQ(b->value->key(), 4);
  EXPECT_EQ(c->value->key(), 8);
}

TEST_F(batch_test, of_a_refused_batch_each_row_is_tried_alone) {
  start();
  create_item("a");
  const auto good = create_item("b"), bad = create_item("c");
  answer_next(items_with({1}));
  fail_next(db::errc::invalid_value);
  ASSERT_EQ(asked.size(), 4u);
  EXPECT_TRUE(was(2, operation::insert));
  EXPECT_TRUE(was(3, operation::insert));
  answer_next(items_with({2}));
  fail_next(db::errc::invalid_value);
  EXPECT_EQ(good->value->key(), 2);
  EXPECT_EQ(bad->code(), db::errc::invalid_value);
}

TEST_F(batch_test, a_batch_of_unknown_outcome_is_not_tried_again) {
  start();
  create_item("a");
  const auto b = create_item("b"), c = create_item("c");
  answer_next(items_with({1}));
  fail_next(db::errc::outcome_unknown);
  EXPECT_EQ(asked.size(), 2u);
  EXPECT_EQ(b->code(), db::errc::outcome_unknown);
  EXPECT_EQ(c->code(), db::errc::outcome_unknown);
}

TEST_F(batch_test, of_a_batch_only_the_rows_that_a_trigger_drops_fail) {
  start();
  create_item("a");
  const auto b = create_item("b"), c = create_item("c"), d = create_item("d");
  answer_next(items_with({1}));
  answer_next(numbered_items({{9, 3}, {7, 1}}));
  EXPECT_EQ(b->value->key(), 7);
  EXPECT_EQ(c->code(), db::errc::schema_mismatch);
  EXPECT_EQ(d->value->key(), 9);
}

TEST_F(batch_test, a_dropped_row_alone_fails_too) {
  start();
  const auto dropped = create_item("a");
  answer_next(items_with({}));
  EXPECT_EQ(dropped->code(), db::errc::schema_mismatch);
}

TEST_F(batch_test, numbers_that_are_none_belong_to_nobody) {
  start();
  create_item("a");
  const auto b = create_item("b"), c = create_item("c");
  answer_next(items_with({1}));
  answer_next(numbered_items({{7, 0}, {8, 3}, {9, -1}}));
  EXPECT_EQ(b->code(), db::errc::schema_mismatch);
  EXPECT_EQ(c->code(), db::errc::schema_mismatch);
}

TEST_F(batch_test, equal_lists_share_an_answer_and_different_ones_do_not) {
  start({.lists_in_flight = 1});
  list_items(0);
  const auto a = list_items(5), b = list_items(6), c = list_items(5);
  EXPECT_EQ(asked.size(), 1u);
  answer_next(items_with({1}));
  ASSERT_EQ(asked.size(), 2u);
  answer_next(items_with({2}));
  ASSERT_TRUE(a->value);
  EXPECT_EQ(a->value, c->value);
  EXPECT_TRUE(b->pending());
  ASSERT_EQ(asked.size(), 3u);
  answer_next(items_with({3, 4}));
  EXPECT_EQ(b->value->size(), 2u);
  // All are answered: the next leaves at once.
  list_items(7);
  EXPECT_EQ(asked.size(), 4u);
}

TEST_F(batch_test, so_many_lists_as_the_setting_says_are_under_way) {
  start({.lists_in_flight = 2});
  list_items(0);
  list_items(1);
  list_items(2);
  EXPECT_EQ(asked.size(), 2u);
  answer_next(items_with({1}));
  EXPECT_EQ(asked.size(), 3u);
}

TEST_F(batch_test, a_late_list_is_refused_while_others_go_on) {
  start({.lists_in_flight = 1});
  list_items(0);
  const auto late = list_items(1);
  advance(budget / 2);
  const auto in_time = list_items(2);
  advance(budget / 2);
  answer_next(items_with({1}));
  EXPECT_EQ(late->code(), db::errc::deadline_exceeded);
  EXPECT_TRUE(in_time->pending());
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(batch_test, a_list_that_was_sent_takes_nobody_in) {
  start({.lists_in_flight = 1});
  list_items(0);
  const auto later = list_items(0);
  answer_next(items_with({1}));
  EXPECT_TRUE(later->pending());
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(batch_test, kinds_do_not_wait_for_each_other) {
  start();
  create_item("a");
  find_item(1);
  list_items(0);
  EXPECT_EQ(asked.size(), 3u);
}

}  // namespace
}  // namespace troupe::actors
