// What accepting survives: clients that are gone, a process without descriptors, a crowd.
#include "actors/acceptor.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

/// A client that connects when it is told, with a descriptor that it has had before.
class client {
 public:
  client() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {}
  ~client() { ::close(socket_); }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  bool connect(std::uint16_t port) const {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
  }
  /// The next close is a reset.
  void reset_at_close() const {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

 private:
  int socket_;
};

class acceptor_test : public testing::Test {
 protected:
  struct connection {
    tcp::socket socket;
    acceptor::place place;
  };

  acceptor_test() : previous_log_{spdlog::default_logger()} {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "acceptor_test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log)));
  }
  ~acceptor_test() override {
    if (port) port->close();
    accepted.clear();
    port.reset();
    loop.restart();
    loop.poll();
    spdlog::set_default_logger(previous_log_);
  }

  void open(std::size_t max_connections) {
    port = std::make_shared<acceptor>(
        loop, acceptor::settings{{asio::ip::address_v4::loopback(), 0}, false, max_connections, "Test"},
        [this](tcp::socket socket, acceptor::place place) {
          if (on_connection) on_connection();
          accepted.push_back({std::move(socket), std::move(place)});
        });
    port->start();
  }

  /// Runs the loop until something holds; whether it does in time.
  bool run_until(const std::function<bool()>& holds, std::chrono::milliseconds within = 10s) {
    const auto deadline = std::chrono::steady_clock::now() + within;
    while (!holds() && std::chrono::steady_clock::now() < deadline) {
      loop.restart();
      loop.run_one_for(10ms);
    }
    return holds();
  }
  void run_what_is_ready() {
    loop.restart();
    while (loop.poll() > 0) {
    }
  }
  std::size_t lines_of_log() const {
    const auto text = log.str();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  asio::io_context loop;
  std::ostringstream log;
  std::shared_ptr<acceptor> port;
  std::vector<connection> accepted;
  std::function<void()> on_connection;

 private:
  std::shared_ptr<spdlog::logger> previous_log_;
};

/// Lowers the number of descriptors of this process to what it has open.
class no_more_descriptors {
 public:
  no_more_descriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    auto lowered = before_;
    // The lowest that is free is the first that is refused.
    const int lowest = ::dup(0);
    ::close(lowest);
    lowered.rlim_cur = static_cast<rlim_t>(lowest);
    setrlimit(RLIMIT_NOFILE, &lowered);
  }
  ~no_more_descriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  no_more_descriptors(const no_more_descriptors&) = delete;
  no_more_descriptors& operator=(const no_more_descriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_F(acceptor_test, clients_that_reset_before_they_are_accepted_take_no_place_for_ever) {
  open(2);
  for (int i = 0; i < 20; ++i) {
    client gone;
    gone.reset_at_close();
    ASSERT_TRUE(gone.connect(port->port()));
  }
  // What was handed over is let go of, as a server does that reads from it.
  EXPECT_TRUE(run_until([&] {
    accepted.clear();
    return !port->somebody_waits() && port->connections() == 0;
  }));
  client living;
  ASSERT_TRUE(living.connect(port->port()));
  EXPECT_TRUE(run_until([&] { return accepted.size() == 1; }));
}

TEST_F(acceptor_test, no_more_than_allowed_are_open_and_who_leaves_makes_room) {
  open(2);
  std::vector<client> crowd(5);
  for (const auto& each : crowd) ASSERT_TRUE(each.connect(port->port()));
  ASSERT_TRUE(run_until([&] { return accepted.size() == 2; }));
  run_what_is_ready();
  EXPECT_EQ(accepted.size(), 2U);
  EXPECT_EQ(port->connections(), 2U);
  EXPECT_FALSE(port->somebody_waits());
  for (std::size_t left = 3; left > 0; --left) {
    accepted.erase(accepted.begin());
    ASSERT_TRUE(run_until([&] { return accepted.size() == 2; })) << left;
  }
  EXPECT_EQ(lines_of_log(), 1U) << log.str();
  EXPECT_NE(log.str().find("2 connections allowed are open"), std::string::npos) << log.str();
}

TEST_F(acceptor_test, a_place_counts_until_it_is_given_up_wherever_it_is) {
  open(1);
  client first, second;
  ASSERT_TRUE(first.connect(port->port()));
  ASSERT_TRUE(run_until([&] { return accepted.size() == 1; }));
  acceptor::place moved{std::move(accepted.front().place)};
  accepted.clear();
  ASSERT_TRUE(second.connect(port->port()));
  run_what_is_ready();
  EXPECT_TRUE(accepted.empty());
  moved = {};
  EXPECT_TRUE(run_until([&] { return accepted.size() == 1; }));
}

TEST_F(acceptor_test, goes_on_after_the_process_had_no_descriptors) {
  open(10);
  std::vector<client> crowd(3);
  {
    const no_more_descriptors now;
    for (const auto& each : crowd) ASSERT_TRUE(each.connect(port->port()));
    ASSERT_TRUE(run_until([&] { return lines_of_log() > 0; }));
    // Some attempts more: they are the same trouble.
    const auto until = std::chrono::steady_clock::now() + 350ms;
    run_until([&] { return std::chrono::steady_clock::now() >= until; });
    EXPECT_TRUE(accepted.empty());
  }
  EXPECT_TRUE(run_until([&] { return accepted.size() == crowd.size(); }));
  EXPECT_EQ(lines_of_log(), 1U) << log.str();
  EXPECT_NE(log.str().find("no connection can be accepted"), std::string::npos) << log.str();
}

TEST_F(acceptor_test, goes_on_after_a_handler_that_throws) {
  open(1);
  client first, second;
  on_connection = [this] {
    on_connection = nullptr;
    throw std::bad_alloc{};
  };
  ASSERT_TRUE(first.connect(port->port()));
  ASSERT_TRUE(second.connect(port->port()));
  EXPECT_TRUE(run_until([&] { return accepted.size() == 1; }));
  EXPECT_EQ(port->connections(), 1U);
}

TEST_F(acceptor_test, accepts_nothing_more_when_it_is_closed) {
  open(1);
  client first, second;
  ASSERT_TRUE(first.connect(port->port()));
  ASSERT_TRUE(run_until([&] { return accepted.size() == 1; }));
  ASSERT_TRUE(second.connect(port->port()));
  const auto number = port->port();
  port->close();
  accepted.clear();
  run_what_is_ready();
  EXPECT_TRUE(accepted.empty());
  EXPECT_FALSE(client{}.connect(number));
}

TEST_F(acceptor_test, a_port_that_is_taken_is_an_error) {
  open(1);
  const acceptor::settings same{{asio::ip::address_v4::loopback(), port->port()}, false, 1, "Test"};
  EXPECT_THROW(std::make_shared<acceptor>(loop, same, acceptor::handler{}), std::system_error);
}

}  // namespace
}  // namespace troupe::actors
