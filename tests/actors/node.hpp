// Nodes within the test's process: real sockets, real lanes.
#pragma once

#include <asio/post.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "actors/connector.hpp"
#include "actors/lanes.hpp"
#include "actors/messages.hpp"
#include "actors/nodes.hpp"

namespace troupe::test {

/// What a process is that is a node.
class node {
 public:
  explicit node(const actors::node_settings& settings) {
    actors::enable_nodes(config_, settings);
    actors::lane_scheduler::install(config_, 1);
    system_ = std::make_unique<caf::actor_system>(config_);
  }
  caf::actor_system& system() { return *system_; }
  actors::lane& home() { return actors::lane_scheduler::of(*system_).at(0); }

 private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

/// A worker that does nothing but let gateways enlist.
inline actors::worker_actor<db::item_table>::behavior_type answer_enlist(
    actors::worker_actor<db::item_table>::pointer, int) {
  return {[](actors::enlist) { return actors::enlisted{}; }, [](const actors::jobs<db::item_table>&) {}};
}

/// Whether a gateway of these settings gets in at a node port, and an answer out.
inline bool gets_answer(const actors::node_settings& settings, std::uint16_t port) {
  node gateway{settings};
  const auto connector = actors::spawn_connector(gateway.home(), settings, actors::make_tls(settings.tls));
  bool answered = false;
  caf::scoped_actor self{gateway.system()};
  self->request(connector, caf::infinite, actors::reach{{"127.0.0.1", port}})
      .receive(
          [&](const actors::reached& other) {
            self->request(caf::actor_cast<actors::worker_actor<db::item_table>>(other.published),
                          std::chrono::seconds{10}, actors::enlist{})
                .receive([&](actors::enlisted) { answered = true; }, [](const caf::error&) {});
            asio::post(gateway.home().io(), other.cut);
          },
          [](const caf::error&) {});
  caf::anon_send_exit(connector, caf::exit_reason::user_shutdown);
  return answered;
}

}  // namespace troupe::test
