// The socket between two nodes, in clear or through TLS.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <memory>
#include <utility>
#include <variant>

#include "actors/settings.hpp"

namespace troupe::actors {

/// What a node shows of itself and asks of others; null for nodes that talk in clear.
using tls_context = std::shared_ptr<asio::ssl::context>;

/// Reads the files. Both ends have to show a certificate of the authority, for one of the peers if there
/// are any; no less than TLS 1.3. Throws std::runtime_error with a sentence that names the file at fault.
tls_context make_tls(const tls_settings& settings);

/// A stream socket as asio has it, with what both kinds have in common.
class node_socket {
 public:
  using plain = asio::ip::tcp::socket;
  using executor_type = plain::executor_type;

  node_socket(plain socket, const tls_context& tls) : either_{make(std::move(socket), tls)} {}

  plain& lowest_layer() {
    auto* const through_tls = std::get_if<secure>(&either_);
    return through_tls != nullptr ? through_tls->next_layer() : std::get<plain>(either_);
  }
  const plain& lowest_layer() const { return const_cast<node_socket&>(*this).lowest_layer(); }
  executor_type get_executor() { return lowest_layer().get_executor(); }

  /// In clear it succeeds at once.
  template <class Handler>
  void async_handshake(asio::ssl::stream_base::handshake_type as, Handler handler) {
    if (auto* const through_tls = std::get_if<secure>(&either_))
      through_tls->async_handshake(as, std::move(handler));
    else
      asio::post(get_executor(), [handler = std::move(handler)]() mutable { handler(asio::error_code{}); });
  }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& into, Handler&& handler) {
    std::visit([&](auto& stream) { stream.async_read_some(into, std::forward<Handler>(handler)); }, either_);
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& from, Handler&& handler) {
    std::visit([&](auto& stream) { stream.async_write_some(from, std::forward<Handler>(handler)); }, either_);
  }

 private:
  using secure = asio::ssl::stream<plain>;
  using either = std::variant<plain, secure>;

  static either make(plain socket, const tls_context& tls) {
    if (tls) return either{std::in_place_type<secure>, std::move(socket), *tls};
    return socket;
  }

  either either_;
};

}  // namespace troupe::actors
