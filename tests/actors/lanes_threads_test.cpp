// Real actors on lanes: their messages between threads go through libcaf, which sanitizers cannot see into.
#include <gtest/gtest.h>

#include <asio/post.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "actors/lanes.hpp"

namespace troupe::actors {
namespace {

using namespace std::chrono_literals;

class LanesAcrossThreads : public testing::Test {
 protected:
  LanesAcrossThreads() {
    lane_scheduler::install(config_, 2);
    system_ = std::make_unique<caf::actor_system>(config_);
  }

  lane& at(std::size_t index) { return lane_scheduler::of(*system_).at(index); }

  void on(std::size_t index, std::function<void()> what) {
    std::promise<void> done;
    asio::post(at(index).io(), [&] {
      what();
      at(index).run_ready();
      done.set_value();
    });
    done.get_future().wait();
  }

  /// An actor at home on a lane that answers each request with whether it runs there.
  caf::actor spawn_teller(std::size_t home) {
    return at(home).spawn([](caf::event_based_actor*,
                             lane* it) -> caf::behavior { return {[it](int) { return it->is_current(); }}; },
                          &at(home));
  }

  /// An actor at home on a lane that does something with each message.
  caf::actor spawn_doing(std::size_t home, std::function<void()> what) {
    return at(home).spawn(
        [](caf::event_based_actor*, const std::function<void()>& job) -> caf::behavior {
          return {[job](int) { job(); }};
        },
        std::move(what));
  }

  static bool ask(caf::scoped_actor& self, const caf::actor& whom) {
    bool out = false;
    self->request(whom, caf::infinite, 1)
        .receive([&](bool at_home) { out = at_home; }, [](const caf::error&) {});
    return out;
  }

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

TEST_F(LanesAcrossThreads, an_actor_runs_on_its_lane_when_the_main_thread_wakes_it) {
  caf::scoped_actor self{*system_};
  for (std::size_t home = 0; home < 2; ++home) {
    const auto teller = spawn_teller(home);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(ask(self, teller)) << home;
  }
}

TEST_F(LanesAcrossThreads, an_actor_starts_on_its_lane) {
  for (std::size_t home = 0; home < 2; ++home) {
    std::promise<bool> started;
    at(home).spawn([&](caf::event_based_actor*, lane* it) { started.set_value(it->is_current()); },
                   &at(home));
    EXPECT_TRUE(started.get_future().get());
  }
}

TEST_F(LanesAcrossThreads, an_actor_runs_on_its_lane_when_one_of_the_other_lane_wakes_it) {
  for (std::size_t home = 0; home < 2; ++home) {
    const auto teller = spawn_teller(home);
    std::promise<int> at_home;
    at(1 - home).spawn(
        [&at_home](caf::event_based_actor* self, const caf::actor& whom, lane* here) {
          auto yes = std::make_shared<int>(0);
          auto left = std::make_shared<int>(200);
          for (int i = 0; i < 200; ++i)
            self->request(whom, caf::infinite, 1).then([&at_home, yes, left, here](bool there) {
              // The answer comes back to the asker's own lane.
              if (there && here->is_current()) ++*yes;
              if (--*left == 0) at_home.set_value(*yes);
            });
        },
        teller, &at(1 - home));
    EXPECT_EQ(at_home.get_future().get(), 200);
  }
}

TEST_F(LanesAcrossThreads, an_actor_without_a_lane_runs_on_the_first) {
  std::promise<bool> first;
  system_->spawn([&](caf::event_based_actor*, lane* it) { first.set_value(it->is_current()); }, &at(0));
  EXPECT_TRUE(first.get_future().get());
}

TEST_F(LanesAcrossThreads, a_flooded_actor_lets_others_run_after_a_bounded_number_of_messages) {
  int flooded_handled = 0;
  int before_other = -1;
  const auto flooded = spawn_doing(0, [&] { ++flooded_handled; });
  const auto other = spawn_doing(0, [&] { before_other = flooded_handled; });
  on(0, [] {});
  on(0, [&] {
    for (int i = 0; i < 1000; ++i) at(0).send(flooded, caf::make_message(1));
    at(0).send(other, caf::make_message(1));
  });
  on(0, [] {});
  EXPECT_EQ(flooded_handled, 1000);
  EXPECT_EQ(before_other, static_cast<int>(lane::max_throughput));
}

TEST_F(LanesAcrossThreads, a_message_from_a_handler_is_handled_before_the_handler_returns) {
  bool handled = false;
  const auto actor = spawn_doing(1, [&] { handled = at(1).is_current(); });
  on(1, [] {});
  on(1, [&] {
    at(1).send(actor, caf::make_message(1));
    EXPECT_FALSE(handled);
    at(1).run_ready();
    EXPECT_TRUE(handled);
  });
}

TEST_F(LanesAcrossThreads, a_delayed_message_comes_on_the_lane_and_not_early) {
  const auto since = std::chrono::steady_clock::now();
  std::promise<bool> came;
  at(1).spawn(
      [&came](caf::event_based_actor* self, lane* it) -> caf::behavior {
        self->delayed_send(self, 20ms, 1);
        return {[&came, self, it](int) {
          came.set_value(it->is_current());
          self->quit();
        }};
      },
      &at(1));
  EXPECT_TRUE(came.get_future().get());
  EXPECT_GE(std::chrono::steady_clock::now() - since, 20ms);
}

// A hang here is caught by the time limit of the test.
TEST_F(LanesAcrossThreads, the_system_ends_once_its_actors_have) {
  auto teller = spawn_teller(1);
  {
    caf::scoped_actor self{*system_};
    EXPECT_TRUE(ask(self, teller));
  }
  at(0).spawn(
      [](caf::event_based_actor* self, const caf::actor&) {
        self->delayed_send(self, 1h, 1);
        self->quit();
      },
      teller);
  caf::anon_send_exit(teller, caf::exit_reason::user_shutdown);
  teller = nullptr;
  system_.reset();
}

TEST(Lane, SaysWhatAHandlerThrowsAndGoesOn) {
  caf::actor_system_config config;
  std::promise<std::string> told;
  lane_scheduler::install(config, 1, [&told](const std::string& why) { told.set_value(why); });
  caf::actor_system system{config};
  auto& it = lane_scheduler::of(system).at(0);
  asio::post(it.io(), [] { throw std::out_of_range{"secret"}; });
  EXPECT_EQ(told.get_future().get(), "A handler of lane 0 threw std::out_of_range");
  bool ran = false;
  it.run_and_wait([&ran] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST_F(LanesAcrossThreads, AnExceptionEndsAnActorWithItsTypeAsTheReason) {
  std::promise<std::string> told;
  const auto victim = spawn_doing(0, [] { throw std::out_of_range{"secret"}; });
  const auto watcher = at(1).spawn(
      watch, std::vector<essential_actor>{{"The victim", caf::actor_cast<caf::strong_actor_ptr>(victim)}},
      failure_handler{[&told](const std::string& why) { told.set_value(why); }});
  caf::anon_send(victim, 1);
  EXPECT_EQ(told.get_future().get(), "The victim has ended: it threw std::out_of_range");
  caf::anon_send_exit(watcher, caf::exit_reason::user_shutdown);
}

}  // namespace
}  // namespace troupe::actors
