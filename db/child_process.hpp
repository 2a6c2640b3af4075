// Starts another program as a child of its own session and account that ends when we end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "db/error.hpp"

namespace troupe::db {

/// An open file descriptor, closed with its owner.
class owned_fd {
 public:
  owned_fd() = default;
  /// Takes ownership of fd; -1 stands for none.
  explicit owned_fd(int fd) noexcept : fd_(fd) {}
  owned_fd(owned_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  owned_fd& operator=(owned_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~owned_fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

/// Whom a child runs as.
struct account {
  uid_t uid;
  gid_t gid;
};

/// What to start, and how.
struct child_options {
  /// The program's path (PATH is not searched) and its arguments.
  std::vector<std::string> argv;
  /// The whole environment, as NAME=value.
  std::vector<std::string> environment;
  /// The account to change to, which takes root; without it the child stays ours.
  std::optional<account> run_as;
  /// Where stdout and stderr go; stays owned by the caller. Stdin is /dev/null.
  int output_fd = -1;
  /// The signal the child gets when the *thread* that started it ends, as Linux has it: start
  /// children from a thread that lives as long as they shall.
  int death_signal = 0;
};

/// Starts a child in a session of its own (a terminal's Ctrl-C does not reach it), with default
/// signal handling and none of our other file descriptors. Returns its process id once the
/// program runs; the caller reaps it. Error: unavailable, naming the step that failed.
tl::expected<pid_t, error> start_child(const child_options& options);

/// The wait status of a child that has ended, nothing while it runs. Never blocks. A child
/// that somebody else reaped counts as ended with status 0.
std::optional<int> reap_child(pid_t pid) noexcept;

/// As reap_child, but waits until the deadline, or until a stop is asked for.
std::optional<int> wait_child(pid_t pid, std::chrono::steady_clock::time_point deadline,
                              const std::stop_token& stop = {});

/// The topmost of the directory and its parents that the account may not enter, if any.
/// The directory is an absolute path.
std::optional<std::filesystem::path> first_closed_directory(const std::filesystem::path& directory,
                                                            account user);

/// How often a wait for another process looks again: short against the 100 ms that PostgreSQL
/// takes to start, long against the cost of looking.
inline constexpr std::chrono::milliseconds process_poll_interval{10};

}  // namespace troupe::db
