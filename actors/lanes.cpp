// The run queue of a lane, and how work from other threads reaches it.
#include "actors/lanes.hpp"

#include <spdlog/spdlog.h>

#include <asio/post.hpp>
#include <caf/detail/set_thread_name.hpp>
#include <caf/resumable.hpp>
#include <chrono>

namespace troupe::actors {

thread_local lane* lane::current_ = nullptr;

lane::lane(caf::actor_system& system, std::size_t index, bool alone)
    : caf::execution_unit{&system}, index_{index}, alone_{alone}, work_{io_.get_executor()} {}

lane::~lane() = default;

void lane::start() {
  thread_ = std::thread{[this] {
    caf::detail::set_thread_name(("lane " + std::to_string(index_)).c_str());
    current_ = this;
    system().thread_started();
    run();
    // Handlers that asio still holds keep actors alive; they are destroyed with the loop.
    system().thread_terminates();
    current_ = nullptr;
  }};
}

// What threw has lost its work half done, and nobody knows whose: the process ends. Until then the others
// are served, so that it can end in order.
void lane::run() {
  while (!io_.stopped()) {
    try {
      run_handlers();
    } catch (...) {
      lane_scheduler::of(system()).fail("A handler of lane " + std::to_string(index_) + " threw " +
                                        describe_exception(std::current_exception()));
    }
  }
}

// Going to sleep and being woken costs more than a client or PostgreSQL takes to answer when little goes
// on: measured with one connection, 130 us a request against 80, and 210 against 100 through two nodes.
void lane::run_handlers() {
  using clock = std::chrono::steady_clock;
  // Waits in a row that spinning did not end, or would not have ended.
  int misses = 0;
  while (!io_.stopped()) {
    if (io_.poll() > quiet_turn) {
      io_.run_one();
      continue;
    }
    const auto start = clock::now();
    if (misses < vain_spins && finds_work(start + spin)) {
      misses = 0;
      continue;
    }
    io_.run_one();
    const bool often = clock::now() - start < worth_spinning;
    misses = often ? (misses + 1) % spin_again : vain_spins;
  }
}

bool lane::finds_work(std::chrono::steady_clock::time_point until) {
  while (!io_.stopped() && std::chrono::steady_clock::now() < until) {
    // Who is to answer may need this core.
    std::this_thread::yield();
    if (io_.poll_one() > 0) return true;
  }
  return false;
}

void lane::stop() {
  asio::post(io_, [this] {
    work_.reset();
    io_.stop();
  });
  thread_.join();
  while (!ready_.empty()) {
    auto* job = ready_.front();
    ready_.pop_front();
    caf::scheduler::abstract_coordinator::cleanup_and_release(job);
  }
}

void lane::exec_later(caf::resumable* job) {
  lane* home = this;
  if (!alone_) {
    if (const auto* bound = dynamic_cast<const lane_bound*>(job)) home = &bound->home();
  }
  if (home->is_current())
    home->push(job);
  else
    asio::post(home->io_, [home, job] {
      home->push(job);
      home->run_ready();
    });
}

void lane::push(caf::resumable* job) { ready_.push_back(job); }

void lane::run_ready() {
  // An actor's reply can lead to code that calls this; the outer call goes on with what that added.
  if (running_) return;
  running_ = true;
  try {
    for (std::size_t turn = 0; turn < max_turn && !ready_.empty(); ++turn) {
      auto* job = ready_.front();
      ready_.pop_front();
      switch (job->resume(this, max_throughput)) {
        case caf::resumable::resume_later: ready_.push_back(job); break;
        default: caf::intrusive_ptr_release(job); break;
      }
    }
  } catch (...) {
    // An actor ends by what its handlers throw; this comes from CAF itself. The others go on.
    running_ = false;
    asio::post(io_, [this] { run_ready(); });
    throw;
  }
  running_ = false;
  if (!ready_.empty()) asio::post(io_, [this] { run_ready(); });
}

void lane_scheduler::install(caf::actor_system_config& config, std::size_t lanes,
                             failure_handler on_failure) {
  config.module_factories.emplace_back(
      [lanes, told = std::move(on_failure)](caf::actor_system& system) -> caf::actor_system::module* {
        return new lane_scheduler{system, lanes, told};
      });
}

lane_scheduler& lane_scheduler::of(caf::actor_system& system) {
  return static_cast<lane_scheduler&>(system.scheduler());
}

lane_scheduler::lane_scheduler(caf::actor_system& system, std::size_t lanes, failure_handler on_failure)
    : caf::scheduler::abstract_coordinator{system}, on_failure_{std::move(on_failure)} {
  for (std::size_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<lane>(system, i, lanes == 1));
}

void lane_scheduler::fail(const std::string& sentence) const noexcept {
  try {
    spdlog::critical("{}", sentence);
    if (on_failure_) on_failure_(sentence);
  } catch (...) {
    // Not even that is possible.
    std::terminate();
  }
}

void lane_scheduler::start() {
  for (auto& each : lanes_) each->start();
  clock_thread_ = std::thread{[this] {
    caf::detail::set_thread_name("clock");
    system().thread_started();
    try {
      clock_.run_dispatch_loop();
    } catch (...) {
      fail("The clock of the actors threw " + describe_exception(std::current_exception()));
    }
    system().thread_terminates();
  }};
  abstract_coordinator::start();
}

void lane_scheduler::stop() {
  stop_actors();
  clock_.cancel_dispatch_loop();
  clock_thread_.join();
  for (auto& each : lanes_) each->stop();
}

void lane_scheduler::enqueue(caf::resumable* job) {
  // Actors without a home lane are CAF's own helpers; the first lane takes them.
  const auto* bound = dynamic_cast<const lane_bound*>(job);
  (bound != nullptr ? bound->home() : *lanes_.front()).exec_later(job);
}

}  // namespace troupe::actors
