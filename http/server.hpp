// The HTTP server of one lane: RESTinio on the lane's loop, each request handed to the front actor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "actors/lanes.hpp"
#include "http/front.hpp"
#include "http/settings.hpp"

namespace troupe::http {

/// Created and destroyed on any thread while its lane runs; the other calls are thread-safe.
class server {
 public:
  /// How lanes share a port.
  enum class sharing {
    /// This server alone has the port.
    alone,
    /// Every lane's server listens on it and the kernel spreads the connections (SO_REUSEPORT).
    with_other_lanes,
  };

  /// Starts to listen. `front` gets each request as an exchange. Throws std::system_error if the address
  /// cannot be bound.
  server(actors::lane& home, const settings& settings, sharing port_sharing, front_actor front);
  /// Ends what is still open.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// The port it listens on.
  std::uint16_t port() const noexcept;

  /// Stops accepting, and answers what is in flight with "Connection: close".
  void stop_accepting();

 private:
  class implementation;
  std::unique_ptr<implementation> implementation_;
};

/// Number of clients connected to a lane. To be called on the lane's thread.
std::size_t open_connections(actors::lane& home);

}  // namespace troupe::http
