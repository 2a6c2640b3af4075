// The whole service in one process: on each lane a server, a front, an item actor and a pool.
#pragma once

#include <caf/actor_system.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/local_messages.hpp"
#include "actors/messages.hpp"
#include "db/conninfo.hpp"
#include "http/front.hpp"
#include "http/options.hpp"
#include "http/server.hpp"

namespace troupe::http {

/// Used by the main thread only; nothing it waits for runs on that thread.
class service {
 public:
  /// `system` must run on lanes.
  service(caf::actor_system& system, const options& options, const db::conninfo& database);
  /// Stops if stop() was not called.
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  /// Starts everything; the database may come later. Throws std::system_error if the address cannot be
  /// bound. To be called once.
  void start();

  /// Where it listens: http://127.0.0.1:8080/
  std::string url() const;

  /// Waits until every pool has a connection, at most for `patience`. Why not, if not; empty if so.
  std::string wait_until_ready(std::chrono::milliseconds patience);

  /// Stops accepting, answers what was accepted, then ends all actors. Returns the number of requests
  /// that were not answered within the grace.
  std::size_t stop();

 private:
  // What runs on one lane.
  struct lane_part {
    actors::pool_actor pool;
    actors::item_actor items;
    front_actor front;
    std::unique_ptr<server> listener;
  };

  caf::actor_system& system_;
  options options_;
  db::conninfo database_;
  actors::migrator_actor migrator_;
  std::vector<lane_part> parts_;
  bool stopped_ = false;
};

}  // namespace troupe::http
