// The signals of the process: what each asks for, and that every stop ends.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>

namespace troupe::http {

/// Beyond the grace of a stop: for what is to be done once the last request is answered.
inline constexpr std::chrono::milliseconds stop_slack{1000};
/// Of it, for the threads to end once all else has. One may hang in the C library's resolver, which cannot be
/// interrupted and tries some name servers for half a minute.
inline constexpr std::chrono::milliseconds tidy_bound{500};

/// Waits for the signals of the process on a thread of its own:
///
///     SIGTERM, SIGINT   ask for a stop. One more ends the process at once, with 128 + its number, and a stop
///                       that takes longer than the grace and stop_slack ends it with 1; either says so.
///     SIGHUP, SIGCHLD   wake who waits
///
/// What the process started with a death signal (db::child_options) gets that when it ends so.
class signal_watch {
 public:
  /// What wait() returns for.
  enum class event { stop, hangup, nothing };

  /// Blocks these signals for the calling thread and all that it starts. To be called before any other
  /// thread exists.
  static void block();

  /// Starts to wait; to be made once. `grace` is how long a stop may wait for requests.
  explicit signal_watch(std::chrono::milliseconds grace);

  /// Tells of a stop that is asked for.
  std::stop_token stop() const;

  /// Waits for a signal, `at_most` so long: a stop that was asked for, earlier or now; a SIGHUP since the
  /// last call; or nothing but the end of a child or of the time.
  event wait(std::chrono::milliseconds at_most);

  /// All requests are answered: what follows has bounds of its own.
  void answered() const;

  /// Nothing is left but to return from main(). If that takes longer than tidy_bound, the process ends with
  /// `status` without it.
  void finish(int status) const;

 private:
  struct state;
  // The threads live as long as the process.
  std::shared_ptr<state> state_;
};

}  // namespace troupe::http
