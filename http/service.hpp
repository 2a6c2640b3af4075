// A node of the service: on each lane a front and a server, item actors and a pool, or both.
#pragma once

#include <caf/actor_system.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "actors/connector.hpp"
#include "actors/directory.hpp"
#include "actors/intake.hpp"
#include "actors/local_messages.hpp"
#include "actors/messages.hpp"
#include "actors/node_port.hpp"
#include "db/conninfo.hpp"
#include "http/front.hpp"
#include "http/options.hpp"
#include "http/server.hpp"

namespace troupe::http {

/// What a process does, by its command:
///
///     serve     HTTP and database; with node.port also what a worker does
///     gateway   HTTP; the item actors are on workers
///     worker    database; takes work from gateways
///
/// If one of its actors ends before stop(), who waits is answered 503, and lane_scheduler::fail() is called:
/// the process is to stop then.
///
/// Used by the main thread only; nothing it waits for runs on that thread.
class service {
 public:
  /// `system` must run on lanes, and be enabled for nodes if the options ask for it. `database` is nothing
  /// for a gateway only. `tls` is between nodes.
  service(caf::actor_system& system, const options& options, std::optional<db::conninfo> database,
          actors::tls_context tls);
  /// Stops if stop() was not called.
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// Starts everything; the database may come later. Throws std::system_error if the address cannot be
  /// bound. To be called once.
  void start();

  /// Where it listens: http://127.0.0.1:8080/, or node port 127.0.0.1:4711, or both.
  std::string where() const;

  /// Waits until every pool has a connection and a gateway a worker, at most for `patience` and until a stop
  /// is asked for. Why not, if not; empty if so.
  std::string wait_until_ready(std::chrono::milliseconds patience, const std::stop_token& stop);

  /// Stops accepting, answers what was accepted, then ends all actors. Returns the number of requests
  /// that were not answered within the grace.
  std::size_t stop();

 private:
  // What runs on one lane. What a node does not have is null.
  struct lane_part {
    actors::pool_actor pool;
    actors::item_actor items;
    front_actor front;
    std::unique_ptr<server> listener;
  };

  void start_database_side();
  void start_node_port();
  void start_workers_side();
  void start_http();
  void start_health_port();
  void start_watch();
  std::vector<route_source> routes(const lane_part& part) const;

  caf::actor_system& system_;
  options options_;
  std::optional<db::conninfo> database_;
  actors::tls_context tls_;
  actors::migrator_actor migrator_;
  std::vector<lane_part> parts_;
  // Of a gateway.
  actors::connector_actor connector_;
  actors::directory_actor directory_;
  // Of a worker.
  actors::intake_actor<db::item_table> intake_;
  std::unique_ptr<actors::node_port> node_port_;
  lane_part health_;
  // Of all of them: nothing replaces one that ends.
  caf::actor watch_;
  bool stopped_ = false;
};

}  // namespace troupe::http
