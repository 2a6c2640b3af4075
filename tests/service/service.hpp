// The program as its users run it: started on a free port, asked over HTTP, stopped by a signal.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <regex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/process.hpp"

namespace troupe::test {

/// The command as a shell runs it, for what a shell can change before: `script` ends in exec "$@", which
/// becomes the command, so that the process is the command's.
inline std::vector<std::string> by_shell(const std::string& script, std::vector<std::string> command) {
  command.insert(command.begin(), {"/bin/sh", "-c", script, "sh"});
  return command;
}

/// A running `troupe serve`. Throws std::runtime_error with its output if it does not get ready. At its end
/// the test fails unless the service stops in time with exit code 0 and has logged no error; a test that
/// sees the end itself by wait_exit() judges the code.
class running_service {
 public:
  /// `options` besides --http.port=0 and --http.threads; `script` as for by_shell(), with stdout as it is;
  /// `environment` as for a process, without DATABASE_URL.
  explicit running_service(std::vector<std::string> options, const std::string& script = R"(exec "$@")",
                           std::vector<std::string> environment = {})
      : process_{by_shell(script, command(std::move(options))), without_database(std::move(environment))} {
    // A first start of a private PostgreSQL is the slowest.
    constexpr std::chrono::seconds start_bound{60};
    const auto line = process_.wait_for_line(std::regex{"ready: http://[^ ]*:([0-9]+)/"}, start_bound);
    if (!line) throw std::runtime_error{"the service did not start: " + process_.output()};
    port_ = static_cast<std::uint16_t>(std::stoi((*line)[1]));
  }

  ~running_service() {
    // The grace of a stop, a second, and what a private PostgreSQL takes.
    constexpr std::chrono::seconds stop_bound{20};
    if (!process_.has_ended()) {
      process_.signal(SIGTERM);
      EXPECT_EQ(process_.wait_exit(stop_bound), 0) << process_.output();
    }
    if (!errors_expected_) {
      const auto output = process_.output();
      EXPECT_FALSE(std::regex_search(output, std::regex{R"((^|\n)[-+0-9T:.]+ error )"})) << output;
    }
  }
  running_service(const running_service&) = delete;
  running_service& operator=(const running_service&) = delete;

  /// The test makes the service log errors.
  void expect_errors() noexcept { errors_expected_ = true; }

  std::uint16_t port() const noexcept { return port_; }
  process& program() noexcept { return process_; }
  const process& program() const noexcept { return process_; }
  http_client client() const { return http_client{port_}; }

 private:
  static std::vector<std::string> command(std::vector<std::string> options) {
    // As ctest runs it, with one lane and with four, whatever the machine has; a test's own option beats it.
    const char* lanes = std::getenv("TROUPE_TEST_LANES");
    options.insert(options.begin(), {TROUPE_BINARY, "serve", "--http.port=0",
                                     std::string{"--http.threads="} + (lanes != nullptr ? lanes : "1")});
    return options;
  }

  static std::vector<std::string> without_database(std::vector<std::string> environment) {
    environment.emplace_back("DATABASE_URL");
    return environment;
  }

  process process_;
  std::uint16_t port_ = 0;
  bool errors_expected_ = false;
};

inline const http_headers json_content{{"Content-Type", "application/json"}};

/// Creates an item with that name; returns the response.
inline http_response create_item(http_client& client, const std::string& name) {
  return client.request("POST", "/items/", json_content, "{\"name\":\"" + name + "\"}");
}

}  // namespace troupe::test
