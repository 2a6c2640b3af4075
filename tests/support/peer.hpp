// A client of a port as plain as can be: it sends bytes, and waits for bytes or for the end.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace troupe::test {

/// Whoever connects to a port of this machine.
class peer {
 public:
  /// `receive_buffer`: bytes that the kernel takes before anybody reads; 0 for its default.
  explicit peer(std::uint16_t port, int receive_buffer = 0)
      : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    if (receive_buffer != 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0;
  }
  ~peer() { ::close(socket_); }
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  bool connected() const { return connected_; }
  void send(const std::string& what) const { ::send(socket_, what.data(), what.size(), MSG_NOSIGNAL); }

  /// Reads until something has come; whether it did in time.
  bool hears(std::chrono::milliseconds within = std::chrono::seconds{10}) {
    return read(within, true) && !heard_.empty();
  }
  /// Reads until the end; whether it came in time.
  bool is_closed(std::chrono::milliseconds within = std::chrono::seconds{10}) { return read(within, false); }
  const std::string& heard() const { return heard_; }

  /// Reads so many bytes at most once some have come; 0 at the end, or if none come in time.
  std::size_t read_some(std::size_t at_most, std::chrono::milliseconds within = std::chrono::seconds{10}) {
    pollfd what{socket_, POLLIN, 0};
    if (::poll(&what, 1, static_cast<int>(within.count())) <= 0) return 0;
    std::string some(at_most, '\0');
    const auto got = ::recv(socket_, some.data(), some.size(), 0);
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }
  /// Whether the other side resets the connection in time, seen without reading.
  bool is_reset(std::chrono::milliseconds within) const {
    pollfd what{socket_, 0, 0};
    return ::poll(&what, 1, static_cast<int>(within.count())) == 1 && (what.revents & POLLERR) != 0;
  }
  /// The destructor resets the connection instead of closing it.
  void reset_at_end() const {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

 private:
  bool read(std::chrono::milliseconds within, bool something_will_do) {
    const auto until = std::chrono::steady_clock::now() + within;
    for (;;) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd what{socket_, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&what, 1, static_cast<int>(left.count())) <= 0) return false;
      char some[4096];
      const auto got = ::recv(socket_, some, sizeof some, 0);
      if (got <= 0) return !something_will_do;
      heard_.append(some, static_cast<std::size_t>(got));
      if (something_will_do) return true;
    }
  }

  int socket_;
  bool connected_ = false;
  std::string heard_;
};

}  // namespace troupe::test
