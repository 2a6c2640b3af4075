// Makes CAF ready to talk to other nodes.
#pragma once

#include <caf/actor_system_config.hpp>

#include "actors/settings.hpp"

namespace troupe::actors {

/// Loads the middleman with the settings that nodes need, and makes their messages known. To be called
/// before the system is made, whose scheduler has to be lanes.
void enable_nodes(caf::actor_system_config& config, const node_settings& settings);

}  // namespace troupe::actors
