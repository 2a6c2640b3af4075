// The HTTP server of one lane: RESTinio on the lane's loop, each request handed to the front actor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "actors/lanes.hpp"
#include "http/client_count.hpp"
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

  /// Makes the actor that gets each request as an exchange, and can count the clients meanwhile.
  using front_maker = std::function<front_actor(client_counter)>;

  /// Starts to listen. Throws std::system_error if the address cannot be bound.
  server(actors::lane& home, const settings& settings, sharing port_sharing, const front_maker& make_front);
  /// Ends at once what is still open.
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

}  // namespace troupe::http
