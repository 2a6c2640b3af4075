// The item actor, for any table: turns requests into statements, many into one, and rows into replies.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/delegated.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "actors/batch.hpp"
#include "actors/local_messages.hpp"
#include "actors/messages.hpp"
#include "actors/once.hpp"
#include "actors/settings.hpp"

namespace troupe::actors {

/// What the actor of a table knows.
template <class Table>
class resource_state {
 public:
  static constexpr const char* name = Table::singular;

  using pointer = typename resource_actor<Table>::pointer;
  using time_point = caf::actor_clock::time_point;
  using row_answer = caf::typed_response_promise<db::row<Table>>;
  using rows_answer = caf::typed_response_promise<rows<Table>>;

  void start(pointer self, const pool_actor& database, const batch_settings& settings);

  // Each is answered later, by a promise.
  caf::delegated<db::row<Table>> accept(const find<Table>& what);
  caf::delegated<rows<Table>> accept(const list<Table>& what);
  caf::delegated<db::row<Table>> accept(create<Table>& what);
  caf::delegated<once_reply<Table>> accept(const once<Table>& what);

  /// Has one statement executed on its own; answers with what `read` makes of its rows.
  template <class Reply, class Read>
  caf::delegated<Reply> ask(db::operation what, db::parameters with, time_budget within, Read read);

 private:
  struct pending_find {
    std::int64_t key;
    time_point deadline;
    row_answer to;
    static std::size_t size_in_bytes() { return sizeof(std::int64_t); }
  };
  struct pending_create {
    db::row<Table> row;
    time_point deadline;
    row_answer to;
    std::size_t size_in_bytes() const;
  };
  struct pending_list {
    std::int64_t skip;
    std::int64_t limit;
    time_point deadline;
    rows_answer to;
    static std::size_t size_in_bytes() { return 2 * sizeof(std::int64_t); }
  };

  // Sends what waits, as far as statements may be under way.
  void send_finds(time_point now);
  static void deliver_by_key(std::vector<pending_find>& askers, const db::result& from);
  static void deliver_by_number(std::vector<pending_create>& askers, const db::result& from);
  void send_creates(time_point now);
  void send_lists(time_point now);
  // Each alone, so that only the bad one fails.
  void create_alone(pending_create what);

  template <class Request>
  void keep(batch_queue<Request>& queue, Request&& what);
  template <class Request, class MakeParameters, class OnRows, class OnError>
  void send_batch(batch_queue<Request>& queue, void (resource_state::*send_next)(time_point),
                  db::operation what, std::vector<Request> batch, MakeParameters make_parameters,
                  OnRows on_rows, OnError on_error);
  template <class OnRows, class OnError>
  void execute(db::operation what, db::parameters with, time_point deadline, OnRows on_rows,
               OnError on_error);

  pointer self_ = nullptr;
  pool_actor database_;
  batch_queue<pending_find> finds_;
  batch_queue<pending_create> creates_;
  batch_queue<pending_list> lists_;
  std::optional<changes_once<Table>> once_;
};

/// The behavior of the actor that answers for a table and has its statements executed by `database`.
template <class Table>
typename resource_actor<Table>::behavior_type resource(
    typename resource_actor<Table>::template stateful_pointer<resource_state<Table>> self,
    const pool_actor& database, const batch_settings& settings);

extern template item_actor::behavior_type resource<db::item_table>(
    item_actor::stateful_pointer<resource_state<db::item_table>>, const pool_actor&, const batch_settings&);

}  // namespace troupe::actors
