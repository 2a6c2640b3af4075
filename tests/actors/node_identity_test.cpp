// What tells two nodes apart, and what a system of nodes is set up with.
#include <gtest/gtest.h>
#include <unistd.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/node_id.hpp>
#include <string>

#include "actors/lanes.hpp"
#include "actors/nodes.hpp"

namespace troupe::actors {
namespace {

// In containers of one image the first process has the same number everywhere, and often the same cards.
TEST(node_identity, does_not_depend_on_the_process_id) {
  caf::actor_system_config config;
  lane_scheduler::install(config, 1);
  enable_nodes(config, node_settings{});
  caf::actor_system system{config};
  const auto name = to_string(system.node());
  const auto number = name.substr(name.rfind('#') + 1);
  EXPECT_NE(number, name);
  EXPECT_NE(number, std::to_string(::getpid()));
}

}  // namespace
}  // namespace troupe::actors
