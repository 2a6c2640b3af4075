// How a worker takes jobs, answers them, and leaves, against item actors and gateways that act when told.
#include "actors/intake.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/actors/deterministic.hpp"
#include "tests/actors/mock_node.hpp"
#include "tests/actors/mock_worker.hpp"

namespace troupe::actors {
namespace {

using db::item_table;
using std::chrono::milliseconds;
using test::item_called;
using test::later;
using test::mock_gateway;

// Bytes; room for some small rows.
constexpr std::size_t max_message = 8192;

class intake_test : public test::deterministic {
 protected:
  static constexpr milliseconds budget{1000};

  struct gateway {
    mock_gateway actor;
    std::shared_ptr<test::gateway_log> log = std::make_shared<test::gateway_log>();
  };

  intake_test() {
    std::vector<item_actor> all;
    for (int i = 0; i < 2; ++i) {
      lanes.push_back(std::make_shared<test::lane_log>());
      lane_actors.push_back(spawn(test::hold, lanes.back()));
      all.push_back(caf::actor_cast<item_actor>(lane_actors.back()));
    }
    worker = spawn(intake<item_table>, all, max_message);
    run();
  }

  gateway add_gateway() {
    gateway out;
    out.actor = spawn(test::act_as_gateway, out.log, caf::actor_cast<worker_actor<item_table>>(worker));
    run();
    return out;
  }
  gateway add_enlisted() {
    auto out = add_gateway();
    EXPECT_TRUE(enlist_as(out)->value);
    return out;
  }
  test::answer_ptr<enlisted> enlist_as(const gateway& who) {
    auto out = std::make_shared<test::answer<enlisted>>();
    caf::anon_send(
        who.actor, later{[this, who, out] {
          who.log->self->request(worker, caf::infinite, enlist{})
              .then([out](enlisted what) { ++out->count, out->value = what; },
                    [out](const caf::error& failed) { ++out->count, out->error = from_caf(failed); });
        }});
    run();
    return out;
  }

  void send_jobs_as(const gateway& who, jobs<item_table> what) {
    caf::anon_send(who.actor, std::move(what));
    run();
  }
  void send_find_as(const gateway& who, std::uint64_t number) {
    send_jobs_as(who, {{{number, find<item_table>{1, budget}}}});
  }
  // Lets a lane answer requests, all within the same turn.
  void answer(std::size_t lane, std::vector<std::pair<std::size_t, reply_of<item_table>>> with) {
    caf::anon_send(lane_actors[lane], later{[log = lanes[lane], with = std::move(with)] {
                     for (const auto& [which, reply] : with) log->answer.at(which)(reply);
                   }});
    run();
  }
  void release_as(const gateway& who) {
    caf::anon_send(who.actor, later{[log = who.log] {
                     for (auto& each : std::exchange(log->asked_to_release, {})) each.deliver(released{});
                   }});
    run();
  }
  void lose(const gateway& who) {
    caf::anon_send_exit(who.actor, caf::exit_reason::remote_link_unreachable);
    run();
  }
  auto ask_to_leave() { return ask<left>(worker, leave{}); }

  intake_actor<item_table> worker;
  std::vector<std::shared_ptr<test::lane_log>> lanes;
  std::vector<test::held_lane> lane_actors;
};

TEST_F(intake_test, each_kind_of_job_is_asked_and_answered_under_its_number) {
  const auto from = add_gateway();
  const auto row = item_called("a", 7);
  send_jobs_as(from, {{{11, find<item_table>{7, budget}},
                       {12, list<item_table>{0, 10, budget}},
                       {13, create<item_table>{row, budget}},
                       {14, replace<item_table>{row, budget}},
                       {15, update<item_table>{row, 1, budget}},
                       {16, remove<item_table>{7, budget}},
                       {17, once<item_table>{"k", remove<item_table>{7, budget}, budget}}}});
  ASSERT_EQ(lanes[0]->asked.size(), 7u);
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(lanes[0]->asked[i].index(), i);
  EXPECT_EQ(std::get<find<item_table>>(lanes[0]->asked[0]).within, budget);
  const std::vector<reply_of<item_table>> replies{row,
                                                  rows<item_table>{row, row},
                                                  row,
                                                  db::error{db::errc::not_found, "Item not found"},
                                                  row,
                                                  std::int64_t{7},
                                                  once_reply<item_table>{row, true}};
  std::vector<std::pair<std::size_t, reply_of<item_table>>> all;
  for (std::size_t i = 7; i-- > 0;) all.emplace_back(i, replies[i]);
  answer(0, all);
  ASSERT_EQ(from.log->results.size(), 1u);
  ASSERT_EQ(from.log->results[0].all.size(), 7u);
  for (const auto& each : from.log->results[0].all) EXPECT_EQ(each.reply, replies.at(each.number - 11));
}

TEST_F(intake_test, answers_that_are_ready_together_come_in_one_message) {
  const auto from = add_gateway();
  for (std::uint64_t number = 0; number < 8; ++number) send_find_as(from, number);
  answer(0, {{0, item_called("a")}, {1, item_called("b")}, {2, item_called("c")}});
  ASSERT_EQ(from.log->results.size(), 1u);
  EXPECT_EQ(from.log->results[0].all.size(), 3u);
  answer(1, {{0, item_called("d")}});
  ASSERT_EQ(from.log->results.size(), 2u);
  EXPECT_EQ(from.log->results[1].all.size(), 1u);
}

TEST_F(intake_test, answers_that_would_be_too_much_for_one_message_come_in_more) {
  const auto from = add_gateway();
  send_jobs_as(from, {{{1, find<item_table>{1, budget}},
                       {2, find<item_table>{2, budget}},
                       {3, find<item_table>{3, budget}},
                       {4, find<item_table>{4, budget}}}});
  const auto large = item_called(std::string(max_message / 4, 'x'), 1);
  answer(0, {{0, large}, {1, large}, {2, large}, {3, item_called("small", 4)}});
  std::vector<std::size_t> sizes;
  for (const auto& each : from.log->results) sizes.push_back(each.all.size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 1, 2}));
}

TEST_F(intake_test, an_answer_too_large_for_a_message_is_refused) {
  const auto from = add_gateway();
  send_jobs_as(from, {{{1, list<item_table>{0, 10, budget}}}});
  const auto large = item_called(std::string(max_message / 4, 'x'), 1);
  answer(0, {{0, rows<item_table>{large, large}}});
  ASSERT_EQ(from.log->results.size(), 1u);
  const auto& reply = from.log->results[0].all.at(0).reply;
  ASSERT_TRUE(std::holds_alternative<db::error>(reply));
  EXPECT_EQ(std::get<db::error>(reply).code, db::errc::answer_too_large);
}

TEST_F(intake_test, messages_go_to_the_lanes_in_turn) {
  const auto from = add_gateway();
  for (std::uint64_t number = 0; number < 6; ++number) send_find_as(from, number);
  EXPECT_EQ(lanes[0]->asked.size(), 3u);
  EXPECT_EQ(lanes[1]->asked.size(), 3u);
}

TEST_F(intake_test, each_sender_gets_its_own_answers) {
  const auto one = add_gateway(), other = add_gateway();
  send_jobs_as(one, {{{1, find<item_table>{1, budget}}, {2, find<item_table>{2, budget}}}});
  send_find_as(other, 1);
  send_find_as(other, 9);
  answer(0, {{0, item_called("one")}, {1, item_called("one")}, {2, item_called("other")}});
  answer(1, {{0, item_called("other")}});
  ASSERT_EQ(one.log->results.size(), 1u);
  EXPECT_EQ(one.log->results[0].all.size(), 2u);
  ASSERT_EQ(other.log->results.size(), 2u);
  EXPECT_EQ(other.log->results[0].all[0].number, 9u);
  EXPECT_EQ(other.log->results[1].all[0].number, 1u);
}

TEST_F(intake_test, a_lane_that_is_gone_has_done_nothing) {
  const auto from = add_gateway();
  caf::anon_send_exit(lane_actors[0], caf::exit_reason::kill);
  run();
  send_find_as(from, 1);
  ASSERT_EQ(from.log->results.size(), 1u);
  const auto* failed = std::get_if<db::error>(&from.log->results[0].all[0].reply);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, db::errc::connection_lost);
  EXPECT_TRUE(ask_to_leave()->value);
}

TEST_F(intake_test, with_nothing_to_do_it_leaves_at_once) { EXPECT_TRUE(ask_to_leave()->value); }

TEST_F(intake_test, it_leaves_when_each_gateway_knows) {
  const auto one = add_enlisted(), other = add_enlisted(), stranger = add_gateway();
  const auto leaving_answer = ask_to_leave();
  ASSERT_EQ(one.log->asked_to_release.size(), 1u);
  ASSERT_EQ(other.log->asked_to_release.size(), 1u);
  EXPECT_TRUE(stranger.log->asked_to_release.empty());
  release_as(one);
  EXPECT_TRUE(one.log->asked_to_release.empty());
  release_as(other);
  // A second time: that is behind all answers.
  ASSERT_EQ(one.log->asked_to_release.size(), 1u);
  release_as(one);
  EXPECT_TRUE(leaving_answer->pending());
  release_as(other);
  EXPECT_TRUE(leaving_answer->value);
}

TEST_F(intake_test, it_leaves_when_all_is_answered_also_what_came_last) {
  const auto from = add_enlisted();
  send_find_as(from, 1);
  const auto leaving_answer = ask_to_leave();
  send_find_as(from, 2);
  release_as(from);
  EXPECT_TRUE(leaving_answer->pending());
  answer(0, {{0, item_called("a")}});
  EXPECT_TRUE(from.log->asked_to_release.empty());
  answer(1, {{0, item_called("b")}});
  // Its answers were sent before that, and have come when it is heard.
  EXPECT_EQ(from.log->results.size(), 2u);
  EXPECT_TRUE(leaving_answer->pending());
  release_as(from);
  EXPECT_TRUE(leaving_answer->value);
}

TEST_F(intake_test, it_is_asked_to_leave_twice) {
  const auto from = add_enlisted();
  const auto one = ask_to_leave(), other = ask_to_leave();
  release_as(from);
  release_as(from);
  EXPECT_TRUE(one->value);
  EXPECT_TRUE(other->value);
  EXPECT_TRUE(ask_to_leave()->value);
}

TEST_F(intake_test, who_enlists_twice_is_told_as_if_once) {
  const auto from = add_enlisted();
  EXPECT_TRUE(enlist_as(from)->value);
  const auto leaving_answer = ask_to_leave();
  EXPECT_EQ(from.log->asked_to_release.size(), 1u);
  release_as(from);
  EXPECT_EQ(from.log->asked_to_release.size(), 1u);
  release_as(from);
  EXPECT_TRUE(leaving_answer->value);
}

TEST_F(intake_test, once_it_leaves_nobody_may_enlist) {
  const auto from = add_enlisted(), newcomer = add_gateway();
  ask_to_leave();
  EXPECT_EQ(enlist_as(newcomer)->error->code, db::errc::unavailable);
  release_as(from);
  EXPECT_EQ(enlist_as(newcomer)->error->code, db::errc::unavailable);
  EXPECT_TRUE(newcomer.log->asked_to_release.empty());
}

TEST_F(intake_test, a_gateway_that_is_gone_is_not_waited_for) {
  const auto before = add_enlisted(), meanwhile = add_enlisted();
  lose(before);
  const auto leaving_answer = ask_to_leave();
  EXPECT_TRUE(leaving_answer->pending());
  lose(meanwhile);
  EXPECT_TRUE(leaving_answer->value);
}

TEST_F(intake_test, jobs_of_a_gateway_that_is_gone_are_finished) {
  const auto gone = add_enlisted(), stays = add_gateway();
  send_find_as(gone, 1);
  send_find_as(stays, 2);
  lose(gone);
  const auto leaving_answer = ask_to_leave();
  answer(0, {{0, item_called("a")}});
  EXPECT_TRUE(leaving_answer->pending());
  answer(1, {{0, item_called("b")}});
  EXPECT_TRUE(leaving_answer->value);
  EXPECT_TRUE(gone.log->results.empty());
  EXPECT_EQ(stays.log->results.size(), 1u);
}

}  // namespace
}  // namespace troupe::actors
