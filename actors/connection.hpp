// The connection actor: owns one PostgreSQL connection and executes the queries that the pool sends.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <memory>
#include <span>

#include "actors/lanes.hpp"
#include "actors/local_messages.hpp"
#include "actors/session.hpp"

namespace troupe::actors {

/// Spawns a connection on a lane. It connects at once, says connection_ready{slot} to `owner` when it
/// can take queries, and ends when the connection cannot be made or is lost.
/// `statements` must outlive it.
connection_actor spawn_connection(lane& home, std::shared_ptr<const session_settings> settings,
                                  std::span<const db::statement* const> statements, slot_index slot,
                                  const pool_actor& owner);

}  // namespace troupe::actors
