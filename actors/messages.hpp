// The messages that may cross nodes: what can be asked of a resource, and the interface that takes them.
#pragma once

#include <caf/actor_system_config.hpp>
#include <caf/typed_actor.hpp>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "actors/inspect.hpp"
#include "db/error.hpp"
#include "db/item.hpp"
#include "db/table.hpp"

namespace troupe::actors {

/// How long the asker waits for the answer, from the moment the message is handled. Past it the answer
/// is deadline_exceeded, or deadline_unknown if a change may have been made, and what was not sent to
/// PostgreSQL yet never is.
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

/// A change of one row.
template <class Table>
using change = std::variant<create<Table>, replace<Table>, update<Table>, remove<Table>>;

/// A change that is made once however often it is asked for with the same key. The key and the answer
/// are kept for `kept_for`; another change with the same key is refused with key_reused.
template <class Table>
struct once {
  std::string key;
  change<Table> what;
  std::chrono::milliseconds kept_for{};
};

/// How a change ended that is made once.
template <class Table>
struct once_reply {
  /// The new row, or the removed one; nothing if no row had the key.
  std::optional<db::row<Table>> row;
  /// Whether the change was made earlier and this is the answer it got then.
  bool replayed = false;

  friend bool operator==(const once_reply&, const once_reply&) = default;
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
                     typename caf::replies_to<remove<Table>>::template with<std::int64_t>,
                     typename caf::replies_to<once<Table>>::template with<once_reply<Table>>>;

/// The error for a key that no row has: "Item not found".
template <class Table>
db::error no_such_row() {
  std::string sentence = std::string{Table::singular} + " not found";
  sentence.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence.front())));
  return {db::errc::not_found, std::move(sentence)};
}

using item_actor = resource_actor<db::item_table>;

/// Any request to a resource.
template <class Table>
using request_of = std::variant<find<Table>, list<Table>, create<Table>, replace<Table>, update<Table>,
                                remove<Table>, once<Table>>;

/// Any answer of a resource.
template <class Table>
using reply_of = std::variant<db::error, db::row<Table>, rows<Table>, std::int64_t, once_reply<Table>>;

namespace detail {

template <class Table, class Request>
struct reply_to {
  using type = db::row<Table>;
};
template <class Table>
struct reply_to<Table, list<Table>> {
  using type = rows<Table>;
};
template <class Table>
struct reply_to<Table, remove<Table>> {
  using type = std::int64_t;
};
template <class Table>
struct reply_to<Table, once<Table>> {
  using type = once_reply<Table>;
};

}  // namespace detail

/// What a resource answers to a request, as its interface says.
template <class Table, class Request>
using reply_to = typename detail::reply_to<Table, Request>::type;

/// A request on its way from a gateway to a worker, with the number that its answer will carry.
template <class Table>
struct job {
  std::uint64_t number = 0;
  request_of<Table> what;
};

/// What waited for the same worker, in one message. Each job is answered in some job_results.
template <class Table>
struct jobs {
  std::vector<job<Table>> all;
};

template <class Table>
struct job_result {
  std::uint64_t number = 0;
  reply_of<Table> reply;
};

/// Answers that were ready at the same time, in any order, to the actor that sent the jobs.
template <class Table>
struct job_results {
  std::vector<job_result<Table>> all;
};

/// A gateway says that it will send jobs, and wants to hear when the worker leaves.
struct enlist {};
/// The worker has heard.
struct enlisted {};

/// A worker says that it stops soon: no more jobs, please. What it has, it finishes.
struct leaving {};
/// The gateway has sent its last job.
struct released {};

/// What a worker publishes for a table.
template <class Table>
using worker_actor = caf::typed_actor<caf::replies_to<enlist>::with<enlisted>, caf::reacts_to<jobs<Table>>>;

/// What of a gateway keeps in touch with workers.
using gateway_actor = caf::typed_actor<caf::replies_to<leaving>::with<released>>;

/// What of a gateway sends jobs.
template <class Table>
using job_sender_actor = caf::typed_actor<caf::reacts_to<job_results<Table>>>;

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

template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, once<Table>& x) {
  auto what = detail::as_field(x.what);
  return f(x.key, what, x.kept_for);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, once_reply<Table>& x) {
  auto row = detail::as_field(x.row);
  return f(row, x.replayed);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, job<Table>& x) {
  auto what = detail::as_field(x.what);
  return f(x.number, what);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, jobs<Table>& x) {
  return f(x.all);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, job_result<Table>& x) {
  auto reply = detail::as_field(x.reply);
  return f(x.number, reply);
}
template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, job_results<Table>& x) {
  return f(x.all);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, enlist&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, enlisted&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, leaving&) {
  return f();
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, released&) {
  return f();
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
      .template add_message_type<remove<Table>>(prefix + "remove")
      .template add_message_type<once<Table>>(prefix + "once")
      .template add_message_type<once_reply<Table>>(prefix + "once_reply")
      .template add_message_type<jobs<Table>>(prefix + "jobs")
      .template add_message_type<job_results<Table>>(prefix + "job_results");
}

/// Makes the messages known that nodes exchange about themselves.
inline void add_node_message_types(caf::actor_system_config& config) {
  config.add_message_type<enlist>("enlist")
      .add_message_type<enlisted>("enlisted")
      .add_message_type<leaving>("leaving")
      .add_message_type<released>("released");
}

}  // namespace troupe::actors
