// How a time is divided among idleness and probes, and what a socket has of it.
#include "db/keepalive.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe::db {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class keepalive_test : public testing::Test {
 protected:
  keepalive_test() : socket{::socket(AF_INET, SOCK_STREAM, 0)} {}
  ~keepalive_test() override { ::close(socket); }

  int option(int level, int name) const {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(::getsockopt(socket, level, name, &value, &size), 0);
    return value;
  }

  const int socket;
};

TEST_F(keepalive_test, the_last_probe_is_over_at_the_time) {
  for (const auto time : {min_keepalive, milliseconds{5000}, default_keepalive, max_keepalive}) {
    const auto it = keepalive_within(time);
    EXPECT_GE(it.idle, seconds{1});
    EXPECT_GE(it.interval, seconds{1});
    EXPECT_EQ(it.idle + it.count * it.interval, time);
    EXPECT_EQ(it.user_timeout, time);
  }
}

TEST_F(keepalive_test, a_socket_probes_and_bounds_what_is_unconfirmed) {
  set_keepalive(socket, keepalive_within(seconds{20}), given_up::silent_or_stalled);
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 11);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 3);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 20000);
}

TEST_F(keepalive_test, a_slow_reader_is_kept) {
  set_keepalive(socket, keepalive_within(seconds{20}), given_up::silent);
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

TEST_F(keepalive_test, none_leaves_the_socket_alone) {
  set_keepalive(socket, keepalive_within(milliseconds{0}), given_up::silent_or_stalled);
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

}  // namespace
}  // namespace troupe::db
