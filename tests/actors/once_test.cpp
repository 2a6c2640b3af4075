// Changes that are made once: what is asked of the database, and what each way it goes is answered.
#include "actors/once.hpp"

#include <gtest/gtest.h>

#include <caf/typed_event_based_actor.hpp>
#include <deque>

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

class once_test : public test::deterministic {
 protected:
  once_test() {
    items = spawn(resource<item_table>, spawn(pool_with_answers, this), batch_settings{});
    // The first of all changes has the expired keys deleted.
    answers.emplace_back(made);
    answers.emplace_back(nothing);
    ask_once("warm up");
    asked.clear();
  }

  static pool_actor::behavior_type pool_with_answers(pool_actor::pointer, once_test* test) {
    return {
        [test](const query_ptr& what) -> caf::result<db::result> {
          test->asked.push_back(what);
          if (test->answers.empty()) return to_caf({db::errc::statement_failed, "nothing more was expected"});
          auto next = std::move(test->answers.front());
          test->answers.pop_front();
          if (next) return std::move(*next);
          return to_caf(next.error());
        },
        [](const connection_ready&) {},
        [](const reconnect&) {},
        [](const status_request&) { return pool_status{}; },
    };
  }

  test::answer_ptr<once_reply<item_table>> ask_once(const std::string& key, change<item_table> what) {
    return ask<once_reply<item_table>>(items, once<item_table>{key, std::move(what), milliseconds{5000}});
  }
  test::answer_ptr<once_reply<item_table>> ask_once(const std::string& key) {
    return ask_once(key, create<item_table>{lamp, milliseconds{100}});
  }

  void expect_statements(const std::vector<operation>& all) const {
    ASSERT_EQ(asked.size(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      EXPECT_EQ(asked[i]->statement, &db::statement_for<item_table>(all[i])) << i;
  }

  // What recall finds: the row, and the three facts about the key.
  static db::result recalled(bool answered, bool same, bool expired) {
    const auto flag = [](bool value) { return cell{std::string(1, value ? '\1' : '\0')}; };
    const cell none;
    return test::make_result({{"name", db::type_id::text},
                              {"description", db::type_id::text},
                              {"id", db::type_id::int8},
                              {"answered", db::type_id::boolean},
                              {"same", db::type_id::boolean},
                              {"expired", db::type_id::boolean}},
                             {{answered ? cell{"lamp"} : none, none, answered ? big_endian(7) : none,
                               flag(answered), flag(same), flag(expired)}});
  }

  static constexpr db::errc taken_code = db::errc::invalid_value;
  const db::item lamp{{"lamp", std::nullopt, 7}};
  const db::result made = test::make_result(
      {{"name", db::type_id::text}, {"description", db::type_id::text}, {"id", db::type_id::int8}},
      {{"lamp", std::nullopt, big_endian(7)}});
  const db::result nothing = test::make_result(
      {{"name", db::type_id::text}, {"description", db::type_id::text}, {"id", db::type_id::int8}}, {});
  const tl::unexpected<db::error> taken{db::error{taken_code, "duplicate key"}};
  std::deque<tl::expected<db::result, db::error>> answers;
  std::vector<query_ptr> asked;
  item_actor items;
};

TEST_F(once_test, a_new_key_makes_the_change) {
  answers.emplace_back(made);
  const auto answer = ask_once("k");
  expect_statements({operation::insert_once});
  const auto cells = test::cells_of(asked[0]->parameters);
  ASSERT_EQ(cells.size(), 5U);
  EXPECT_EQ(cells[0], "lamp");
  EXPECT_EQ(cells[2], "k");
  EXPECT_EQ(cells[4], big_endian(5000));
  EXPECT_EQ(answer->value, (once_reply<item_table>{lamp, false}));
}

TEST_F(once_test, each_change_has_its_statement_and_tells_itself_from_others) {
  const std::vector<change<item_table>> changes{
      create<item_table>{lamp, milliseconds{100}}, replace<item_table>{lamp, milliseconds{100}},
      update<item_table>{lamp, 1, milliseconds{100}}, update<item_table>{lamp, 3, milliseconds{100}},
      remove<item_table>{7, milliseconds{100}}};
  std::set<cell> requests;
  for (const auto& each : changes) {
    answers.emplace_back(made);
    ask_once("k", each);
    const auto cells = test::cells_of(asked.back()->parameters);
    requests.insert(cells[cells.size() - 2]);
  }
  expect_statements({operation::insert_once, operation::replace_once, operation::update_once,
                     operation::update_once, operation::remove_once});
  EXPECT_EQ(requests.size(), changes.size());
}

TEST_F(once_test, no_row_is_an_answer) {
  answers.emplace_back(nothing);
  EXPECT_EQ(ask_once("k", remove<item_table>{7, milliseconds{100}})->value,
            (once_reply<item_table>{std::nullopt, false}));
}

TEST_F(once_test, a_known_key_gets_its_answer_again) {
  answers.emplace_back(taken);
  answers.emplace_back(recalled(true, true, false));
  EXPECT_EQ(ask_once("k")->value, (once_reply<item_table>{lamp, true}));
  expect_statements({operation::insert_once, operation::recall});
  EXPECT_EQ(test::cells_of(asked[1]->parameters)[1], test::cells_of(asked[0]->parameters)[3]);
}

TEST_F(once_test, a_known_key_without_a_row_stays_without) {
  answers.emplace_back(taken);
  answers.emplace_back(recalled(false, true, false));
  EXPECT_EQ(ask_once("k")->value, (once_reply<item_table>{std::nullopt, true}));
}

TEST_F(once_test, a_key_of_another_request_is_refused) {
  answers.emplace_back(taken);
  answers.emplace_back(recalled(true, false, false));
  EXPECT_EQ(ask_once("k")->code(), db::errc::key_reused);
}

TEST_F(once_test, an_expired_key_is_deleted_and_the_change_made) {
  answers.emplace_back(taken);
  answers.emplace_back(recalled(true, false, true));
  answers.emplace_back(nothing);
  answers.emplace_back(made);
  EXPECT_EQ(ask_once("k")->value, (once_reply<item_table>{lamp, false}));
  expect_statements({operation::insert_once, operation::recall, operation::forget, operation::insert_once});
}

TEST_F(once_test, another_reason_stays_the_reason) {
  answers.emplace_back(tl::unexpected{db::error{db::errc::value_too_long, "too long"}});
  answers.emplace_back(nothing);
  EXPECT_EQ(ask_once("k")->error, (db::error{db::errc::value_too_long, "too long"}));
}

TEST_F(once_test, what_is_about_the_connection_is_not_looked_up) {
  for (const auto code : {db::errc::unavailable, db::errc::outcome_unknown, db::errc::deadline_exceeded,
                          db::errc::overloaded, db::errc::not_supported}) {
    answers.emplace_back(tl::unexpected{db::error{code, "no"}});
    EXPECT_EQ(ask_once("k")->code(), code);
  }
  EXPECT_EQ(asked.size(), 5U);
}

TEST_F(once_test, a_lookup_that_is_lost_says_so) {
  answers.emplace_back(taken);
  answers.emplace_back(tl::unexpected{db::error{db::errc::unavailable, "no connection"}});
  EXPECT_EQ(ask_once("k")->code(), db::errc::unavailable);
}

TEST_F(once_test, expired_keys_are_deleted_once_a_minute) {
  advance(std::chrono::seconds{61});
  answers.emplace_back(made);
  answers.emplace_back(nothing);
  ask_once("a");
  answers.emplace_back(made);
  ask_once("b");
  expect_statements({operation::insert_once, operation::forget_all, operation::insert_once});
}

}  // namespace
}  // namespace troupe::actors
