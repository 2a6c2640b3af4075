// A sink for spdlog that neither blocks nor fails, whatever becomes of stderr.
#include "http/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace troupe::http {

namespace {

constexpr std::string_view cut_mark = "...";

class unwaiting_sink : public spdlog::sinks::base_sink<std::mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    if (lost_ > 0 &&
        write_line(STDERR_FILENO, std::to_string(lost_) + " lines of the log could not be written here"))
      lost_ = 0;
    spdlog::memory_buf_t line;
    formatter_->format(msg, line);
    if (lost_ > 0 || !write_line(STDERR_FILENO, {line.data(), line.size()})) ++lost_;
  }
  void flush_() override {}

  std::size_t lost_ = 0;
};

}  // namespace

bool open_standard_streams() {
  for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    // The lowest free number is this one: those before it are open.
    if (fcntl(each, F_GETFD) == -1 && open("/dev/null", O_RDWR) != each) return false;
  return true;
}

bool write_line(int descriptor, std::string line) {
  if (line.size() >= PIPE_BUF) line.replace(PIPE_BUF - 1 - cut_mark.size(), std::string::npos, cut_mark);
  line += '\n';
  // stdout and stderr are often one pipe: between the question and the writing nobody else may fill it.
  static std::mutex one_at_a_time;
  const std::lock_guard lock{one_at_a_time};
  pollfd room{descriptor, POLLOUT, 0};
  if (poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0) return false;
  return write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

void set_up_log(const std::string& level) {
  auto log = std::make_shared<spdlog::logger>("troupe", std::make_shared<unwaiting_sink>());
  // write_line() ends the line.
  log->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%e%z %l %v",
                                                                 spdlog::pattern_time_type::local, ""));
  // It would print to stderr itself.
  log->set_error_handler([](const std::string&) {});
  spdlog::set_default_logger(std::move(log));
  set_log_level(level);
}

void set_log_level(const std::string& level) {
  spdlog::default_logger()->set_level(spdlog::level::from_str(level));
}

}  // namespace troupe::http
