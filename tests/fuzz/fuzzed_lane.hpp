// A lane of the service whose turns a fuzz target takes itself, so that an input leads to the same steps
// each time.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "actors/lanes.hpp"

namespace troupe::test {

/// Lives as long as the program: libFuzzer ends it without a word.
class fuzzed_lane {
 public:
  /// `prepare` may add to the configuration of the lane's actor system.
  explicit fuzzed_lane(const std::function<void(caf::actor_system_config&)>& prepare = {}) {
    if (prepare) prepare(config_);
    actors::lane_scheduler::install(config_, 1);
    system_ = std::make_unique<caf::actor_system>(config_);
  }

  caf::actor_system& system() { return *system_; }
  actors::lane& home() { return actors::lane_scheduler::of(*system_).at(0); }

  /// Runs a function on the lane's thread. Only in it the members below may be called.
  template <class F>
  void run(F what) {
    home().run_and_wait(std::move(what));
  }

  /// Lets the lane do all that there is to do.
  void settle() {
    while (home().io().poll() > 0) {
    }
  }

  /// Lets it go on until something holds; whether it did in time. The kernel may take a while to carry bytes.
  template <class F>
  bool settle_until(F holds) {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
      settle();
      if (holds()) return true;
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::yield();
    }
  }

 private:
  // Less than libFuzzer gives an input.
  static constexpr std::chrono::seconds patience{5};

  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

}  // namespace troupe::test
