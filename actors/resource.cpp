// What each request to a resource asks of the database, and how the rows become its reply.
#include "actors/resource.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "actors/errors.hpp"
#include "actors/message_size.hpp"
#include "actors/supervision.hpp"
#include "db/codec.hpp"
#include "db/statements.hpp"

namespace troupe::actors {

namespace {

/// The reply made of a statement's rows, or why there is none.
template <class Reply>
using reading = tl::expected<Reply, db::error>;

template <class Table>
reading<db::row<Table>> one_row(const db::result& from) {
  if (from.size() == 0) return tl::unexpected{no_such_row<Table>()};
  return db::decode_row<Table>(from, 0);
}

// The row that was to be inserted, where there is one.
template <class Table>
reading<db::row<Table>> new_row(const db::result& from, int index) {
  if (index >= 0 && index < from.size()) return db::decode_row<Table>(from, index);
  return tl::unexpected{
      db::error{db::errc::schema_mismatch,
                "The database did not return the new row: a trigger dropped or changed it."}};
}

template <class Table>
reading<rows<Table>> all_rows(const db::result& from) {
  rows<Table> out;
  out.reserve(static_cast<std::size_t>(from.size()));
  for (int i = 0; i < from.size(); ++i) {
    auto row = db::decode_row<Table>(from, i);
    if (!row) return tl::unexpected{std::move(row.error())};
    out.push_back(std::move(*row));
  }
  return out;
}

template <class Table>
reading<std::int64_t> removed_key(const db::result& from) {
  if (from.size() == 0) return tl::unexpected{no_such_row<Table>()};
  std::int64_t key = 0;
  if (!db::decode(from.get(), 0, 0, key))
    return tl::unexpected{db::error{db::errc::schema_mismatch, "The key of the table is not an integer."}};
  return key;
}

template <class Reply>
void deliver(caf::typed_response_promise<Reply>& to, reading<Reply> what) {
  // The typed one would return a copy of itself.
  caf::response_promise& promise = to;
  if (what)
    promise.deliver(std::move(*what));
  else
    promise.deliver(to_caf(what.error()));
}

template <class Request>
void refuse_late(Request& asker) {
  asker.to.deliver(to_caf({db::errc::deadline_exceeded, "The database was too busy to answer in time."}));
}

// Those who were answered before get nothing more.
template <class Request>
void refuse_all(std::vector<Request>& askers, const caf::error& failed) {
  for (auto& each : askers)
    if (each.to.pending()) each.to.deliver(failed);
}

// Runs what is done for many askers. If it throws, all of them who still wait get the error.
template <class Request, class F>
void contain_for(const char* actor, std::vector<Request>& askers, F&& what) {
  try {
    what();
  } catch (...) {
    refuse_all(askers, to_caf(fault_in(actor)));
  }
}

// Whether the statement itself is at fault, so that its rows may do better one by one.
bool blames_a_row(db::errc code) {
  return code == db::errc::invalid_value || code == db::errc::value_too_long ||
         code == db::errc::statement_failed || code == db::errc::schema_mismatch;
}

}  // namespace

template <class Table>
std::size_t resource_state<Table>::pending_create::size_in_bytes() const {
  return size_of(row);
}

template <class Table>
void resource_state<Table>::start(pointer self, const pool_actor& database, const batch_settings& settings) {
  self_ = self;
  database_ = database;
  finds_ = batch_queue<pending_find>{settings};
  creates_ = batch_queue<pending_create>{settings};
  auto for_lists = settings;
  for_lists.in_flight = settings.lists_in_flight;
  lists_ = batch_queue<pending_list>{for_lists};
  once_.emplace([this](db::operation what, db::parameters with, caf::actor_clock::time_point deadline,
                       const std::function<void(const db::result&)>& on_rows,
                       const std::function<void(const db::error&)>& on_error) {
    execute(what, std::move(with), deadline, on_rows,
            [on_error](const caf::error& failed) { on_error(from_caf(failed)); });
  });
}

template <class Table>
template <class OnRows, class OnError>
void resource_state<Table>::execute(db::operation what, db::parameters with, time_point deadline,
                                    OnRows on_rows, OnError on_error) {
  query_ptr to_send =
      std::make_shared<const query>(query{&db::statement_for<Table>(what), std::move(with), deadline});
  self_->request(database_, caf::infinite, std::move(to_send)).then(std::move(on_rows), std::move(on_error));
}

template <class Table>
template <class Reply, class Read>
caf::delegated<Reply> resource_state<Table>::ask(db::operation what, db::parameters with, time_budget within,
                                                 Read read) {
  auto to = self_->template make_response_promise<Reply>();
  contain(name, to, [&] {
    execute(
        what, std::move(with), self_->clock().now() + within,
        [to, read](const db::result& from) mutable {
          contain(resource_state::name, to, [&] { deliver(to, read(from)); });
        },
        [to](caf::error& failed) mutable { to.deliver(std::move(failed)); });
  });
  return {};
}

template <class Table>
template <class Request>
void resource_state<Table>::keep(batch_queue<Request>& queue, Request&& what) {
  if (queue.full())
    what.to.deliver(to_caf({db::errc::overloaded, "Too many requests wait for the database."}));
  else
    contain(name, what.to, [&] { queue.push(std::forward<Request>(what)); });
}

template <class Table>
caf::delegated<db::row<Table>> resource_state<Table>::accept(const find<Table>& what) {
  const auto now = self_->clock().now();
  keep(finds_,
       pending_find{what.key, now + what.within, self_->template make_response_promise<db::row<Table>>()});
  send_finds(now);
  return {};
}

template <class Table>
caf::delegated<db::row<Table>> resource_state<Table>::accept(create<Table>& what) {
  const auto now = self_->clock().now();
  keep(creates_, pending_create{std::move(what.row), now + what.within,
                                self_->template make_response_promise<db::row<Table>>()});
  send_creates(now);
  return {};
}

template <class Table>
caf::delegated<rows<Table>> resource_state<Table>::accept(const list<Table>& what) {
  const auto now = self_->clock().now();
  keep(lists_, pending_list{what.skip, what.limit, now + what.within,
                            self_->template make_response_promise<rows<Table>>()});
  send_lists(now);
  return {};
}

// Gives each asker the row with its key, whatever the order of the rows.
template <class Table>
void resource_state<Table>::deliver_by_key(std::vector<pending_find>& askers, const db::result& from) {
  std::vector<std::pair<std::int64_t, int>> keys;
  keys.reserve(static_cast<std::size_t>(from.size()));
  // What is answered where no row has the key; a key that cannot be read may be anybody's.
  db::error absent = no_such_row<Table>();
  for (int i = 0; i < from.size(); ++i) {
    std::int64_t key = 0;
    if (db::decode(from.get(), i, static_cast<int>(db::key_index<Table>()), key))
      keys.emplace_back(key, i);
    else
      absent = {db::errc::schema_mismatch, "The key of the table is not an integer."};
  }
  std::sort(keys.begin(), keys.end());
  for (auto& each : askers) {
    const auto it = std::lower_bound(keys.begin(), keys.end(), std::pair{each.key, 0});
    const bool there = it != keys.end() && it->first == each.key;
    if (there)
      deliver(each.to, db::decode_row<Table>(from, it->second));
    else
      each.to.deliver(to_caf(absent));
  }
}

// One statement for a batch: what waits leaves before the answers are written, so that PostgreSQL works
// meanwhile.
template <class Table>
template <class Request, class MakeParameters, class OnRows, class OnError>
void resource_state<Table>::send_batch(batch_queue<Request>& queue,
                                       void (resource_state::*send_next)(time_point), db::operation what,
                                       std::vector<Request> batch, MakeParameters make_parameters,
                                       OnRows on_rows, OnError on_error) {
  // The last to arrive has the longest to wait; who waits less was promised no more than that.
  const auto deadline = batch.back().deadline;
  const auto ticket = queue.sent(deadline);
  const auto done = [this, &queue, send_next, ticket] {
    queue.done(ticket);
    (this->*send_next)(self_->clock().now());
  };
  std::shared_ptr<std::vector<Request>> shared;
  try {
    shared = std::make_shared<std::vector<Request>>(std::move(batch));
    execute(
        what, make_parameters(*shared), deadline,
        [shared, done, on_rows](const db::result& from) {
          contain_for(resource_state::name, *shared, [&] {
            done();
            on_rows(*shared, from);
          });
        },
        [shared, done, on_error](const caf::error& failed) {
          contain_for(resource_state::name, *shared, [&] { on_error(*shared, failed); });
          done();
        });
  } catch (...) {
    // Whoever called goes on with what waits.
    queue.done(ticket);
    refuse_all(shared ? *shared : batch, to_caf(fault_in(name)));
  }
}

template <class Table>
void resource_state<Table>::send_finds(time_point now) {
  while (finds_.may_send(now)) {
    auto batch = finds_.take(now, refuse_late<pending_find>);
    if (batch.empty()) continue;
    if (batch.size() == 1) {
      send_batch(
          finds_, &resource_state::send_finds, db::operation::find, std::move(batch),
          [](const auto& asker) { return db::find_parameters<Table>(asker.front().key); },
          [](auto& asker, const db::result& from) { deliver(asker.front().to, one_row<Table>(from)); },
          refuse_all<pending_find>);
      continue;
    }
    send_batch(
        finds_, &resource_state::send_finds, db::operation::find_many, std::move(batch),
        [](const auto& askers) {
          std::vector<std::int64_t> keys;
          keys.reserve(askers.size());
          for (const auto& each : askers) keys.push_back(each.key);
          return db::find_many_parameters<Table>(keys);
        },
        deliver_by_key, refuse_all<pending_find>);
  }
}

// Gives each asker the new row with its number, which stands behind the columns.
template <class Table>
void resource_state<Table>::deliver_by_number(std::vector<pending_create>& askers, const db::result& from) {
  std::vector<int> row_of(askers.size(), -1);
  for (int i = 0; i < from.size(); ++i) {
    std::int64_t number = 0;
    const auto count = static_cast<std::int64_t>(askers.size());
    if (db::decode(from.get(), i, static_cast<int>(db::column_count<Table>), number) && number >= 1 &&
        number <= count)
      row_of[static_cast<std::size_t>(number - 1)] = i;
  }
  for (std::size_t i = 0; i < askers.size(); ++i) deliver(askers[i].to, new_row<Table>(from, row_of[i]));
}

template <class Table>
void resource_state<Table>::send_creates(time_point now) {
  while (creates_.may_send(now)) {
    auto batch = creates_.take(now, refuse_late<pending_create>);
    if (batch.empty()) continue;
    if (batch.size() == 1) {
      send_batch(
          creates_, &resource_state::send_creates, db::operation::insert, std::move(batch),
          [](const auto& asker) { return db::insert_parameters(asker.front().row); },
          [](auto& asker, const db::result& from) { deliver(asker.front().to, new_row<Table>(from, 0)); },
          refuse_all<pending_create>);
      continue;
    }
    send_batch(
        creates_, &resource_state::send_creates, db::operation::insert_many, std::move(batch),
        [](const auto& askers) {
          std::vector<const db::row<Table>*> all;
          all.reserve(askers.size());
          for (const auto& each : askers) all.push_back(&each.row);
          return db::insert_many_parameters<Table>(all);
        },
        deliver_by_number,
        [this](std::vector<pending_create>& askers, const caf::error& failed) {
          if (!blames_a_row(from_caf(failed).code)) return refuse_all(askers, failed);
          for (auto& each : askers) create_alone(std::move(each));
        });
  }
}

template <class Table>
void resource_state<Table>::create_alone(pending_create what) {
  auto to = what.to;
  contain(name, to, [&] {
    execute(
        db::operation::insert, db::insert_parameters(what.row), what.deadline,
        [to](const db::result& from) mutable {
          contain(resource_state::name, to, [&] { deliver(to, new_row<Table>(from, 0)); });
        },
        [to](caf::error& failed) mutable { to.deliver(std::move(failed)); });
  });
}

// Equal lists share a statement.
template <class Table>
void resource_state<Table>::send_lists(time_point now) {
  while (lists_.may_send(now)) {
    auto equal = lists_.take_equal(
        now,
        [](const pending_list& a, const pending_list& b) { return a.skip == b.skip && a.limit == b.limit; },
        refuse_late<pending_list>);
    if (equal.empty()) continue;
    const auto skip = equal.front().skip;
    const auto limit = equal.front().limit;
    send_batch(
        lists_, &resource_state::send_lists, db::list_operation(skip, limit), std::move(equal),
        [=](const auto&) { return db::list_parameters<Table>(skip, limit); },
        [](auto& askers, const db::result& from) {
          auto reply = all_rows<Table>(from);
          for (auto& each : askers)
            if (&each != &askers.back()) deliver(each.to, reply);
          deliver(askers.back().to, std::move(reply));
        },
        refuse_all<pending_list>);
  }
}

template <class Table>
caf::delegated<once_reply<Table>> resource_state<Table>::accept(const once<Table>& what) {
  auto to = self_->template make_response_promise<once_reply<Table>>();
  contain(name, to, [&] { once_->make(what, self_->clock().now(), to); });
  return {};
}

template <class Table>
typename resource_actor<Table>::behavior_type resource(
    typename resource_actor<Table>::template stateful_pointer<resource_state<Table>> self,
    const pool_actor& database, const batch_settings& settings) {
  self->state.start(self, database, settings);
  using db::operation;
  return {
      [self](const find<Table>& m) { return self->state.accept(m); },
      [self](const list<Table>& m) { return self->state.accept(m); },
      [self](create<Table>& m) { return self->state.accept(m); },
      [self](const replace<Table>& m) {
        return self->state.template ask<db::row<Table>>(operation::replace, db::replace_parameters(m.row),
                                                        m.within, one_row<Table>);
      },
      [self](const update<Table>& m) {
        // Nothing to change: a plain read, which leaves no dead row version behind.
        if (m.given == 0) return self->state.accept(find<Table>{m.row.key(), m.within});
        return self->state.template ask<db::row<Table>>(
            operation::update, db::update_parameters(m.row, m.given), m.within, one_row<Table>);
      },
      [self](const remove<Table>& m) {
        return self->state.template ask<std::int64_t>(operation::remove, db::remove_parameters<Table>(m.key),
                                                      m.within, removed_key<Table>);
      },
      [self](const once<Table>& m) { return self->state.accept(m); },
  };
}

template item_actor::behavior_type resource<db::item_table>(
    item_actor::stateful_pointer<resource_state<db::item_table>>, const pool_actor&, const batch_settings&);

}  // namespace troupe::actors
