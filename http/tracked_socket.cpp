// Walks over the open sockets of a loop.
#include "http/tracked_socket.hpp"

#include <algorithm>

namespace troupe::http {

std::size_t socket_registry::open_count() const {
  return static_cast<std::size_t>(
      std::count_if(sockets_.begin(), sockets_.end(), [](const tracked_socket* each) { return each->is_open(); }));
}

void socket_registry::shut_down_all() {
  for (auto* each : sockets_) {
    if (!each->is_open()) continue;
    asio::error_code ignored;
    each->shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  }
}

}  // namespace troupe::http
