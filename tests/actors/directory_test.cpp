// How a gateway finds its workers, and how it goes on when names, connections or workers fail.
#include "actors/directory.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/actors/directory_fixture.hpp"

namespace troupe::actors {
namespace {

using std::chrono::milliseconds;

TEST(parse_worker_name_test, takes_a_host_and_a_port_and_nothing_else) {
  struct row {
    const char* text;
    const char* host;
    int port;
  };
  for (const auto& [text, host, port] : std::vector<row>{{"worker-1.example:4711", "worker-1.example", 4711},
                                                         {"10.0.0.7:1", "10.0.0.7", 1},
                                                         {"[::1]:65535", "::1", 65535},
                                                         {"[fe80::1%eth0]:4711", "fe80::1%eth0", 4711},
                                                         {"w:00080", "w", 80}}) {
    const auto parsed = parse_worker_name(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->host, host);
    EXPECT_EQ(parsed->port, port) << text;
  }
  for (const auto* text :
       {"",      ":",      ":4711",   "w",        "w:",        "w:0",       "w:65536",  "w:99999999999",
        "w:-1",  "w:+1",   "w: 1",    "w:1 ",     "w:1x",      "w:x",       "::1:4711", "::1",
        "[::1]", "[::1]:", "[]:4711", "[w]:4711", "[::1:4711", "::1]:4711", "a:b:4711", "w:0x10"})
    EXPECT_FALSE(parse_worker_name(text)) << text;
}

class directory_test : public test::directory_fixture {};

TEST_F(directory_test, each_address_of_a_name_is_a_worker_and_each_balancer_hears_of_it) {
  hosts["w"] = {"a", "b"};
  const auto a = add_worker("a").handle(), b = add_worker("b").handle();
  start({"w:4711"});
  for (const auto& each : balancers) EXPECT_EQ(each->up, (std::vector{a, b}));
  EXPECT_TRUE(status_of("a").connected);
  EXPECT_TRUE(status_of("b").connected);
  EXPECT_EQ(workers["a"].log->enlisted, 1);
  // The worker will tell the directory when it leaves.
  EXPECT_EQ(workers["a"].log->gateway, caf::actor_cast<caf::strong_actor_ptr>(directory));
}

TEST_F(directory_test, an_address_that_is_new_is_found_at_the_next_look) {
  hosts["w"] = {"a"};
  add_worker("a");
  start({"w:4711"});
  const auto b = add_worker("b").handle();
  hosts["w"] = {"a", "b"};
  advance(settings.resolve_interval - milliseconds{1});
  EXPECT_EQ(balancers[0]->up.size(), 1u);
  advance(milliseconds{1});
  ASSERT_EQ(balancers[0]->up.size(), 2u);
  EXPECT_EQ(balancers[0]->up[1], b);
  EXPECT_EQ(attempts("a").size(), 1u);
}

TEST_F(directory_test, a_name_that_cannot_be_resolved_is_looked_up_again) {
  start({"w:4711"});
  advance(settings.resolve_interval);
  EXPECT_EQ(lookups["w"], 2);
  EXPECT_TRUE(status().empty());
  hosts["w"] = {"a"};
  add_worker("a");
  advance(settings.resolve_interval);
  EXPECT_TRUE(status_of("a").connected);
}

TEST_F(directory_test, what_a_name_stood_for_is_kept_while_it_cannot_be_resolved) {
  hosts["w"] = {"a", "b"};
  add_worker("a");
  start({"w:4711"});
  hosts.clear();
  advance(settings.resolve_interval);
  EXPECT_EQ(status().size(), 2u);
  add_worker("b");
  advance(settings.backoff_max);
  EXPECT_TRUE(status_of("b").connected);
}

TEST_F(directory_test, an_address_that_vanished_is_forgotten_unless_it_is_connected) {
  hosts["w"] = {"a", "b"};
  add_worker("a");
  start({"w:4711"});
  hosts["w"] = {"c"};
  advance(settings.resolve_interval);
  EXPECT_TRUE(status_of("a").connected);
  EXPECT_EQ(status_of("b").where, "");
  const auto tried = attempts("b").size();
  lose("a");
  advance(settings.resolve_interval * 3);
  EXPECT_EQ(status_of("a").where, "");
  EXPECT_EQ(attempts("a").size(), 1u);
  EXPECT_EQ(attempts("b").size(), tried);
}

TEST_F(directory_test, an_address_of_two_names_stays_while_one_of_them_has_it) {
  hosts["v"] = {"a"};
  hosts["w"] = {"a", "b"};
  start({"v:4711", "w:4711"});
  EXPECT_EQ(attempts("a").size(), 1u);
  hosts["w"] = {"b"};
  advance(settings.resolve_interval);
  EXPECT_EQ(status().size(), 2u);
  hosts["v"] = {};
  advance(settings.resolve_interval);
  EXPECT_EQ(status().size(), 1u);
}

TEST_F(directory_test, failed_attempts_wait_longer_up_to_the_maximum_with_jitter) {
  hosts["w"] = {"a"};
  start({"w:4711"});
  advance(std::chrono::seconds{60});
  const auto all = waits("a");
  ASSERT_GT(all.size(), 25u);
  auto longest = settings.backoff_min;
  bool differs = false;
  for (const auto wait : all) {
    EXPECT_GE(wait, longest / 2);
    EXPECT_LE(wait, longest);
    differs = differs || (longest == settings.backoff_max && wait != all.back());
    longest = std::min(longest * 2, settings.backoff_max);
  }
  EXPECT_TRUE(differs);
  // Not in the words of who failed.
  EXPECT_EQ(status_of("a").last_failure, "nobody listens at its address");
}

TEST_F(directory_test, a_lost_worker_is_tried_again_from_the_shortest_wait_on) {
  hosts["w"] = {"a"};
  start({"w:4711"});
  advance(std::chrono::seconds{20});
  add_worker("a");
  advance(settings.backoff_max);
  ASSERT_TRUE(status_of("a").connected);
  EXPECT_EQ(status_of("a").last_failure, "");
  const auto before = attempts("a").size();
  lose("a");
  EXPECT_FALSE(status_of("a").connected);
  EXPECT_EQ(status_of("a").last_failure, "the connection was lost");
  const auto again = add_worker("a").handle();
  advance(settings.backoff_min);
  EXPECT_EQ(attempts("a").size(), before + 1);
  for (const auto& each : balancers) EXPECT_EQ(each->up.back(), again);
}

TEST_F(directory_test, a_worker_of_another_version_is_cut_and_tried_again) {
  hosts["w"] = {"a"};
  const auto log = add_worker("a").log;
  signatures["a"] = {"something else"};
  start({"w:4711"});
  EXPECT_EQ(cuts["a"], 1);
  EXPECT_EQ(log->enlisted, 0);
  EXPECT_EQ(status_of("a").last_failure, "it is of another version");
  signatures.clear();
  advance(settings.backoff_min);
  EXPECT_TRUE(status_of("a").connected);
  EXPECT_EQ(cuts["a"], 1);
}

TEST_F(directory_test, a_worker_that_does_not_answer_is_cut_in_time_and_tried_again) {
  hosts["w"] = {"a"};
  const auto log = add_worker("a").log;
  log->how = test::welcome::ignore;
  start({"w:4711"});
  advance(settings.connect_timeout - milliseconds{1});
  EXPECT_EQ(cuts["a"], 0);
  advance(milliseconds{1});
  EXPECT_EQ(cuts["a"], 1);
  EXPECT_TRUE(balancers[0]->up.empty());
  log->how = test::welcome::accept;
  advance(settings.backoff_min);
  EXPECT_EQ(balancers[0]->up.size(), 1u);
}

TEST_F(directory_test, a_worker_that_refuses_is_cut_and_tried_again) {
  hosts["w"] = {"a"};
  const auto log = add_worker("a").log;
  log->how = test::welcome::refuse;
  start({"w:4711"});
  EXPECT_EQ(cuts["a"], 1);
  EXPECT_EQ(status_of("a").last_failure, "It is about to stop.");
  log->how = test::welcome::accept;
  advance(settings.backoff_min);
  EXPECT_TRUE(status_of("a").connected);
}

TEST_F(directory_test, a_worker_that_leaves_hears_when_each_balancer_knows) {
  hosts["w"] = {"a", "b"};
  const auto a = add_worker("a");
  add_worker("b");
  start({"w:4711"});
  for (const auto& each : balancers) each->holds = true;
  const auto done = leave(a);
  for (const auto& each : balancers) EXPECT_EQ(each->leaving, (std::vector{a.handle()}));
  EXPECT_TRUE(status_of("a").leaving);
  EXPECT_FALSE(status_of("b").leaving);
  release(1);
  EXPECT_FALSE(*done);
  release(0);
  EXPECT_TRUE(*done);
  lose("a");
  EXPECT_FALSE(status_of("a").connected);
  add_worker("a");
  advance(settings.backoff_min);
  EXPECT_TRUE(status_of("a").connected);
  EXPECT_FALSE(status_of("a").leaving);
}

TEST_F(directory_test, a_balancer_that_has_ended_holds_no_leaver_up) {
  hosts["w"] = {"a"};
  const auto a = add_worker("a");
  start({"w:4711"});
  caf::anon_send_exit(balancer_actors[0], caf::exit_reason::kill);
  run();
  EXPECT_TRUE(*leave(a));
}

TEST_F(directory_test, a_stranger_may_leave) {
  hosts["w"] = {"a"};
  add_worker("a");
  start({"w:4711"});
  EXPECT_TRUE(*leave(add_worker("elsewhere")));
  EXPECT_TRUE(balancers[0]->leaving.empty());
  EXPECT_FALSE(status_of("a").leaving);
}

TEST_F(directory_test, a_worker_with_two_addresses_leaves_is_lost_and_comes_back_with_both) {
  hosts["w"] = {"a", "b"};
  const auto both = add_worker("a");
  workers["b"] = both;
  start({"w:4711"});
  EXPECT_TRUE(status_of("a").connected);
  EXPECT_TRUE(status_of("b").connected);
  EXPECT_TRUE(*leave(both));
  EXPECT_EQ(balancers[0]->leaving.size(), 1u);
  EXPECT_TRUE(status_of("a").leaving);
  EXPECT_TRUE(status_of("b").leaving);
  workers.erase("b");
  lose("a");
  EXPECT_FALSE(status_of("a").connected);
  EXPECT_FALSE(status_of("b").connected);
  workers["b"] = add_worker("a");
  advance(settings.backoff_min);
  EXPECT_EQ(attempts("a").size(), 2u);
  EXPECT_EQ(attempts("b").size(), 2u);
  EXPECT_TRUE(status_of("a").connected);
  EXPECT_TRUE(status_of("b").connected);
}

TEST_F(directory_test, an_address_that_comes_and_goes_is_not_tried_more_often) {
  settings.resolve_interval = milliseconds{100};
  settings.backoff_min = settings.backoff_max;
  hosts["w"] = {"a"};
  start({"w:4711"});
  for (int i = 0; i < 5; ++i) {
    hosts["w"] = {};
    advance(settings.resolve_interval);
    hosts["w"] = {"a"};
    advance(settings.resolve_interval);
  }
  const auto before = attempts("a").size();
  advance(std::chrono::seconds{20});
  // Each wait is half of the maximum at least.
  EXPECT_LE(attempts("a").size() - before, 20u);
}

}  // namespace
}  // namespace troupe::actors
