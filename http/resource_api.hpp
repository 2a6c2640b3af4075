// The REST interface of a resource: its routes, what each reads from the request and writes as the answer.
#pragma once

#include "actors/messages.hpp"
#include "http/front.hpp"
#include "http/settings.hpp"

namespace troupe::http {

/// The routes of a table under /<name>/: create, list, find, replace, update and remove.
/// Requests go to `target` as messages.
template <class Table>
route_source resource_api(const actors::resource_actor<Table>& target, const settings& settings);

extern template route_source resource_api<db::item_table>(const actors::item_actor&, const settings&);

}  // namespace troupe::http
