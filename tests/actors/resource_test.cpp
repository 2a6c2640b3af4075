// The item actor against a mock pool: what it has executed, and what it makes of the rows.
#include "actors/resource.hpp"

#include <gtest/gtest.h>

#include <caf/result.hpp>
#include <caf/sec.hpp>

#include "tests/actors/deterministic.hpp"
#include "tests/actors/results.hpp"

namespace troupe::actors {
namespace {

using db::item_table;
using db::operation;
using std::chrono::milliseconds;
using test::big_endian;
using test::cell;

constexpr Oid int4_type = 23;
constexpr Oid varchar_type = 1043;
constexpr Oid float8_type = 701;

const std::vector<test::field> item_fields{
    {"name", db::type_id::text}, {"description", db::type_id::text}, {"id", db::type_id::int8}};

db::item make_item(std::string name, std::optional<std::string> description, std::int64_t id) {
  return {{std::move(name), std::move(description), id}};
}

class item_actor_test : public test::deterministic {
 protected:
  item_actor_test() {
    items = spawn(resource<item_table>, spawn(mock_pool, this), batch_settings{});
    rows = test::make_result(item_fields, {{"lamp", "bright", big_endian(7)}});
  }

  static pool_actor::behavior_type mock_pool(pool_actor::pointer, item_actor_test* test) {
    return {
        [test](const query_ptr& what) -> caf::result<db::result> {
          test->asked.push_back(what);
          if (test->failure) return test->failure;
          return test->rows;
        },
        [](const connection_ready&) {},
        [](const reconnect&) {},
        [](const status_request&) { return pool_status{}; },
    };
  }

  /// Checks the one statement that was asked for.
  void expect_asked(operation what, const std::vector<cell>& parameters) {
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0]->statement, &db::statement_for<item_table>(what));
    EXPECT_EQ(test::cells_of(asked[0]->parameters), parameters);
  }

  /// What the pool answers.
  db::result rows;
  caf::error failure;
  /// What it was asked, in order.
  std::vector<query_ptr> asked;
  item_actor items;
};

const cell no{std::string(1, '\0')};
const cell yes{std::string(1, '\1')};

TEST_F(item_actor_test, finds_a_row_by_its_key) {
  const auto answer = ask<db::item>(items, find<item_table>{7, milliseconds{100}});
  expect_asked(operation::find, {big_endian(7)});
  EXPECT_EQ(answer->value, make_item("lamp", "bright", 7));
}

TEST_F(item_actor_test, lists_rows_in_the_order_they_come) {
  rows = test::make_result(item_fields, {{"b", std::nullopt, big_endian(9)}, {"a", "", big_endian(2)}});
  const auto answer = ask<actors::rows<item_table>>(items, list<item_table>{20, 10, milliseconds{100}});
  expect_asked(operation::list, {big_endian(10), big_endian(20)});
  EXPECT_EQ(answer->value,
            (actors::rows<item_table>{make_item("b", std::nullopt, 9), make_item("a", "", 2)}));
}

TEST_F(item_actor_test, an_empty_list_is_no_error) {
  rows = test::make_result(item_fields, {});
  const auto answer = ask<actors::rows<item_table>>(items, list<item_table>{0, 10, milliseconds{100}});
  ASSERT_TRUE(answer->value);
  EXPECT_TRUE(answer->value->empty());
}

TEST_F(item_actor_test, inserts_a_row_without_its_key) {
  const auto answer =
      ask<db::item>(items, create<item_table>{make_item("äöü", std::nullopt, 99), milliseconds{100}});
  expect_asked(operation::insert, {"äöü", std::nullopt});
  EXPECT_EQ(answer->value, make_item("lamp", "bright", 7));
}

TEST_F(item_actor_test, replaces_all_columns) {
  const auto answer = ask<db::item>(items, replace<item_table>{make_item("new", "", -5), milliseconds{100}});
  expect_asked(operation::replace, {"new", "", big_endian(-5)});
  EXPECT_EQ(answer->value, make_item("lamp", "bright", 7));
}

TEST_F(item_actor_test, updates_only_the_given_columns) {
  const db::column_set only_description = 1u << db::column_index<item_table>("description");
  const update<item_table> what{make_item("ignored", std::nullopt, 7), only_description, milliseconds{100}};
  const auto answer = ask<db::item>(items, what);
  expect_asked(operation::update, {no, "ignored", yes, std::nullopt, big_endian(7)});
  EXPECT_EQ(answer->value, make_item("lamp", "bright", 7));
}

TEST_F(item_actor_test, an_update_of_nothing_is_a_read) {
  const auto answer = ask<db::item>(items, update<item_table>{make_item("", {}, 7), 0, milliseconds{100}});
  expect_asked(operation::find, {big_endian(7)});
  EXPECT_FALSE(asked[0]->statement->writes);
  EXPECT_EQ(answer->value, make_item("lamp", "bright", 7));
}

TEST_F(item_actor_test, removes_by_key_and_answers_with_it) {
  rows = test::make_result({{"id", db::type_id::int8}}, {{big_endian(7)}});
  const auto answer = ask<std::int64_t>(items, remove<item_table>{7, milliseconds{100}});
  expect_asked(operation::remove, {big_endian(7)});
  EXPECT_EQ(answer->value, 7);
}

TEST_F(item_actor_test, the_deadline_is_now_plus_the_budget_of_the_request) {
  advance(milliseconds{12345});
  ask<db::item>(items, find<item_table>{7, milliseconds{250}});
  ask<std::int64_t>(items, remove<item_table>{7, milliseconds{1}});
  ask<db::item>(items, update<item_table>{make_item("", {}, 7), 1, milliseconds{2}});
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[0]->deadline, now() + milliseconds{250});
  EXPECT_EQ(asked[1]->deadline, now() + milliseconds{1});
  EXPECT_EQ(asked[2]->deadline, now() + milliseconds{2});
}

TEST_F(item_actor_test, no_row_means_not_found) {
  rows = test::make_result(item_fields, {});
  const db::error expected{db::errc::not_found, "Item not found"};
  const milliseconds soon{100};
  EXPECT_EQ(ask<db::item>(items, find<item_table>{1, soon})->error, expected);
  EXPECT_EQ(ask<db::item>(items, replace<item_table>{{}, soon})->error, expected);
  EXPECT_EQ(ask<db::item>(items, update<item_table>{{}, 1, soon})->error, expected);
  EXPECT_EQ(ask<db::item>(items, update<item_table>{{}, 0, soon})->error, expected);
  EXPECT_EQ(ask<std::int64_t>(items, remove<item_table>{1, soon})->error, expected);
}

TEST_F(item_actor_test, reads_the_narrow_types_of_a_table_made_by_sqlalchemy) {
  const std::vector<test::field> fields{
      {"name", varchar_type}, {"description", varchar_type}, {"id", int4_type}};
  rows = test::make_result(fields, {{"lamp", std::nullopt, big_endian(-2, 4)}});
  EXPECT_EQ(ask<db::item>(items, find<item_table>{1, milliseconds{100}})->value,
            make_item("lamp", std::nullopt, -2));
  rows = test::make_result({{"id", int4_type}}, {{big_endian(70000, 4)}});
  EXPECT_EQ(ask<std::int64_t>(items, remove<item_table>{70000, milliseconds{100}})->value, 70000);
}

TEST_F(item_actor_test, null_where_the_declaration_has_none_is_a_schema_mismatch) {
  rows = test::make_result(item_fields, {{"fine", "x", big_endian(1)}, {std::nullopt, "x", big_endian(7)}});
  const auto one = ask<actors::rows<item_table>>(items, list<item_table>{0, 10, milliseconds{100}});
  EXPECT_EQ(one->code(), db::errc::schema_mismatch);
  EXPECT_NE(one->error->message.find("items.name"), std::string::npos) << one->error->message;
  rows = test::make_result(item_fields, {{"lamp", "x", std::nullopt}});
  EXPECT_NE(ask<db::item>(items, find<item_table>{1, milliseconds{100}})->error->message.find("items.id"),
            std::string::npos);
}

TEST_F(item_actor_test, a_column_of_another_type_is_a_schema_mismatch) {
  rows = test::make_result(
      {{"name", db::type_id::text}, {"description", db::type_id::text}, {"id", float8_type}},
      {{"lamp", "x", big_endian(7)}});
  EXPECT_EQ(ask<db::item>(items, find<item_table>{1, milliseconds{100}})->code(), db::errc::schema_mismatch);
  rows = test::make_result({{"id", db::type_id::text}}, {{"7"}});
  EXPECT_EQ(ask<std::int64_t>(items, remove<item_table>{7, milliseconds{100}})->code(),
            db::errc::schema_mismatch);
}

TEST_F(item_actor_test, errors_of_the_pool_pass_through_unchanged) {
  for (int code = 1; code <= 10; ++code) {
    const db::error original{static_cast<db::errc>(code), "because " + std::to_string(code)};
    failure = to_caf(original);
    EXPECT_EQ(ask<db::item>(items, find<item_table>{1, milliseconds{100}})->error, original);
    EXPECT_EQ(ask<std::int64_t>(items, remove<item_table>{1, milliseconds{100}})->error, original);
  }
  failure = caf::make_error(caf::sec::request_receiver_down);
  EXPECT_EQ(ask<db::item>(items, find<item_table>{1, milliseconds{100}})->raw_error,
            caf::sec::request_receiver_down);
}

TEST_F(item_actor_test, answers_each_of_many_requests_that_wait_together) {
  const auto first = send_request<db::item>(items, find<item_table>{1, milliseconds{100}});
  const auto second =
      send_request<actors::rows<item_table>>(items, list<item_table>{0, 1, milliseconds{100}});
  const auto third =
      send_request<db::item>(items, create<item_table>{make_item("x", {}, 0), milliseconds{100}});
  run();
  EXPECT_EQ(first->count, 1);
  EXPECT_EQ(second->count, 1);
  EXPECT_EQ(third->count, 1);
  EXPECT_EQ(asked.size(), 3u);
}

}  // namespace
}  // namespace troupe::actors
