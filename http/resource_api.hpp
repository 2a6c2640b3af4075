// The REST interface of a resource: its routes, what each reads from the request and writes as the answer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "actors/messages.hpp"
#include "http/front.hpp"
#include "http/parameters.hpp"
#include "http/settings.hpp"

namespace troupe::http {

/// The query parameters of a list: what to pass over, how much to return.
inline std::array<integer_parameter, 2> list_parameters(const settings& settings) {
  return {{{"skip", "Number of items to pass over.", 0, 0},
           {"limit", "Number of items to return at most.", std::min<std::int64_t>(10, settings.max_limit), 0,
            settings.max_limit}}};
}

/// The routes of a table under /<name>/: create, list, find, replace, update and remove.
/// Requests go to `target` as messages.
template <class Table>
route_source resource_api(const actors::resource_actor<Table>& target, const settings& settings);

extern template route_source resource_api<db::item_table>(const actors::item_actor&, const settings&);

}  // namespace troupe::http
