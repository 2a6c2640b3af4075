// The other end of a TCP connection of this machine: it never waits.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "tests/fuzz/check.hpp"

namespace troupe::test {

class wire {
 public:
  /// Connects to a port.
  explicit wire(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const auto where = loopback(port);
    require(::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0,
            "the port takes connections");
  }
  // Resets the connection: the kernel would keep thousands of closed ones.
  ~wire() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(socket_);
  }
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;

  /// Bytes fewer than the kernel holds.
  void send(std::string_view what) const {
    ::send(socket_, what.data(), what.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  /// Says that nothing more will be sent.
  void finish() const { ::shutdown(socket_, SHUT_WR); }

  /// All that has come so far.
  const std::string& heard() {
    char some[65536];
    for (;;) {
      const auto got = ::recv(socket_, some, sizeof some, MSG_DONTWAIT);
      if (got <= 0) {
        ended_ = ended_ || got == 0 || (errno != EAGAIN && errno != EINTR);
        return heard_;
      }
      heard_.append(some, static_cast<std::size_t>(got));
    }
  }
  /// Forgets what has come so far.
  void forget() { heard_.clear(); }
  /// Whether the other end has closed the connection, as far as heard() has seen.
  bool has_ended() const noexcept { return ended_; }

  /// An address of this machine.
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
  }

 private:
  friend class listening_wire;
  struct accepted {
    int socket;
  };
  explicit wire(accepted from) : socket_{from.socket} {}

  int socket_;
  bool ended_ = false;
  std::string heard_;
};

/// A port that accepts.
class listening_wire {
 public:
  listening_wire() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    auto where = wire::loopback(0);
    socklen_t size = sizeof where;
    auto* const address = reinterpret_cast<sockaddr*>(&where);
    if (::bind(socket_, address, size) != 0 || ::listen(socket_, SOMAXCONN) != 0 ||
        ::getsockname(socket_, address, &size) != 0)
      throw std::system_error(errno, std::generic_category(), "listen");
    port_ = ntohs(where.sin_port);
  }
  ~listening_wire() { ::close(socket_); }
  listening_wire(const listening_wire&) = delete;
  listening_wire& operator=(const listening_wire&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  /// Waits for a connection.
  wire accept() const { return wire{wire::accepted{::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC)}}; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

}  // namespace troupe::test
