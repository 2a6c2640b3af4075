// A fixture for actors on CAF's test scheduler: nothing runs and no time passes but when a test says so.
#pragma once

#include <gtest/gtest.h>

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "actors/errors.hpp"
#include "db/error.hpp"

namespace troupe::test {

/// What became of a request. Of a request that is not answered yet, neither is set.
template <class Reply>
struct answer {
  std::optional<Reply> value;
  std::optional<db::error> error;
  /// The error as it came.
  caf::error raw_error;
  int count = 0;

  bool pending() const { return count == 0; }
  /// The code of the error; none if there is no error.
  db::errc code() const { return error ? error->code : db::errc::none; }
};

template <class Reply>
using answer_ptr = std::shared_ptr<const answer<Reply>>;

class deterministic : public testing::Test {
 protected:
  using time_point = caf::actor_clock::time_point;

  deterministic() : scheduler_{dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())} {}

  ~deterministic() override {
    for (const auto& each : spawned_) caf::anon_send_exit(each, caf::exit_reason::kill);
    spawned_.clear();
    run();
  }

  /// Spawns a function-based actor that ends with the test. It takes at least one argument: without any,
  /// CAF binds a reference to null, which the sanitizers report.
  template <class F, class T, class... Ts>
  caf::infer_handle_from_fun_t<F> spawn(F behavior, T&& arg, Ts&&... args) {
    auto made = system.spawn(std::move(behavior), std::forward<T>(arg), std::forward<Ts>(args)...);
    spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(made));
    return made;
  }

  /// Runs actors until none is ready. Timers stand still.
  void run() { scheduler_.run(); }

  /// Runs the actor that is first in line, for one message.
  void run_once() { scheduler_.run_once(); }

  time_point now() const { return scheduler_.clock().now(); }

  /// Lets virtual time pass; each timer fires at its own time, and what it wakes runs.
  void advance(caf::actor_clock::duration_type by) {
    const auto until = now() + by;
    auto& clock = scheduler_.clock();
    run();
    while (!clock.schedule().empty() && clock.schedule().begin()->first <= until) {
      clock.trigger_timeout();
      run();
    }
    clock.current_time = until;
  }

  /// Sends a request from an actor of its own, which is first in line once everybody else has run.
  template <class Reply, class Handle, class Message>
  answer_ptr<Reply> send_request(const Handle& to, Message what) {
    auto got = std::make_shared<answer<Reply>>();
    spawn(
        [](caf::event_based_actor* self, const std::shared_ptr<answer<Reply>>& out, const Handle& whom,
           const Message& message) {
          self->request(whom, caf::infinite, message)
              .then(
                  [out](const Reply& reply) {
                    ++out->count;
                    out->value = reply;
                  },
                  [out](const caf::error& failed) {
                    ++out->count;
                    out->raw_error = failed;
                    out->error = actors::from_caf(failed);
                  });
        },
        got, to, std::move(what));
    return got;
  }

  /// Sends a request and runs until nothing moves.
  template <class Reply, class Handle, class Message>
  answer_ptr<Reply> ask(const Handle& to, Message what) {
    auto got = send_request<Reply>(to, std::move(what));
    run();
    return got;
  }

 private:
  struct configuration : caf::actor_system_config {
    configuration() { set("scheduler.policy", caf::atom("testing")); }
  };

  configuration configuration_;

 protected:
  caf::actor_system system{configuration_};

 private:
  caf::scheduler::test_coordinator& scheduler_;
  std::vector<caf::strong_actor_ptr> spawned_;
};

}  // namespace troupe::test
