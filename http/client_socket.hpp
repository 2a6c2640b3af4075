// The socket of one client: what RESTinio reads and writes with, and what its server watches.
#pragma once

#include <asio/associated_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "actors/acceptor.hpp"
#include "http/progress_watch.hpp"

namespace troupe::http {

class clients;

/// Bytes that were given to the kernel and that the other side has not confirmed.
std::size_t unconfirmed_bytes(asio::ip::tcp::socket& socket) noexcept;

/// Closes a socket with a reset, so that the kernel does not keep what the other side does not take.
void reset(asio::ip::tcp::socket& socket) noexcept;

/// A TCP socket as RESTinio uses it. Counts what moves, and hides shutdown() and close(), which RESTinio
/// calls through this type: a connection ends by the rules of HTTP (see leaving_connection), and not while
/// an answer is on its way. Used on its loop's thread only.
class client_socket final : public asio::ip::tcp::socket {
  using base = asio::ip::tcp::socket;

 public:
  // The loop's own executor: asio works less with it than with the any_io_executor of its plain socket.
  using executor_type = asio::io_context::executor_type;

  /// Takes an accepted connection. `place` is kept as long as the connection lives, in whosever hands.
  client_socket(asio::io_context& loop, base accepted, actors::acceptor::place place,
                std::shared_ptr<clients> owner);
  client_socket(client_socket&& other) noexcept;
  ~client_socket();
  client_socket(const client_socket&) = delete;
  client_socket& operator=(const client_socket&) = delete;
  client_socket& operator=(client_socket&&) = delete;

  executor_type get_executor() noexcept { return loop_->get_executor(); }

  /// Whether the client whose bytes were parsed last on this thread waits for "100 Continue". RESTinio begins
  /// the next read of that connection right after it has parsed what a read has brought, and that tells it.
  static void expect_continue(bool it_does) noexcept { continue_expected_ = it_does; }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& into, Handler&& then) {
    if (continue_expected_) say_continue();
    if (kind_ != transfer::request) {
      begin(transfer::request);
      received_ = 0;
    }
    under_way_ = true;
    base::async_read_some(into, counting<std::decay_t<Handler>>{this, std::forward<Handler>(then)});
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& then) {
    if (kind_ != transfer::answer) begin(transfer::answer);
    under_way_ = true;
    counting<std::decay_t<Handler>> counted{this, std::forward<Handler>(then)};
    const auto first = asio::buffer_sequence_begin(buffers);
    // Nearly always there is one: asio's operation for many has room for 16.
    if (std::distance(first, asio::buffer_sequence_end(buffers)) == 1)
      base::async_write_some(asio::const_buffer{*first}, std::move(counted));
    else
      base::async_write_some(buffers, std::move(counted));
  }

  /// Nothing: RESTinio calls it right before close(), which decides.
  void shutdown(shutdown_type, asio::error_code&) noexcept {}

  /// Ends the connection, with the last words of its server to it if there are any. The client gets what
  /// is on its way first.
  void close();

  /// Looks after the connection, and ends it if it is silent or too slow.
  void look(std::chrono::steady_clock::time_point now);

  /// Ends the connection at once; what waits for it fails.
  void cut() noexcept;

  /// What goes on, as far as the socket knows.
  enum class stage {
    /// Nothing of a request has come, and all answers have arrived.
    idle,
    /// Some of a request has come.
    receiving,
    /// The request is complete, and its answer is being made.
    handling,
    /// Some of an answer has not arrived.
    sending,
  };
  stage now() noexcept;

 private:
  enum class transfer { none, request, answer };
  enum class other_side { is_there, has_finished, is_gone };

  // A handler of RESTinio's, told what has happened after this socket was.
  template <class Handler>
  struct counting {
    client_socket* socket;
    Handler then;

    using executor_type = asio::associated_executor_t<Handler, client_socket::executor_type>;
    executor_type get_executor() const noexcept {
      return asio::get_associated_executor(then, socket->loop_->get_executor());
    }
    void operator()(const asio::error_code& failed, std::size_t moved) {
      socket->ended(failed, moved);
      then(failed, moved);
      // Nothing is read of a request that turned out to be a bad one: the next read is another client's.
      continue_expected_ = false;
    }
  };

  void begin(transfer kind) noexcept {
    kind_ = kind;
    if (kind == transfer::answer) all_arrived_ = false;
    ++number_;
  }
  void ended(const asio::error_code& failed, std::size_t moved) noexcept {
    under_way_ = false;
    (kind_ == transfer::request ? received_ : written_) += moved;
    if (failed && failed != asio::error::operation_aborted)
      other_side_ = failed == asio::error::eof ? other_side::has_finished : other_side::is_gone;
  }
  void say_continue() noexcept;
  void leave(std::string last_words);

  static thread_local bool continue_expected_;

  asio::io_context* loop_;
  std::shared_ptr<clients> owner_;
  actors::acceptor::place place_;
  transfer kind_ = transfer::none;
  // Whether a read or a write waits.
  bool under_way_ = false;
  other_side other_side_ = other_side::is_there;
  // Whether the client's kernel has confirmed all that was written, as far as was asked.
  bool all_arrived_ = true;
  // Of this request.
  std::uint64_t received_ = 0;
  // Of all answers.
  std::uint64_t written_ = 0;
  // Tells transfers apart.
  std::uint32_t number_ = 0;
  // What the watch follows.
  std::uint32_t watched_number_ = 0;
  stage watched_stage_ = stage::handling;
  progress_watch watch_;
};

}  // namespace troupe::http
