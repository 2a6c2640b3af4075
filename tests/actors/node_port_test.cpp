// Who gets in at the port of a worker: gateways do, and whatever else knocks is turned away in time.
#include "actors/node_port.hpp"

#include <gtest/gtest.h>

#include <caf/binary_serializer.hpp>
#include <caf/io/basp/header.hpp>
#include <chrono>
#include <deque>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "tests/actors/node.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/peer.hpp"

namespace troupe::actors {
namespace {

namespace basp = caf::io::basp;
using namespace std::chrono_literals;
using basp::message_type;
using db::item_table;
using test::peer;

std::string bytes_of(caf::actor_system& system, basp::header what) {
  std::vector<char> out;
  caf::binary_serializer sink{system, out};
  EXPECT_FALSE(sink(what));
  return {out.begin(), out.end()};
}
basp::header greeting(std::uint32_t payload) { return {message_type::client_handshake, 0, payload, 0, 0, 0}; }

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"},
                                                std::filesystem::directory_iterator{}));
}

class node_port_test : public testing::Test {
 protected:
  node_port_test() {
    settings.connect_timeout = 300ms;
    open_port();
  }
  ~node_port_test() override {
    port.reset();
    caf::anon_send_exit(published, caf::exit_reason::user_shutdown);
  }

  void open_port() {
    port.reset();
    port = std::make_unique<node_port>(worker.home(), settings, make_tls(settings.tls),
                                       caf::actor_cast<caf::strong_actor_ptr>(published),
                                       worker.system().message_types<worker_actor<item_table>>());
  }

  bool lets_gateway_in() const { return test::gets_answer(settings, port->port()); }

  /// The lane has done what it could.
  void settle() {
    for (int i = 0; i < 5; ++i) worker.home().run_and_wait([] {});
  }

  std::deque<peer> connect(std::size_t count, const std::string& says = {}) const {
    std::deque<peer> out;
    for (std::size_t i = 0; i < count; ++i) {
      out.emplace_back(port->port());
      EXPECT_TRUE(out.back().connected());
      if (!says.empty()) out.back().send(says);
    }
    return out;
  }
  std::string bytes(const basp::header& what) { return bytes_of(worker.system(), what); }

  const std::string http_request = "GET /items/ HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
  node_settings settings;
  test::node worker{settings};
  worker_actor<item_table> published = worker.home().spawn(test::answer_enlist, 0);
  std::unique_ptr<node_port> port;
};

TEST_F(node_port_test, only_the_greeting_of_a_gateway_is_one) {
  const auto is = [this](const std::string& text) {
    return is_greeting(worker.system(), {text.begin(), text.end()});
  };
  ASSERT_EQ(bytes(greeting(30)).size(), greeting_size());
  EXPECT_TRUE(is(bytes(greeting(30))));
  EXPECT_TRUE(is(bytes(greeting(1))));
  EXPECT_TRUE(is(bytes(greeting(1024))));
  EXPECT_TRUE(is(bytes(greeting(30)) + "and more"));
  // CAF would follow a null pointer, or allocate as much.
  EXPECT_FALSE(is(bytes(greeting(0))));
  EXPECT_FALSE(is(bytes(greeting(1025))));
  EXPECT_FALSE(is(bytes(greeting(0xffffffff))));
  for (const auto each :
       {message_type::server_handshake, message_type::direct_message, message_type::routed_message,
        message_type::monitor_message, message_type::down_message, message_type::heartbeat,
        static_cast<message_type>(7), static_cast<message_type>(255)})
    EXPECT_FALSE(is(bytes({each, 0, 30, 3, 0, 0}))) << static_cast<int>(each);
  EXPECT_FALSE(is(bytes({message_type::client_handshake, 0, 30, 0, 1, 0})));
  EXPECT_FALSE(is(bytes({message_type::client_handshake, 0, 30, 0, 0, 1})));
  EXPECT_FALSE(is(bytes(greeting(30)).substr(1)));
  EXPECT_FALSE(is(""));
  EXPECT_FALSE(is(http_request));
  EXPECT_FALSE(is(std::string(greeting_size(), '\0')));
  EXPECT_FALSE(is(std::string(greeting_size(), '\xff')));
  EXPECT_FALSE(is(std::string(greeting_size(), '\1')));
}

TEST_F(node_port_test, a_gateway_gets_in) { EXPECT_TRUE(lets_gateway_in()); }

TEST_F(node_port_test, what_is_no_greeting_is_closed_unheard) {
  for (const auto& each : {http_request, std::string(100000, 'x'), std::string(greeting_size(), '\0'),
                           bytes({message_type::heartbeat, 0, 0, 0, 0, 0}),
                           bytes({message_type::direct_message, 0, 30, 0, 1, 1})}) {
    peer one{port->port()};
    one.send(each);
    EXPECT_TRUE(one.is_closed());
    EXPECT_EQ(one.heard(), "");
  }
  EXPECT_TRUE(lets_gateway_in());
}

TEST_F(node_port_test, a_greeting_that_would_harm_is_closed_unheard) {
  for (const auto payload : {0u, 0xffffffffu}) {
    peer one{port->port()};
    one.send(bytes(greeting(payload)));
    EXPECT_TRUE(one.is_closed());
    EXPECT_EQ(one.heard(), "");
  }
  EXPECT_TRUE(lets_gateway_in());
}

TEST_F(node_port_test, who_says_too_little_is_closed_in_time_and_not_before) {
  for (const auto& each : {std::string{}, std::string{"GET /\r\n\r\n"}, bytes(greeting(30)).substr(0, 31)}) {
    const auto since = std::chrono::steady_clock::now();
    peer one{port->port()};
    one.send(each);
    EXPECT_TRUE(one.is_closed());
    EXPECT_GE(std::chrono::steady_clock::now() - since, settings.connect_timeout);
    EXPECT_EQ(one.heard(), "");
  }
  EXPECT_TRUE(lets_gateway_in());
}

TEST_F(node_port_test, a_second_greeting_that_would_harm_ends_the_connection) {
  peer one{port->port()};
  one.send(bytes(greeting(30)));
  EXPECT_TRUE(one.hears());
  // The payload, which names a node or not, and what CAF would follow a null pointer for.
  one.send(std::string(30, '\0') + bytes({message_type::server_handshake, 0, 0, 1, 0, 0}));
  EXPECT_TRUE(one.is_closed());
  EXPECT_TRUE(lets_gateway_in());
}

TEST_F(node_port_test, a_message_beyond_the_bound_ends_the_connection) {
  const auto announce = [this](std::size_t payload) {
    auto one = std::make_unique<peer>(port->port());
    one->send(bytes(greeting(30)));
    EXPECT_TRUE(one->hears());
    one->send(std::string(30, '\0') +
              bytes({message_type::direct_message, 0, static_cast<std::uint32_t>(payload), 1, 1, 1}));
    return one;
  };
  const auto most = announce(settings.max_message);
  EXPECT_TRUE(announce(settings.max_message + 1)->is_closed());
  EXPECT_TRUE(announce(0xffffffff)->is_closed());
  EXPECT_FALSE(most->is_closed(std::chrono::milliseconds{0}));
  EXPECT_TRUE(lets_gateway_in());
}

TEST_F(node_port_test, a_greeting_may_come_in_pieces) {
  peer one{port->port()};
  const auto whole = bytes(greeting(30));
  one.send(whole.substr(0, 10));
  settle();
  one.send(whole.substr(10));
  // The worker's own greeting.
  EXPECT_TRUE(one.hears());
}

TEST_F(node_port_test, who_goes_away_again_is_forgotten) {
  const auto before = open_descriptors();
  connect(20);
  connect(20, "some");
  connect(20, http_request);
  EXPECT_TRUE(test::eventually([&] { return open_descriptors() == before; }));
  EXPECT_TRUE(lets_gateway_in());
}

TEST_F(node_port_test, a_crowd_that_says_nothing_is_closed_in_time) {
  auto crowd = connect(100);
  for (auto& each : crowd) EXPECT_TRUE(each.is_closed());
  EXPECT_TRUE(lets_gateway_in());
}

TEST_F(node_port_test, a_crowd_that_says_nothing_makes_room_for_a_gateway) {
  settings.connect_timeout = 60s;
  open_port();
  const auto before = open_descriptors();
  auto silent = connect(100);
  const auto accepted = [&] { return open_descriptors() - before - silent.size(); };
  EXPECT_TRUE(test::eventually([&] { return accepted() == 64; }));
  for (int i = 0; i < 36; ++i) EXPECT_TRUE(silent[i].is_closed());
  EXPECT_TRUE(lets_gateway_in());
}

TEST_F(node_port_test, when_it_is_closed_nobody_gets_in_and_who_waited_is_closed) {
  settings.connect_timeout = 60s;
  open_port();
  const auto number = port->port();
  auto silent = connect(3);
  port.reset();
  for (auto& each : silent) EXPECT_TRUE(each.is_closed());
  EXPECT_FALSE(peer{number}.connected());
}

TEST_F(node_port_test, a_port_that_is_taken_is_an_error) {
  settings.port = port->port();
  EXPECT_THROW(
      (node_port{worker.home(), settings, nullptr, caf::actor_cast<caf::strong_actor_ptr>(published), {}}),
      std::system_error);
}

}  // namespace
}  // namespace troupe::actors
