// Divides the time among idleness and probes, and tells the kernel.
#include "db/keepalive.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>

namespace troupe::db {

namespace {

// As many losses in a row are no chance. The probes take half of the time.
constexpr int probes = 3;

void set(int socket, int level, int name, int value) noexcept {
  ::setsockopt(socket, level, name, &value, sizeof(value));
}

}  // namespace

keepalive_settings keepalive_within(std::chrono::milliseconds time) {
  using std::chrono::seconds;
  if (time.count() == 0) return {};
  const auto whole = std::chrono::duration_cast<seconds>(time);
  const auto interval = std::max(seconds{1}, whole / (2 * probes));
  return {std::max(seconds{1}, whole - probes * interval), interval, probes, time};
}

void set_keepalive(int socket, const keepalive_settings& how, given_up whom) noexcept {
  if (how.count == 0) return;
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(how.idle.count()));
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(how.interval.count()));
  set(socket, IPPROTO_TCP, TCP_KEEPCNT, how.count);
  if (whom == given_up::silent_or_stalled)
    set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(how.user_timeout.count()));
}

}  // namespace troupe::db
