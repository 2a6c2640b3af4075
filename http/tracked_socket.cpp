// Walks over the open sockets of a loop.
#include "http/tracked_socket.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace troupe::http {

thread_local std::string tracked_socket::last_words_;

void tracked_socket::shutdown(shutdown_type what, asio::error_code& failed) {
  if (const auto words = std::exchange(last_words_, {}); !words.empty()) {
    // A few hundred bytes into an empty send buffer; a client that takes none has only itself to blame.
    [[maybe_unused]] const auto sent =
        ::send(native_handle(), words.data(), words.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  asio::ip::tcp::socket::shutdown(what, failed);
}

std::size_t socket_registry::open_count() const {
  return static_cast<std::size_t>(std::count_if(sockets_.begin(), sockets_.end(),
                                                [](const tracked_socket* each) { return each->is_open(); }));
}

void socket_registry::shut_down_all() {
  for (auto* each : sockets_) {
    if (!each->is_open()) continue;
    asio::error_code ignored;
    each->shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  }
}

}  // namespace troupe::http
