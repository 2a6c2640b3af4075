// Runs a program under test and collects what it prints.
#include "tests/support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/support/secret.hpp"

namespace troupe::test {

namespace {

std::vector<std::string> merged_environment(const std::vector<std::string>& changes) {
  const auto name_of = [](const std::string& entry) { return entry.substr(0, entry.find('=')); };
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const auto same_name = [&](const std::string& change) { return name_of(change) == name_of(*entry); };
    if (std::none_of(changes.begin(), changes.end(), same_name)) result.emplace_back(*entry);
  }
  for (const auto& change : changes) {
    if (change.find('=') != std::string::npos) result.push_back(change);
  }
  return result;
}

std::pair<db::owned_fd, db::owned_fd> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  return {db::owned_fd(ends[0]), db::owned_fd(ends[1])};
}

}  // namespace

process::process(std::vector<std::string> argv, const std::vector<std::string>& environment) {
  auto [read_end, write_end] = make_pipe();
  read_end_ = std::move(read_end);
  std::tie(reader_stopped_, stop_reader_) = make_pipe();
  db::child_options options;
  options.argv = std::move(argv);
  options.environment = merged_environment(environment);
  options.output_fd = write_end.get();
  options.death_signal = SIGTERM;
  const auto started = db::start_child(options);
  if (!started) throw std::runtime_error(started.error().message);
  pid_ = *started;
  reader_ = std::thread([this] { read_output(); });
}

process::~process() {
  signal(SIGTERM);
  if (!wait_exit()) {
    signal(SIGKILL);
    wait_exit();
  }
  finish_reading();
  expect_no_secret(output_, "the output of the program");
}

void process::finish_reading() {
  stop_reader_.reset();
  if (reader_.joinable()) reader_.join();
}

void process::read_output() {
  std::array<char, 4096> buffer{};
  while (true) {
    std::array<pollfd, 2> ready{{{read_end_.get(), POLLIN, 0}, {reader_stopped_.get(), POLLIN, 0}}};
    if (poll(ready.data(), ready.size(), -1) < 0) continue;
    if (ready[0].revents == 0) break;  // what is there is read before a stop counts
    const ssize_t size = read(read_end_.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    const std::lock_guard lock(mutex_);
    output_.append(buffer.data(), static_cast<std::size_t>(size));
    grown_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  grown_.notify_all();
}

std::string process::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

bool process::wait_for_output(std::string_view text, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  const auto found = [&] { return output_.find(text) != std::string::npos; };
  grown_.wait_for(lock, timeout, [&] { return found() || ended_; });
  return found();
}

std::optional<std::vector<std::string>> process::wait_for_line(const std::regex& pattern,
                                                               std::chrono::milliseconds timeout) const {
  std::optional<std::vector<std::string>> result;
  const auto found = [&] {
    std::istringstream lines(output_);
    std::smatch match;
    for (std::string line; !result && std::getline(lines, line);) {
      // A line without its end may still grow, and with it a number at its end.
      if (lines.eof() && !ended_) break;
      if (std::regex_search(line, match, pattern)) result.emplace(match.begin(), match.end());
    }
    return result.has_value();
  };
  std::unique_lock lock(mutex_);
  grown_.wait_for(lock, timeout, [&] { return found() || ended_; });
  if (!result) found();
  return result;
}

void process::signal(int number) const {
  if (!exit_code_) kill(pid_, number);
}

std::optional<int> process::wait_exit(std::chrono::milliseconds timeout) {
  if (exit_code_) return exit_code_;
  if (const auto status = db::wait_child(pid_, std::chrono::steady_clock::now() + timeout)) {
    exit_code_ = WIFSIGNALED(*status) ? 128 + WTERMSIG(*status) : WEXITSTATUS(*status);
    finish_reading();
  }
  return exit_code_;
}

}  // namespace troupe::test
