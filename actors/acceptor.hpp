// Accepts the connections of one port: no more at a time than allowed, and on after every error.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/log_limit.hpp"

namespace troupe::actors {

/// A listening socket on a loop, and a count of the connections of it that live.
///
/// No error of accept() ends it. One that is about a single connection (it was reset before it was
/// accepted, say) is passed over. One that is about the process (no descriptor, no memory) is logged, and
/// accept() is tried again after a pause.
///
/// Unless said otherwise its members are called on the loop's thread.
class acceptor final : public std::enable_shared_from_this<acceptor> {
 public:
  /// What one port is.
  struct settings {
    /// Port 0 takes a free one.
    asio::ip::tcp::endpoint where;
    /// Whether other sockets of this account may listen on the same port (SO_REUSEPORT).
    bool shares_port = false;
    /// Connections at a time. More wait in the kernel's backlog.
    std::size_t max_connections = 1;
    /// What the log calls it: "HTTP".
    std::string name;
  };

  /// Counts as one connection as long as it lives, whatever becomes of the socket. Move-only.
  class place {
   public:
    place() = default;
    explicit place(std::shared_ptr<acceptor> owner) noexcept;
    place(place&& other) noexcept = default;
    place& operator=(place&& other) noexcept;
    ~place();

   private:
    std::shared_ptr<acceptor> owner_;
  };

  /// Gets each connection, which may have been reset already.
  using handler = std::function<void(asio::ip::tcp::socket, place)>;

  /// Listens; start() begins to accept. From any thread. Throws std::system_error if the address cannot
  /// be bound.
  acceptor(asio::io_context& loop, settings with, handler on_connection);
  acceptor(const acceptor&) = delete;
  acceptor& operator=(const acceptor&) = delete;

  /// To be called once.
  void start();
  /// Accepts nothing more and lets go of the handler. What waits to be accepted is reset by the kernel.
  void close();

  /// Whether a client waits and could be accepted now.
  bool somebody_waits();
  /// The port it listens on. From any thread.
  std::uint16_t port() const noexcept { return port_; }
  /// Connections of it that live.
  std::size_t connections() const noexcept { return connections_; }

 private:
  void accept_next();
  void on_accept(const asio::error_code& failed, asio::ip::tcp::socket socket);
  void accept_later(const std::string& why);
  void complain(log_limit& limit, const std::string& sentence);
  void leave_place() noexcept;

  settings settings_;
  handler on_connection_;
  asio::ip::tcp::acceptor socket_;
  asio::steady_timer pause_;
  std::uint16_t port_ = 0;
  std::size_t connections_ = 0;
  // Waits for a place instead of for a connection.
  bool is_full_ = false;
  log_limit is_full_said_;
  log_limit trouble_said_;
};

}  // namespace troupe::actors
