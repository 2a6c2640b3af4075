// A program under test: started, its output read along, signalled, and never left behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "db/child_process.hpp"

namespace troupe::test {

/// How long a test waits for anything that should happen at once, also with sanitizers on a busy machine.
inline constexpr std::chrono::milliseconds default_timeout{10'000};

/// A running program, whose output must not hold the password (see secret.hpp). It gets SIGTERM when the
/// thread that started it ends.
class process {
 public:
  /// argv[0] is the program's path. `environment` holds NAME=value, which override or add to ours;
  /// a bare NAME removes it. Throws std::runtime_error if it cannot be started.
  explicit process(std::vector<std::string> argv, const std::vector<std::string>& environment = {});
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  /// SIGTERM, then after default_timeout SIGKILL.
  ~process();

  pid_t pid() const noexcept { return pid_; }

  /// Whether wait_exit() has seen its end.
  bool has_ended() const noexcept { return exit_code_.has_value(); }

  /// What it printed to stdout and stderr up to now.
  std::string output() const;

  /// Waits until the output contains the text; false if it does not in time, or ends without.
  bool wait_for_output(std::string_view text, std::chrono::milliseconds timeout = default_timeout) const;

  /// Waits for a line that the pattern is found in; returns the whole match and its groups, or
  /// nothing if there is none in time.
  std::optional<std::vector<std::string>> wait_for_line(
      const std::regex& pattern, std::chrono::milliseconds timeout = default_timeout) const;

  /// Sends a signal; does nothing after the exit was seen.
  void signal(int number) const;

  /// The exit code once it has ended, 128 + the signal if one killed it; nothing if it runs on. After the end
  /// output() holds all that it has printed.
  std::optional<int> wait_exit(std::chrono::milliseconds timeout = default_timeout);

 private:
  void read_output();
  // Reads what is in the pipe, and no more: a grandchild may hold it open.
  void finish_reading();

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  db::owned_fd read_end_;
  /// Closed to end the reader, whom a grandchild that holds the pipe would keep waiting.
  db::owned_fd stop_reader_;
  db::owned_fd reader_stopped_;
  mutable std::mutex mutex_;
  mutable std::condition_variable grown_;
  std::string output_;
  bool ended_ = false;
  std::thread reader_;
};

}  // namespace troupe::test
