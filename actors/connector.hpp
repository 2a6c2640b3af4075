// The connector of a gateway: looks names up and connects to workers, without ever blocking a lane.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
#include <caf/typed_actor.hpp>
#include <compare>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "actors/lanes.hpp"
#include "actors/node_socket.hpp"
#include "actors/settings.hpp"

namespace troupe::actors {

/// A numeric address and a TCP port.
struct endpoint {
  std::string address;
  std::uint16_t port = 0;

  friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

/// 10.0.0.7:4711, or [::1]:4711.
std::string to_string(const endpoint& where);

/// Asks for the numeric addresses of a host.
struct look_up {
  std::string host;
};

/// The numeric addresses, each once, in order.
struct addresses {
  std::vector<std::string> all;
};

/// Asks to connect to the node at an endpoint.
struct reach {
  endpoint where;
};

/// A node that was reached.
struct reached {
  /// The actor that it publishes.
  caf::strong_actor_ptr published;
  /// The messages that this actor takes, in CAF's words.
  std::set<std::string> signatures;
  /// Cuts the connection; the actor then counts as down. To be called on the connector's lane.
  std::function<void()> cut;
};

/// Errors bear the code that public_reason() has words for, and what the resolver, the kernel or TLS says; or
/// they are `unavailable` with words of ours.
using connector_actor =
    caf::typed_actor<caf::replies_to<look_up>::with<addresses>, caf::replies_to<reach>::with<reached>>;

/// Spawns a connector that works with the sockets of a lane, that of the system's middleman.
connector_actor spawn_connector(lane& home, const node_settings& settings, tls_context tls);

}  // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::look_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::addresses)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::reach)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::reached)
