// The messages between actors of one lane, which never cross nodes, and the interfaces that take them.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/typed_actor.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "db/codec.hpp"
#include "db/statements.hpp"

namespace troupe::actors {

/// One execution of a prepared statement.
struct query {
  const db::statement* statement = nullptr;
  db::parameters parameters;
  /// By the system's actor clock. Past it the query is dropped instead of sent.
  caf::actor_clock::time_point deadline;
};
/// Shared, so that a lost read can be sent once more.
using query_ptr = std::shared_ptr<const query>;

/// Executes queries in order of arrival. Ends when its connection does, after it has answered every
/// query that reached it: with outcome_unknown for a write, connection_lost for a read. The reason of
/// its end is an error as in errors.hpp.
using connection_actor = caf::typed_actor<caf::replies_to<query_ptr>::with<db::result>>;

/// Where a connection stands in its pool.
using slot_index = std::uint32_t;

/// A connection says that it can take queries.
struct connection_ready {
  slot_index slot;
};

/// The pool's own timer: time to connect a slot anew.
struct reconnect {
  slot_index slot;
};

/// Asks for a pool_status.
struct status_request {};

/// How a pool is doing.
struct pool_status {
  /// Connections that can take queries, of how many.
  std::size_t ready = 0;
  std::size_t size = 0;
  /// Queries that wait for a connection.
  std::size_t waiting = 0;
  /// Why the latest attempt to connect, or before to bring the schema up to date, failed, by
  /// db::public_reason(); empty once all connections are ready.
  std::string last_failure;
};

/// Executes queries on the connection with the fewest in flight. Refuses at once with `unavailable`
/// when no connection is ready and with `overloaded` when its queue is full. A read that was lost with
/// its connection is sent once more on another.
using pool_actor =
    caf::typed_actor<caf::replies_to<query_ptr>::with<db::result>, caf::reacts_to<connection_ready>,
                     caf::reacts_to<reconnect>, caf::replies_to<status_request>::with<pool_status>>;

/// Asks to bring the schema up to date.
struct migrate_request {};

/// Names of the migrations that were applied now.
using migrated = std::vector<std::string>;

/// Asks for a schema_status.
struct schema_status_request {};

/// How a migrator is doing.
struct schema_status {
  /// Why the latest attempt failed, by db::public_reason(); empty before and after it worked.
  std::string last_failure;
};

/// Brings the schema up to date, once for all who ask.
using migrator_actor = caf::typed_actor<caf::replies_to<migrate_request>::with<migrated>,
                                        caf::replies_to<schema_status_request>::with<schema_status>>;

}  // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::query_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::connection_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::reconnect)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::status_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::pool_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::migrate_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::schema_status_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::schema_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::db::result)
