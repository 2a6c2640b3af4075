// The messages that may cross nodes: what can be asked of a resource, and the interface that takes them.
#pragma once

#include <caf/actor_system_config.hpp>
#include <caf/typed_actor.hpp>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "db/error.hpp"
#include "db/item.hpp"
#include "db/table.hpp"

namespace troupe::actors {

/// How long the asker waits for the answer, from the moment the message is handled. Past it the answer
/// is deadline_exceeded, and what was not sent to PostgreSQL yet never is.
using time_budget = std::chrono::milliseconds;

/// The row with this key, or not_found.
template <class Table>
struct find {
  std::int64_t key = 0;
  time_budget within{};
};

/// The rows after the first `skip`, ordered by key, `limit` at most.
template <class Table>
struct list {
  std::int64_t skip = 0;
  std::int64_t limit = 0;
  time_budget within{};
};

/// A new row; its key is ignored. The answer holds the key that it got.
template <class Table>
struct create {
  db::row<Table> row;
  time_budget within{};
};

/// All columns of the row with row.key() are set anew, or not_found.
template <class Table>
struct replace {
  db::row<Table> row;
  time_budget within{};
};

/// The columns in `given` of the row with row.key() are set anew, or not_found.
template <class Table>
struct update {
  db::row<Table> row;
  db::column_set given = 0;
  time_budget within{};
};

/// The row with this key is deleted; the answer is the key, or not_found.
template <class Table>
struct remove {
  std::int64_t key = 0;
  time_budget within{};
};

template <class Table>
using rows = std::vector<db::row<Table>>;

/// An actor that answers for one table. Errors are those of errors.hpp.
template <class Table>
using resource_actor =
    caf::typed_actor<typename caf::replies_to<find<Table>>::template with<db::row<Table>>,
                     typename caf::replies_to<list<Table>>::template with<rows<Table>>,
                     typename caf::replies_to<create<Table>>::template with<db::row<Table>>,
                     typename caf::replies_to<replace<Table>>::template with<db::row<Table>>,
                     typename caf::replies_to<update<Table>>::template with<db::row<Table>>,
                     typename caf::replies_to<remove<Table>>::template with<std::int64_t>>;

/// The error for a key that no row has: "Item not found".
template <class Table>
db::error no_such_row() {
  std::string sentence = std::string{Table::singular} + " not found";
  sentence.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence.front())));
  return {db::errc::not_found, std::move(sentence)};
}

using item_actor = resource_actor<db::item_table>;

template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, find<Table>& x) {
  return f(x.key, x.within);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, list<Table>& x) {
  return f(x.skip, x.limit, x.within);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, create<Table>& x) {
  return f(x.row, x.within);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, replace<Table>& x) {
  return f(x.row, x.within);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, update<Table>& x) {
  return f(x.row, x.given, x.within);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, remove<Table>& x) {
  return f(x.key, x.within);
}

/// Makes the messages of a table known to a system, so that they can cross nodes.
template <class Table>
void add_message_types(caf::actor_system_config& config) {
  const std::string prefix = std::string{Table::singular} + "::";
  config.add_message_type<db::row<Table>>(prefix + "row")
      .template add_message_type<rows<Table>>(prefix + "rows")
      .template add_message_type<find<Table>>(prefix + "find")
      .template add_message_type<list<Table>>(prefix + "list")
      .template add_message_type<create<Table>>(prefix + "create")
      .template add_message_type<replace<Table>>(prefix + "replace")
      .template add_message_type<update<Table>>(prefix + "update")
      .template add_message_type<remove<Table>>(prefix + "remove");
}

namespace detail {

/// A value that may be absent, in the terms of CAF's inspectors, which know no std::optional.
template <class T>
struct optional_field {
  std::optional<T>& value;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, optional_field& x) {
    bool present = x.value.has_value();
    if constexpr (Inspector::writes_state) {
      if (auto failed = f(present)) return failed;
      if (!present) {
        x.value.reset();
        return caf::none;
      }
      return f(x.value.emplace());
    } else {
      return present ? f(present, *x.value) : f(present);
    }
  }
};

template <class T>
T& as_field(T& value) {
  return value;
}
template <class T>
optional_field<T> as_field(std::optional<T>& value) {
  return {value};
}

}  // namespace detail

}  // namespace troupe::actors

namespace troupe::db {

/// Found by CAF through the namespace of its argument.
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, row<Table>& x) {
  return std::apply([&](auto&... values) { return f(troupe::actors::detail::as_field(values)...); },
                    x.values);
}

}  // namespace troupe::db
