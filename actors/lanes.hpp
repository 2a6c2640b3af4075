// Lanes: each one thread with one asio loop that runs the sockets and the actors of the requests it takes.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/detail/init_fun_factory.hpp>
#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/execution_unit.hpp>
#include <caf/infer_handle.hpp>
#include <caf/message_id.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "actors/supervision.hpp"

namespace troupe::actors {

class lane;

/// What an actor that lives on a lane has besides its own class: the lane it must run on, because it
/// works with that lane's sockets.
class lane_bound {
 public:
  virtual ~lane_bound() = default;
  virtual lane& home() const noexcept = 0;
};

/// The class of an actor spawned by lane::spawn().
template <class Actor>
class bound_to_lane final : public Actor, public lane_bound {
 public:
  bound_to_lane(caf::actor_config& config, lane& home) : Actor(config), home_{home} {
    // CAF's own would write to stdout.
    this->set_exception_handler([](std::exception_ptr& thrown) { return end_by(thrown); });
  }
  lane& home() const noexcept override { return home_; }

 private:
  lane& home_;
};

/// One thread, one asio loop, one run queue. An actor that is woken on the lane's thread runs before the
/// handler that woke it returns (see run_ready), so that no hop of a request costs a system call.
class lane final : public caf::execution_unit {
 public:
  /// An actor handles at most this many messages before the others get their turn.
  static constexpr std::size_t max_throughput = 50;
  /// The run queue is drained at most this many actors at a time; then sockets get their turn.
  static constexpr std::size_t max_turn = 512;

  /// Before the thread sleeps it looks for work that long: more than another process takes to answer
  /// while nobody sleeps (measured: PostgreSQL 40 us, a worker 70 us).
  static constexpr std::chrono::microseconds spin{100};
  /// It does so while work comes at least that often; an idle lane just sleeps.
  static constexpr std::chrono::microseconds worth_spinning = 4 * spin;
  /// Nor does it spin after a look that found more handlers than that: then others need the core.
  static constexpr std::size_t quiet_turn = 4;
  /// After so many looks in vain it just sleeps, too, the next times up to spin_again.
  static constexpr int vain_spins = 32;
  static constexpr int spin_again = 64;

  lane(caf::actor_system& system, std::size_t index, bool alone);
  ~lane() override;
  lane(const lane&) = delete;
  lane& operator=(const lane&) = delete;

  /// 0, 1, ...
  std::size_t index() const noexcept { return index_; }
  asio::io_context& io() noexcept { return io_; }
  /// Whether the calling thread is this lane's.
  bool is_current() const noexcept { return current_ == this; }

  /// Makes an actor ready to run. From any thread; an actor of another lane is handed to that lane.
  void exec_later(caf::resumable* job) override;

  /// Runs what is ready. To be called last in each asio handler that sends messages to actors.
  void run_ready();

  /// Sends a message from outside of an actor, on the lane's thread. run_ready() must follow.
  template <class Handle, class Message>
  void send(const Handle& to, Message&& what) {
    caf::actor_cast<caf::abstract_actor*>(to)->eq_impl(caf::make_message_id(), nullptr, this,
                                                       std::forward<Message>(what));
  }

  /// Has the lane do something, waits until it is done, and passes on what it throws. From any thread but
  /// the lane's, while it runs.
  template <class F>
  void run_and_wait(F what) {
    std::packaged_task<void()> task{std::move(what)};
    auto done = task.get_future();
    asio::post(io_, [&task] { task(); });
    done.get();
  }

  /// Spawns a function-based actor that runs on this lane only. From any thread.
  template <class F, class... Ts>
  caf::infer_handle_from_fun_t<F> spawn(F behavior, Ts&&... args) {
    using actor_type = caf::infer_impl_from_fun_t<F>;
    caf::actor_config config{this};
    caf::detail::init_fun_factory<actor_type, F> factory;
    config.init_fun = factory(std::move(behavior), std::forward<Ts>(args)...);
    return system().spawn_impl<bound_to_lane<actor_type>, caf::no_spawn_options>(config, *this);
  }

 private:
  friend class lane_scheduler;

  void start();
  void run();
  void run_handlers();
  bool finds_work(std::chrono::steady_clock::time_point until);
  void stop();
  void push(caf::resumable* job);

  static thread_local lane* current_;

  const std::size_t index_;
  // With one lane every actor is at home here; there is no need to ask.
  const bool alone_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::deque<caf::resumable*> ready_;
  bool running_ = false;
  std::thread thread_;
};

/// CAF's scheduler made of lanes.
class lane_scheduler final : public caf::scheduler::abstract_coordinator {
 public:
  /// Makes a system that is built from `config` run on `lanes` (at least 1) lanes. `on_failure` is told when
  /// the process cannot go on.
  static void install(caf::actor_system_config& config, std::size_t lanes, failure_handler on_failure = {});

  /// The lanes of a system whose configuration went through install().
  static lane_scheduler& of(caf::actor_system& system);

  lane_scheduler(caf::actor_system& system, std::size_t lanes, failure_handler on_failure);

  std::size_t size() const noexcept { return lanes_.size(); }
  lane& at(std::size_t index) { return *lanes_.at(index); }

  /// Says why the process cannot go on, to the log and to whom install() named. From any thread.
  void fail(const std::string& sentence) const noexcept;

  void enqueue(caf::resumable* job) override;
  caf::actor_clock& clock() noexcept override { return clock_; }
  void start() override;
  void stop() override;

 private:
  failure_handler on_failure_;
  caf::detail::thread_safe_actor_clock clock_;
  std::thread clock_thread_;
  std::vector<std::unique_ptr<lane>> lanes_;
};

}  // namespace troupe::actors
