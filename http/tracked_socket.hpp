// A TCP socket that its lane can find, to count the clients and to let them go at the end.
#pragma once

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <iterator>
#include <string>
#include <unordered_set>
#include <utility>

namespace troupe::http {

class tracked_socket;

/// The sockets of one loop. RESTinio has no call that closes its connections; a loop that is destroyed
/// with connections in it would destroy them after the server that they refer to.
class socket_registry final : public asio::execution_context::service {
 public:
  // The name and the type are asio's protocol for services.
  using key_type = socket_registry;
  static inline asio::execution_context::id id;

  explicit socket_registry(asio::execution_context& owner) : asio::execution_context::service{owner} {}

  /// Number of connected sockets.
  std::size_t open_count() const;

  /// Ends all connections: their reads and writes end with an error, and their owners let go of them.
  void shut_down_all();

 private:
  friend class tracked_socket;
  void shutdown() override {}

  std::unordered_set<tracked_socket*> sockets_;
};

/// What RESTinio uses instead of asio's plain socket. Used on its loop's thread only. It hides
/// shutdown(), which RESTinio calls through this type, to get a last word in.
class tracked_socket final : public asio::ip::tcp::socket {
 public:
  // The loop's own executor: asio works less with it than with the any_io_executor of its plain socket.
  using executor_type = asio::io_context::executor_type;

  explicit tracked_socket(asio::io_context& loop)
      : asio::ip::tcp::socket{loop}, registry_{&asio::use_service<socket_registry>(loop)}, loop_{&loop} {
    registry_->sockets_.insert(this);
  }
  tracked_socket(tracked_socket&& other) noexcept
      : asio::ip::tcp::socket{std::move(other)}, registry_{other.registry_}, loop_{other.loop_} {
    registry_->sockets_.insert(this);
  }
  ~tracked_socket() { registry_->sockets_.erase(this); }
  tracked_socket& operator=(tracked_socket&&) = delete;
  tracked_socket(const tracked_socket&) = delete;

  executor_type get_executor() noexcept { return loop_->get_executor(); }

  /// Writes some of the buffers, as its base does. Nearly always there is one: asio's operation for many
  /// has room for 16.
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& done) {
    const auto first = asio::buffer_sequence_begin(buffers);
    if (std::distance(first, asio::buffer_sequence_end(buffers)) == 1)
      asio::ip::tcp::socket::async_write_some(asio::const_buffer{*first}, std::forward<Handler>(done));
    else
      asio::ip::tcp::socket::async_write_some(buffers, std::forward<Handler>(done));
  }

  /// Bytes for the client of the connection that RESTinio is about to close on this thread: it logs
  /// why, then shuts the socket down, without anything between.
  static void say_before_close(std::string bytes) { last_words_ = std::move(bytes); }

  /// Ends both directions, after the last words if there are any.
  void shutdown(shutdown_type what, asio::error_code& failed);

  tracked_socket& operator=(const tracked_socket&) = delete;

 private:
  static thread_local std::string last_words_;

  socket_registry* registry_;
  asio::io_context* loop_;
};

}  // namespace troupe::http
