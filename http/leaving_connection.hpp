// The last stage of a connection: the client gets all that was sent to it, then both sides close.
#pragma once

#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "actors/acceptor.hpp"
#include "http/progress_watch.hpp"

namespace troupe::http {

class clients;

/// A connection that RESTinio has let go of. A plain close while the client still sends makes the client's
/// kernel throw away the answer that it has not read (RFC 9112, 9.6): our direction is closed, what comes is
/// dropped, and the rest is closed when the client has closed, too, or after a bounded time and amount.
///
/// Used on its loop's thread only.
class leaving_connection final : public std::enable_shared_from_this<leaving_connection> {
 public:
  /// `has_finished`: whether the client has closed its direction. What it has not got yet has to arrive at
  /// the pace of `owner`, which keeps it until it ends.
  leaving_connection(asio::ip::tcp::socket socket, actors::acceptor::place place,
                     std::shared_ptr<clients> owner, bool has_finished);

  /// Sends the last bytes, if there are any, and closes our direction.
  void start(std::string last_words);

  /// Looks after it, and ends it if it has used up its bounds.
  void look(std::chrono::steady_clock::time_point now);

  /// Whether something has not arrived at the client.
  bool delivers() noexcept;

  /// Ends it at once.
  void end() noexcept;

 private:
  void say_end();
  void drop_what_comes();
  void wait_for_more();

  asio::ip::tcp::socket socket_;
  actors::acceptor::place place_;
  std::shared_ptr<clients> owner_;
  bool has_finished_;
  bool has_said_end_ = false;
  std::string last_words_;
  std::size_t dropped_ = 0;
  std::chrono::steady_clock::time_point since_;
  progress_watch client_sends_;
  progress_watch client_gets_;
};

}  // namespace troupe::http
