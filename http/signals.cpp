// One thread that waits for signals, and one for each bound that is running.
#include "http/signals.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "http/log.hpp"

namespace troupe::http {

namespace {

// As shells show the end by a signal.
constexpr int ended_by_signal = 128;

sigset_t awaited() {
  sigset_t set;
  sigemptyset(&set);
  for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, each);
  return set;
}

// Without destructors: what hangs would hang them.
[[noreturn]] void end_at_once(int status, const std::string& why) {
  write_line(STDERR_FILENO, "troupe: " + why);
  _exit(status);
}

}  // namespace

struct signal_watch::state {
  explicit state(std::chrono::milliseconds its_grace) : grace{its_grace} {}

  const std::chrono::milliseconds grace;
  std::stop_source stop;
  std::atomic<bool> answered{false};
  std::mutex mutex;
  std::condition_variable changed;
  bool child_ended = false;
  bool hangup = false;

  void wake(bool state::* which) {
    {
      const std::lock_guard lock{mutex};
      if (which != nullptr) this->*which = true;
    }
    changed.notify_all();
  }

  static void bound_stop(std::shared_ptr<state> it) {
    std::thread{[it = std::move(it)] {
      std::this_thread::sleep_for(it->grace + stop_slack);
      if (it->answered) return;
      end_at_once(EXIT_FAILURE, "the stop has not ended within http.shutdown-grace and " +
                                    std::to_string(stop_slack.count()) + " ms: ending without it");
    }}.detach();
  }

  [[noreturn]] static void watch(const std::shared_ptr<state>& it) {
    const auto signals = awaited();
    for (;;) {
      const int signal = sigwaitinfo(&signals, nullptr);
      if (signal == SIGHUP) it->wake(&state::hangup);
      if (signal == SIGCHLD) it->wake(&state::child_ended);
      if (signal != SIGINT && signal != SIGTERM) continue;
      if (it->stop.stop_requested())
        end_at_once(ended_by_signal + signal, std::string{signal == SIGINT ? "SIGINT" : "SIGTERM"} +
                                                  " while stopping: ending without waiting any longer");
      bound_stop(it);
      it->stop.request_stop();
      it->wake(nullptr);
    }
  }
};

void signal_watch::block() {
  const auto signals = awaited();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

signal_watch::signal_watch(std::chrono::milliseconds grace) : state_{std::make_shared<state>(grace)} {
  std::thread{[it = state_] { state::watch(it); }}.detach();
}

std::stop_token signal_watch::stop() const { return state_->stop.get_token(); }

signal_watch::event signal_watch::wait(std::chrono::milliseconds at_most) {
  std::unique_lock lock{state_->mutex};
  state_->changed.wait_for(lock, at_most, [this] {
    return state_->stop.stop_requested() || state_->hangup || state_->child_ended;
  });
  state_->child_ended = false;
  if (state_->stop.stop_requested()) return event::stop;
  return std::exchange(state_->hangup, false) ? event::hangup : event::nothing;
}

void signal_watch::answered() const { state_->answered = true; }

void signal_watch::finish(int status) const {
  answered();
  std::fflush(stdout);
  std::thread{[status] {
    std::this_thread::sleep_for(tidy_bound);
    _exit(status);
  }}.detach();
}

}  // namespace troupe::http
