// Gateways and workers under simulated failures: each request is answered once, no change is made twice.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/actors/nodes_simulation.hpp"
#include "tests/support/size.hpp"

namespace troupe::actors {
namespace {

using db::errc;
using db::item_table;
using std::chrono::milliseconds;
using test::nodes_simulation;

constexpr int requests = 60;
constexpr milliseconds trouble_lasts{8000};
/// Until both ends have noticed, waited and connected again.
constexpr milliseconds calm_lasts{12000};
/// What the balancer's timer, and the turn of an actor, add to a deadline.
constexpr milliseconds slack{60};

// Sends a request of a random kind through a random gateway.
void send_any(nodes_simulation& world, int number) {
  const auto gateway = world.draw_index(world.gateways());
  const milliseconds within{world.draw(100, 1500)};
  const auto name = "n" + std::to_string(number);
  const db::item row{{name, std::nullopt, number}};
  const auto send_once = [&](change<item_table> what, const std::string& called) {
    const once<item_table> message{"key " + name, std::move(what), milliseconds{60000}};
    world.send(gateway, message, called);
    // A client that does not wait, or has lost its gateway.
    if (world.draw(0, 1) == 0) world.send(world.draw_index(world.gateways()), message, called);
  };
  switch (world.draw(0, 7)) {
    case 0: world.send(gateway, find<item_table>{number, within}); break;
    case 1: world.send(gateway, list<item_table>{0, 10, within}); break;
    case 2: world.send(gateway, create<item_table>{row, within}, name); break;
    case 3: world.send(gateway, replace<item_table>{row, within}, name); break;
    case 4: world.send(gateway, remove<item_table>{number, within}, std::to_string(number)); break;
    case 5: send_once(create<item_table>{row, within}, name); break;
    case 6: send_once(update<item_table>{row, 1, within}, name); break;
    default: send_once(remove<item_table>{number, within}, std::to_string(number)); break;
  }
}

// Has something go wrong now; it is well again when the trouble ends.
void cause_trouble(nodes_simulation& world) {
  const auto gateway = world.draw_index(world.gateways());
  const auto worker = world.draw_index(world.workers());
  const milliseconds wait{world.draw(200, 5000)};
  switch (world.draw(0, 4)) {
    case 0:
    case 1:
      world.kill_worker(worker, world.draw(0, 1) == 0);
      world.after(wait, [&world, worker] { world.start_worker(worker); });
      break;
    case 2: {
      const int direction = world.draw(0, 2);
      world.cut_off(gateway, worker, direction != 0, direction != 1);
      world.after(wait, [&world, gateway, worker] { world.heal(gateway, worker); });
      break;
    }
    case 3: world.stall(gateway, worker, wait / 2); break;
    default:
      if (world.is_up(worker)) world.leave_worker(worker);
      world.after(wait, [&world, worker] { world.start_worker(worker); });
      break;
  }
}

void end_trouble(nodes_simulation& world) {
  for (std::size_t worker = 0; worker < world.workers(); ++worker) {
    for (std::size_t gateway = 0; gateway < world.gateways(); ++gateway) world.heal(gateway, worker);
    // One that was about to leave when the trouble ended may have no chance to start by itself.
    world.kill_worker(worker, false);
    world.start_worker(worker);
  }
}

void expect_each_answered_once(const nodes_simulation& world) {
  for (const auto& each : world.requests) {
    EXPECT_EQ(each->answers, 1) << each->name;
    EXPECT_TRUE(each->fits) << each->name << " was answered with what another asked for";
    EXPECT_LE(each->answered - each->sent, each->within + slack) << each->name;
  }
}

// What the answers say of how often a change was made, against how often it was.
void expect_changes_as_answered(const nodes_simulation& world) {
  for (const auto& each : world.requests) {
    if (each->name.empty()) continue;
    const auto found = world.database.made.find(each->name);
    const int made = found == world.database.made.end() ? 0 : found->second;
    EXPECT_LE(made, 1) << each->name;
    switch (each->code) {
      case errc::none:
      case errc::not_found: EXPECT_EQ(made, 1) << each->name; break;
      case errc::outcome_unknown:
      case errc::deadline_unknown: break;
      case errc::deadline_exceeded:
      case errc::no_worker:
      case errc::overloaded:
      case errc::unavailable:
      case errc::connection_lost:
        // With a key an earlier attempt, or another request, may have made it.
        EXPECT_TRUE(made == 0 || each->keyed) << each->name << " " << to_string(each->code);
        break;
      default: ADD_FAILURE() << each->name << " was answered " << to_string(each->code);
    }
  }
  std::map<std::string, int> rows;
  for (const auto& [key, row] : world.database.rows) ++rows[row.get<"name">()];
  for (const auto& [name, count] : rows) EXPECT_EQ(count, 1) << name;
}

void expect_all_well(nodes_simulation& world) {
  for (std::size_t i = 0; i < world.gateways(); ++i) {
    EXPECT_EQ(world.status(i).outstanding, 0u) << "gateway " << i;
    EXPECT_EQ(world.status(i).workers, world.workers()) << "gateway " << i;
  }
}

void expect_workers_can_leave(nodes_simulation& world) {
  std::vector<test::answer_ptr<left>> all;
  for (std::size_t i = 0; i < world.workers(); ++i) all.push_back(world.leave_worker(i));
  world.advance(milliseconds{4000});
  for (const auto& each : all) EXPECT_TRUE(each->value);
  for (std::size_t i = 0; i < world.gateways(); ++i) EXPECT_EQ(world.status(i).workers, 0u);
}

void add_rows(nodes_simulation& world) {
  for (int i = 0; i < requests; ++i) world.database.insert({{"row " + std::to_string(i), {}, 0}});
}

// Without what would be logged of all the failures.
class nodes_test : public testing::Test {
 protected:
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }
};

TEST_F(nodes_test, whatever_fails_each_request_is_answered_once_and_no_change_is_made_twice) {
  const auto seeds = 1000U * static_cast<unsigned>(test::size());
  std::map<errc, int> answers;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    nodes_simulation world{seed, 1 + seed % 2, 2 + seed % 3 / 2, {.refused = 8, .unknown = 6, .late = 5}};
    add_rows(world);
    for (int i = 1; i <= requests; ++i)
      world.after(milliseconds{world.draw(0, 8000)}, [&world, i] { send_any(world, i); });
    const int troubles = world.draw(1, 6);
    for (int i = 0; i < troubles; ++i)
      world.after(milliseconds{world.draw(0, 7000)}, [&world] { cause_trouble(world); });
    world.advance(trouble_lasts);
    end_trouble(world);
    world.advance(calm_lasts);
    expect_each_answered_once(world);
    expect_changes_as_answered(world);
    expect_all_well(world);
    expect_workers_can_leave(world);
    for (const auto& each : world.requests) ++answers[each->code];
    if (HasFailure()) break;
  }
  // The simulation reaches what it is about.
  for (const auto code : {errc::none, errc::outcome_unknown, errc::deadline_unknown, errc::no_worker})
    EXPECT_GT(answers[code], static_cast<int>(seeds) / 10) << to_string(code);
}

TEST_F(nodes_test, while_workers_are_replaced_one_by_one_no_request_fails) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    nodes_simulation world{seed, 2, 2};
    add_rows(world);
    for (int i = 1; i <= requests; ++i)
      world.after(milliseconds{world.draw(0, 7000)}, [&world, i] { send_any(world, i); });
    for (std::size_t which = 0; which < 2; ++which) {
      world.advance(milliseconds{world.draw(500, 1000)});
      const auto answer = world.leave_worker(which);
      world.advance(milliseconds{500});
      EXPECT_TRUE(answer->value);
      EXPECT_FALSE(world.is_up(which));
      world.start_worker(which);
      world.advance(milliseconds{2500});
    }
    world.advance(milliseconds{3000});
    for (const auto& each : world.requests)
      EXPECT_TRUE(each->answers == 1 && each->fits &&
                  (each->code == errc::none || each->code == errc::not_found))
          << each->name << " " << to_string(each->code);
    expect_changes_as_answered(world);
    expect_all_well(world);
    if (HasFailure()) break;
  }
}

// Reads and changes with a key survive a killed worker, as long as there is another.
TEST_F(nodes_test, a_killed_worker_fails_changes_without_a_key_only) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    nodes_simulation world{seed, 1, 2};
    add_rows(world);
    for (int i = 1; i <= requests; ++i)
      world.after(milliseconds{world.draw(0, 500)}, [&world, i] { send_any(world, i); });
    world.after(milliseconds{world.draw(10, 490)}, [&world] { world.kill_worker(0, false); });
    world.advance(milliseconds{3000});
    expect_each_answered_once(world);
    expect_changes_as_answered(world);
    for (const auto& each : world.requests) {
      const bool may_fail = !each->keyed && !each->name.empty();
      EXPECT_TRUE(each->code == errc::none || each->code == errc::not_found ||
                  (may_fail && each->code == errc::outcome_unknown))
          << each->name << " " << to_string(each->code);
    }
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace troupe::actors
