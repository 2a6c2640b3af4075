// The port that a worker opens for gateways: lets in who greets as a node, and hands the socket to CAF.
#pragma once

#include <caf/actor_addr.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/lanes.hpp"
#include "actors/node_socket.hpp"
#include "actors/settings.hpp"

namespace troupe::actors {

/// Listens as long as it lives. A peer has node_settings::connect_timeout to send the greeting of CAF's
/// protocol; what is no greeting, or one that would harm, is closed and never reaches CAF. That keeps
/// accidents out (scanners, health checks, browsers), not attackers: they can speak the protocol. TLS keeps
/// them out.
///
/// Created and destroyed on any thread but the lane's, while the lane runs.
class node_port {
 public:
  /// Publishes an actor, with the messages it takes in CAF's words. Throws std::system_error if the
  /// address cannot be bound.
  node_port(lane& home, const node_settings& settings, const tls_context& tls,
            caf::strong_actor_ptr published, std::set<std::string> signatures);
  ~node_port();
  node_port(const node_port&) = delete;
  node_port& operator=(const node_port&) = delete;

  /// The port it listens on.
  std::uint16_t port() const noexcept;

 private:
  class implementation;
  std::shared_ptr<implementation> implementation_;
};

/// Whether the first bytes that a peer has sent are the greeting of a gateway's CAF.
bool is_greeting(caf::actor_system& system, const std::vector<char>& header);

/// How many bytes is_greeting() looks at.
std::size_t greeting_size() noexcept;

}  // namespace troupe::actors
