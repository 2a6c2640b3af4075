// The lane scheduler with plain jobs: on which thread they run, in which turns, and that it ends.
#include "actors/lanes.hpp"

#include <gtest/gtest.h>

#include <asio/post.hpp>
#include <atomic>
#include <caf/actor_system_config.hpp>
#include <caf/ref_counted.hpp>
#include <caf/resumable.hpp>
#include <functional>
#include <future>
#include <memory>
#include <thread>

namespace troupe::actors {
namespace {

/// A job like an actor of a lane, without CAF's mailbox: resume() is what the test says.
class scripted_job final : public caf::resumable, public caf::ref_counted, public lane_bound {
 public:
  using body = std::function<resume_result(std::size_t max_throughput)>;

  scripted_job(lane& home, body what, std::atomic<int>* destroyed = nullptr)
      : home_{home}, what_{std::move(what)}, destroyed_{destroyed} {}
  ~scripted_job() override {
    if (destroyed_ != nullptr) ++*destroyed_;
  }

  lane& home() const noexcept override { return home_; }
  resume_result resume(caf::execution_unit*, std::size_t max_throughput) override {
    return what_(max_throughput);
  }
  void intrusive_ptr_add_ref_impl() override { ref(); }
  void intrusive_ptr_release_impl() override { deref(); }

 private:
  lane& home_;
  body what_;
  std::atomic<int>* destroyed_;
};

class lanes : public testing::Test {
 protected:
  static constexpr std::size_t count = 2;

  lanes() {
    lane_scheduler::install(config_, count);
    system_ = std::make_unique<caf::actor_system>(config_);
  }

  lane_scheduler& scheduler() { return lane_scheduler::of(*system_); }
  lane& at(std::size_t index) { return scheduler().at(index); }

  /// Runs a function on a lane's thread, as a socket's handler would.
  void on(std::size_t index, std::function<void()> what) {
    std::promise<void> done;
    asio::post(at(index).io(), [&] {
      what();
      at(index).run_ready();
      done.set_value();
    });
    done.get_future().wait();
  }

  std::thread::id thread_of(std::size_t index) {
    std::thread::id out;
    on(index, [&] { out = std::this_thread::get_id(); });
    return out;
  }

  /// A new job that tells on which thread it runs.
  scripted_job* teller(std::size_t home, std::promise<std::thread::id>& where) {
    return new scripted_job{at(home), [&where](std::size_t) {
                              where.set_value(std::this_thread::get_id());
                              return caf::resumable::done;
                            }};
  }

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

TEST_F(lanes, each_has_a_thread_of_its_own) {
  EXPECT_EQ(scheduler().size(), count);
  EXPECT_NE(thread_of(0), thread_of(1));
  EXPECT_NE(thread_of(0), std::this_thread::get_id());
  EXPECT_NE(thread_of(1), std::this_thread::get_id());
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(at(i).index(), i);
}

TEST_F(lanes, know_their_own_thread) {
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_FALSE(at(i).is_current());
    on(i, [&] {
      EXPECT_TRUE(at(i).is_current());
      EXPECT_FALSE(at(1 - i).is_current());
    });
  }
}

TEST_F(lanes, run_a_job_at_home_when_another_thread_wakes_it) {
  for (std::size_t home = 0; home < count; ++home) {
    std::promise<std::thread::id> first, second;
    static_cast<caf::scheduler::abstract_coordinator&>(scheduler()).enqueue(teller(home, first));
    EXPECT_EQ(first.get_future().get(), thread_of(home));
    at(1 - home).exec_later(teller(home, second));
    EXPECT_EQ(second.get_future().get(), thread_of(home));
  }
}

TEST_F(lanes, run_a_job_at_home_when_the_other_lane_wakes_it) {
  for (std::size_t home = 0; home < count; ++home) {
    std::promise<std::thread::id> where;
    on(1 - home, [&] { at(1 - home).exec_later(teller(home, where)); });
    EXPECT_EQ(where.get_future().get(), thread_of(home));
  }
}

TEST_F(lanes, run_a_job_before_the_handler_that_woke_it_returns) {
  bool ran_early = true;
  bool ran = false;
  on(1, [&] {
    at(1).exec_later(new scripted_job{at(1), [&](std::size_t) {
                                        ran = true;
                                        return caf::resumable::done;
                                      }});
    ran_early = ran;
    at(1).run_ready();
    EXPECT_TRUE(ran);
  });
  EXPECT_FALSE(ran_early);
}

TEST_F(lanes, give_a_job_a_bounded_number_of_messages) {
  std::size_t given = 0;
  on(0, [&] {
    at(0).exec_later(new scripted_job{at(0), [&](std::size_t max_throughput) {
                                        given = max_throughput;
                                        return caf::resumable::done;
                                      }});
  });
  EXPECT_EQ(given, lane::max_throughput);
}

TEST_F(lanes, put_a_job_that_has_more_to_do_behind_the_others) {
  std::string order;
  on(0, [&] {
    for (const char name : {'a', 'b', 'c'})
      at(0).exec_later(new scripted_job{at(0), [&order, name, left = 3](std::size_t) mutable {
                                          order += name;
                                          return --left > 0 ? caf::resumable::resume_later
                                                            : caf::resumable::done;
                                        }});
  });
  EXPECT_EQ(order, "abcabcabc");
}

TEST_F(lanes, let_go_of_a_job_that_is_done_or_waits) {
  std::atomic<int> destroyed = 0;
  on(0, [&] {
    at(0).exec_later(new scripted_job{at(0), [](std::size_t) { return caf::resumable::done; }, &destroyed});
    at(0).exec_later(
        new scripted_job{at(0), [](std::size_t) { return caf::resumable::awaiting_message; }, &destroyed});
  });
  EXPECT_EQ(destroyed, 2);
}

TEST_F(lanes, let_sockets_have_their_turn_among_many_wakeups) {
  constexpr std::size_t many = 5 * lane::max_turn;
  std::size_t ran = 0;
  std::promise<std::size_t> before_the_socket;
  std::promise<void> all;
  on(0, [&] {
    asio::post(at(0).io(), [&] { before_the_socket.set_value(ran); });
    for (std::size_t i = 0; i < many; ++i)
      at(0).exec_later(new scripted_job{at(0), [&](std::size_t) {
                                          if (++ran == many) all.set_value();
                                          return caf::resumable::done;
                                        }});
  });
  EXPECT_EQ(before_the_socket.get_future().get(), lane::max_turn);
  all.get_future().wait();
}

TEST_F(lanes, a_job_that_always_has_more_to_do_stops_nobody) {
  std::atomic<bool> stop = false;
  std::promise<void> stopped;
  at(0).exec_later(new scripted_job{at(0), [&](std::size_t) {
                                      if (!stop) return caf::resumable::resume_later;
                                      stopped.set_value();
                                      return caf::resumable::done;
                                    }});
  for (int i = 0; i < 100; ++i) on(0, [] {});
  stop = true;
  stopped.get_future().wait();
}

TEST_F(lanes, a_nested_turn_leaves_the_work_to_the_outer_one) {
  std::string order;
  on(0, [&] {
    at(0).exec_later(new scripted_job{at(0), [&](std::size_t) {
                                        order += "outer(";
                                        at(0).exec_later(new scripted_job{at(0), [&](std::size_t) {
                                                                            order += "inner";
                                                                            return caf::resumable::done;
                                                                          }});
                                        at(0).run_ready();
                                        order += ")";
                                        return caf::resumable::done;
                                      }});
  });
  EXPECT_EQ(order, "outer()inner");
}

// A hang here is caught by the time limit of the test.
TEST_F(lanes, end_with_the_system) {
  on(0, [] {});
  system_.reset();
  for (int i = 0; i < 20; ++i) {
    system_ = std::make_unique<caf::actor_system>(config_);
    system_.reset();
  }
}

TEST(one_lane, is_enough) {
  caf::actor_system_config config;
  lane_scheduler::install(config, 1);
  caf::actor_system system{config};
  auto& scheduler = lane_scheduler::of(system);
  EXPECT_EQ(scheduler.size(), 1u);
  std::promise<bool> at_home;
  scheduler.at(0).exec_later(new scripted_job{scheduler.at(0), [&](std::size_t) {
                                                at_home.set_value(scheduler.at(0).is_current());
                                                return caf::resumable::done;
                                              }});
  EXPECT_TRUE(at_home.get_future().get());
}

}  // namespace
}  // namespace troupe::actors
