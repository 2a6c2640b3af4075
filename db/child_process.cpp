// fork, prepare, exec; between fork and exec only calls that are safe in a threaded process.
#include "db/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

namespace troupe::db {

namespace {

/// What a child tells its parent when it cannot become the program.
struct child_failure {
  const char* step;  // a literal, so the address holds in the parent too
  int reason;
};

error failure(const std::string& program, const char* step, int reason) {
  return {errc::unavailable,
          "cannot start " + program + ": " + step + ": " + std::generic_category().message(reason)};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

bool become(account user) {
  return setgroups(1, &user.gid) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0;
}

void close_on_exec_from(unsigned first) {
  if (close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // Kernels before 5.11 lack the flag.
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t fd = first; fd < limit.rlim_cur; ++fd) fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC);
}

/// Runs in the child; returns only the step that failed, with errno set.
const char* become_program(const child_options& options, char* const* argv, char* const* environment,
                           pid_t parent) {
  if (setsid() < 0) return "setsid";
  // Handlers end with exec, but what is ignored (SIGPIPE, say) or blocked would be inherited.
  for (int signal_number = 1; signal_number < NSIG; ++signal_number) signal(signal_number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int input = open("/dev/null", O_RDONLY);
  if (input < 0 || dup2(input, STDIN_FILENO) < 0) return "/dev/null";
  if (dup2(options.output_fd, STDOUT_FILENO) < 0 || dup2(options.output_fd, STDERR_FILENO) < 0) return "dup2";
  close_on_exec_from(STDERR_FILENO + 1);
  if (options.run_as && !become(*options.run_as)) return "changing the user";
  // After the change of user, which clears it.
  if (options.death_signal != 0) {
    if (prctl(PR_SET_PDEATHSIG, options.death_signal) != 0) return "prctl";
    if (getppid() != parent) _exit(EXIT_FAILURE);  // the parent ended before it could be told
  }
  if (chdir("/") != 0) return "chdir";
  execve(argv[0], argv, environment);
  return "exec";
}

}  // namespace

void owned_fd::reset() noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

tl::expected<pid_t, error> start_child(const child_options& options) {
  const auto argv = pointers(options.argv);
  const auto environment = pointers(options.environment);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::unexpected(failure(options.argv.front(), "pipe", errno));
  }
  const owned_fd read_end(ends[0]);
  owned_fd write_end(ends[1]);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return tl::unexpected(failure(options.argv.front(), "fork", errno));
  if (child == 0) {
    child_failure report{};
    report.step = become_program(options, argv.data(), environment.data(), parent);
    report.reason = errno;
    // A parent that is gone has no use for it.
    [[maybe_unused]] const auto written = write(write_end.get(), &report, sizeof report);
    _exit(EXIT_FAILURE);
  }
  write_end.reset();
  child_failure report{};
  ssize_t size = 0;
  do {
    size = read(read_end.get(), &report, sizeof report);  // end of file: exec closed the pipe
  } while (size < 0 && errno == EINTR);
  if (size != sizeof report) return child;
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return tl::unexpected(failure(options.argv.front(), report.step, report.reason));
}

std::optional<int> reap_child(pid_t pid) noexcept {
  int status = 0;
  pid_t ended = 0;
  do {
    ended = waitpid(pid, &status, WNOHANG);
  } while (ended < 0 && errno == EINTR);
  if (ended == 0) return std::nullopt;
  return ended < 0 ? 0 : status;
}

std::optional<int> wait_child(pid_t pid, std::chrono::steady_clock::time_point deadline,
                              const std::stop_token& stop) {
  while (true) {
    if (auto status = reap_child(pid)) return status;
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(process_poll_interval);
  }
}

std::optional<std::filesystem::path> first_closed_directory(const std::filesystem::path& directory,
                                                            account user) {
  std::vector<std::string> prefixes;
  std::filesystem::path prefix;
  for (const auto& part : directory) prefixes.push_back((prefix /= part).string());
  // Asked in a child, which can change its user; the answer goes through a pipe as an index.
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const owned_fd read_end(ends[0]);
  owned_fd write_end(ends[1]);
  const pid_t child = fork();
  if (child < 0) return std::nullopt;
  if (child == 0) {
    if (!become(user)) _exit(EXIT_FAILURE);
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      if (access(prefixes[i].c_str(), X_OK) == 0) continue;
      [[maybe_unused]] const auto written = write(write_end.get(), &i, sizeof i);
      break;
    }
    _exit(EXIT_SUCCESS);
  }
  write_end.reset();
  std::size_t index = 0;
  ssize_t size = 0;
  do {
    size = read(read_end.get(), &index, sizeof index);
  } while (size < 0 && errno == EINTR);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (size != sizeof index) return std::nullopt;
  return prefixes[index];
}

}  // namespace troupe::db
