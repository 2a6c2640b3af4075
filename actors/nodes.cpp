// The middleman's settings; its own defaults never notice a frozen node.
#include "actors/nodes.hpp"

#include <caf/detail/get_process_id.hpp>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "actors/messages.hpp"
#include "actors/middleman.hpp"

// CAF names a node by its network cards, its root file system and this number, and nodes of one name cannot
// connect. In containers the number is often the same. CAF has no setting for it; the program's function
// goes before the library's.
namespace caf::detail {

std::uint32_t get_process_id() {
  static const std::uint32_t number = std::random_device{}();
  return number;
}

}  // namespace caf::detail

namespace troupe::actors {

void enable_nodes(caf::actor_system_config& config, const node_settings& settings) {
  config.module_factories.emplace_back(
      [](caf::actor_system& system) -> caf::actor_system::module* { return new lane_middleman{system}; });
  config.set("middleman.heartbeat-interval", caf::timespan{settings.heartbeat})
      .set("middleman.connection-timeout", caf::timespan{settings.timeout})
      // What shares a lane needs no threads of its own: for the loop, to decode, or for helpers.
      .set("middleman.manual-multiplexing", true)
      .set("middleman.workers", std::size_t{0})
      .set("middleman.attach-utility-actors", true)
      .set("middleman.app-identifiers", std::vector<std::string>{"troupe"});
  add_message_types<db::item_table>(config);
  add_node_message_types(config);
}

}  // namespace troupe::actors
