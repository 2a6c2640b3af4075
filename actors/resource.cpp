// What each request to a resource asks of the database, and how the rows become its reply.
#include "actors/resource.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "actors/errors.hpp"
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

template <class Promise, class Reply>
void deliver(Promise& to, reading<Reply> what) {
  if (what)
    to.deliver(std::move(*what));
  else
    to.deliver(to_caf(what.error()));
}

// Whether the statement itself is at fault, so that its rows may do better one by one.
bool blames_a_row(db::errc code) {
  return code == db::errc::invalid_value || code == db::errc::value_too_long ||
         code == db::errc::statement_failed || code == db::errc::schema_mismatch;
}

std::size_t text_size(const std::string& text) { return text.size(); }
template <class T>
std::size_t text_size(const std::optional<T>& value) {
  return value ? text_size(*value) : 0;
}
template <class T>
std::size_t text_size(const T&) {
  return sizeof(T);
}

}  // namespace

template <class Table>
std::size_t resource_state<Table>::pending_create::size_in_bytes() const {
  return std::apply([](const auto&... values) { return (text_size(values) + ...); }, row.values);
}

template <class Table>
void resource_state<Table>::start(pointer self, const pool_actor& database, const batch_settings& settings) {
  self_ = self;
  database_ = database;
  finds_ = batch_queue<pending_find>{settings};
  creates_ = batch_queue<pending_create>{settings};
  lists_ = batch_queue<pending_list>{settings};
}

template <class Table>
template <class OnRows, class OnError>
void resource_state<Table>::execute(db::operation what, db::parameters with,
                                    caf::actor_clock::time_point deadline, OnRows on_rows, OnError on_error) {
  query_ptr to_send =
      std::make_shared<const query>(query{&db::statement_for<Table>(what), std::move(with), deadline});
  self_->request(database_, caf::infinite, std::move(to_send)).then(std::move(on_rows), std::move(on_error));
}

template <class Table>
template <class Reply, class Read>
caf::typed_response_promise<Reply> resource_state<Table>::ask(db::operation what, db::parameters with,
                                                              time_budget within, Read read) {
  auto to = self_->template make_response_promise<Reply>();
  execute(
      what, std::move(with), self_->clock().now() + within,
      [to, read](const db::result& from) mutable { deliver(to, read(from)); },
      [to](caf::error& failed) mutable { to.deliver(std::move(failed)); });
  return to;
}

template <class Table>
template <class Request, class Promise>
Promise resource_state<Table>::keep(batch_queue<Request>& queue, Request what, Promise to) {
  if (queue.full())
    to.deliver(to_caf({db::errc::overloaded, "Too many requests wait for the database."}));
  else
    queue.push(std::move(what));
  return to;
}

template <class Table>
template <class Request>
std::vector<Request> resource_state<Table>::take(batch_queue<Request>& queue) {
  return queue.take(self_->clock().now(), [](Request& late) {
    late.to.deliver(to_caf({db::errc::deadline_exceeded, "The database was too busy to answer in time."}));
  });
}

template <class Table>
typename resource_state<Table>::row_answer resource_state<Table>::accept(const find<Table>& what) {
  auto to = self_->template make_response_promise<db::row<Table>>();
  keep(finds_, pending_find{what.key, self_->clock().now() + what.within, to}, to);
  send_finds();
  return to;
}

template <class Table>
typename resource_state<Table>::row_answer resource_state<Table>::accept(create<Table>& what) {
  auto to = self_->template make_response_promise<db::row<Table>>();
  keep(creates_, pending_create{std::move(what.row), self_->clock().now() + what.within, to}, to);
  send_creates();
  return to;
}

template <class Table>
typename resource_state<Table>::rows_answer resource_state<Table>::accept(const list<Table>& what) {
  auto to = self_->template make_response_promise<rows<Table>>();
  keep(lists_, pending_list{what.skip, what.limit, self_->clock().now() + what.within, to}, to);
  send_lists();
  return to;
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

template <class Table>
void resource_state<Table>::send_finds() {
  while (finds_.may_send(self_->clock().now())) {
    auto batch = take(finds_);
    if (batch.empty()) continue;
    // The last to arrive has the longest to wait; who waits less was promised no more than that.
    const auto deadline = batch.back().deadline;
    std::vector<std::int64_t> keys;
    for (const auto& each : batch) keys.push_back(each.key);
    const bool single = batch.size() == 1;
    auto with = single ? db::find_parameters<Table>(keys[0]) : db::find_many_parameters<Table>(keys);
    auto shared = std::make_shared<std::vector<pending_find>>(std::move(batch));
    const auto ticket = finds_.sent(deadline);
    execute(
        single ? db::operation::find : db::operation::find_many, std::move(with), deadline,
        [this, shared, ticket](const db::result& from) {
          finds_.done(ticket);
          // Before the answers: what waits is sent while they are written.
          send_finds();
          if (shared->size() == 1) return deliver(shared->front().to, one_row<Table>(from));
          deliver_by_key(*shared, from);
        },
        [this, shared, ticket](const caf::error& failed) {
          finds_.done(ticket);
          for (auto& each : *shared) each.to.deliver(failed);
          send_finds();
        });
  }
}

template <class Table>
void resource_state<Table>::send_creates() {
  while (creates_.may_send(self_->clock().now())) {
    auto batch = take(creates_);
    if (batch.empty()) continue;
    const auto deadline = batch.back().deadline;
    const bool single = batch.size() == 1;
    std::vector<const db::row<Table>*> all;
    for (const auto& each : batch) all.push_back(&each.row);
    auto with = single ? db::insert_parameters(batch.front().row) : db::insert_many_parameters<Table>(all);
    auto shared = std::make_shared<std::vector<pending_create>>(std::move(batch));
    const auto ticket = creates_.sent(deadline);
    execute(
        single ? db::operation::insert : db::operation::insert_many, std::move(with), deadline,
        [this, shared, ticket](const db::result& from) {
          creates_.done(ticket);
          send_creates();
          for (std::size_t i = 0; i < shared->size(); ++i) {
            auto& each = (*shared)[i];
            if (static_cast<std::size_t>(from.size()) == shared->size())
              deliver(each.to, db::decode_row<Table>(from, static_cast<int>(i)));
            else
              // A trigger dropped rows or changed keys: which is whose cannot be told.
              each.to.deliver(
                  to_caf({db::errc::schema_mismatch, "The database did not return each new row."}));
          }
        },
        [this, shared, ticket](const caf::error& failed) {
          creates_.done(ticket);
          const bool retry = shared->size() > 1 && blames_a_row(from_caf(failed).code);
          for (auto& each : *shared) {
            if (retry)
              create_alone(std::move(each));
            else
              each.to.deliver(failed);
          }
          send_creates();
        });
  }
}

template <class Table>
void resource_state<Table>::create_alone(pending_create what) {
  auto to = what.to;
  execute(
      db::operation::insert, db::insert_parameters(what.row), what.deadline,
      [to](const db::result& from) mutable { deliver(to, one_row<Table>(from)); },
      [to](caf::error& failed) mutable { to.deliver(std::move(failed)); });
}

template <class Table>
void resource_state<Table>::send_lists() {
  while (lists_.may_send(self_->clock().now())) {
    auto batch = take(lists_);
    if (batch.empty()) continue;
    std::stable_sort(batch.begin(), batch.end(), [](const auto& a, const auto& b) {
      return std::pair{a.skip, a.limit} < std::pair{b.skip, b.limit};
    });
    // Equal ones share a statement; the different ones of a batch go into the pipeline together.
    for (auto begin = batch.begin(); begin != batch.end();) {
      const auto end = std::find_if(begin, batch.end(), [&](const auto& each) {
        return each.skip != begin->skip || each.limit != begin->limit;
      });
      send_list({std::make_move_iterator(begin), std::make_move_iterator(end)});
      begin = end;
    }
  }
}

template <class Table>
void resource_state<Table>::send_list(std::vector<pending_list> equal) {
  const auto skip = equal.front().skip;
  const auto limit = equal.front().limit;
  const auto deadline = equal.back().deadline;
  auto shared = std::make_shared<std::vector<pending_list>>(std::move(equal));
  const auto ticket = lists_.sent(deadline);
  execute(
      db::operation::list, db::list_parameters<Table>(skip, limit), deadline,
      [this, shared, ticket](const db::result& from) {
        lists_.done(ticket);
        send_lists();
        const auto reply = all_rows<Table>(from);
        for (auto& each : *shared) deliver(each.to, reply);
      },
      [this, shared, ticket](const caf::error& failed) {
        lists_.done(ticket);
        for (auto& each : *shared) each.to.deliver(failed);
        send_lists();
      });
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
  };
}

template item_actor::behavior_type resource<db::item_table>(
    item_actor::stateful_pointer<resource_state<db::item_table>>, const pool_actor&, const batch_settings&);

}  // namespace troupe::actors
