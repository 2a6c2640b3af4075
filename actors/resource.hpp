// The item actor, for any table: turns each request into a statement and the rows into the reply.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <chrono>

#include "actors/local_messages.hpp"
#include "actors/messages.hpp"

namespace troupe::actors {

/// The behavior of the actor that answers for a table and has its statements executed by `database`.
template <class Table>
typename resource_actor<Table>::behavior_type resource(typename resource_actor<Table>::pointer self,
                                                       const pool_actor& database);

extern template item_actor::behavior_type resource<db::item_table>(item_actor::pointer, const pool_actor&);

}  // namespace troupe::actors
