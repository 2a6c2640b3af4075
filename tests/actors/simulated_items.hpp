// A model of the database and of the item actors of a worker: right, slow, and now and then out of order.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "actors/errors.hpp"
#include "actors/messages.hpp"
#include "tests/actors/later.hpp"

namespace troupe::test {

/// All that the workers have in common.
class simulated_database {
 public:
  using table = db::item_table;

  std::map<std::int64_t, db::item> rows;
  /// How often a change with this name (of a removal: this key) was made.
  std::map<std::string, int> made;

  db::item insert(db::item row) {
    row.key() = ++last_key_;
    return rows[row.key()] = std::move(row);
  }

  actors::reply_of<table> execute(const actors::find<table>& what) {
    const auto found = rows.find(what.key);
    if (found == rows.end()) return actors::no_such_row<table>();
    return found->second;
  }
  actors::reply_of<table> execute(const actors::list<table>& what) {
    actors::rows<table> out;
    for (const auto& [key, row] : rows)
      if (key > what.skip && static_cast<std::int64_t>(out.size()) < what.limit) out.push_back(row);
    return out;
  }
  actors::reply_of<table> execute(const actors::create<table>& what) {
    ++made[what.row.get<"name">()];
    return insert(what.row);
  }
  actors::reply_of<table> execute(const actors::replace<table>& what) { return set(what.row); }
  actors::reply_of<table> execute(const actors::update<table>& what) { return set(what.row); }
  actors::reply_of<table> execute(const actors::remove<table>& what) {
    ++made[std::to_string(what.key)];
    if (rows.erase(what.key) == 0) return actors::no_such_row<table>();
    return what.key;
  }
  actors::reply_of<table> execute(const actors::once<table>& what) {
    if (const auto known = keys_.find(what.key); known != keys_.end()) {
      auto out = known->second;
      out.replayed = true;
      return out;
    }
    const auto reply = std::visit([this](const auto& each) { return execute(each); }, what.what);
    actors::once_reply<table> out;
    if (const auto* row = std::get_if<db::item>(&reply)) out.row = *row;
    if (const auto* key = std::get_if<std::int64_t>(&reply)) out.row = db::item{{"", std::nullopt, *key}};
    return keys_[what.key] = out;
  }

 private:
  actors::reply_of<table> set(const db::item& row) {
    ++made[row.get<"name">()];
    const auto found = rows.find(row.key());
    if (found == rows.end()) return actors::no_such_row<table>();
    return found->second = row;
  }

  std::int64_t last_key_ = 0;
  std::map<std::string, actors::once_reply<table>> keys_;
};

/// How much goes wrong in item actors, of a hundred requests.
struct item_troubles {
  /// Refused with an error that says that nothing was done.
  int refused = 0;
  /// Done or not, answered outcome_unknown.
  int unknown = 0;
  /// Answered when nobody waits any more.
  int late = 0;
};

using simulated_items_actor = actors::item_actor::extend<caf::reacts_to<later>>;

class simulated_items_state {
 public:
  const char* name = "simulated items";
  using table = db::item_table;
  using pointer = simulated_items_actor::pointer;

  void start(pointer self, simulated_database* database, const item_troubles& troubles, std::uint64_t seed) {
    self_ = self;
    database_ = database;
    troubles_ = troubles;
    random_.seed(seed);
  }

  template <class Request>
  caf::typed_response_promise<actors::reply_to<table, Request>> take(const Request& what) {
    using reply = actors::reply_to<table, Request>;
    auto to = self_->make_response_promise<reply>();
    const auto answer = [to](const actors::reply_of<table>& with) {
      auto promise = to;
      if (const auto* failed = std::get_if<db::error>(&with))
        promise.deliver(actors::to_caf(*failed));
      else
        promise.deliver(std::get<reply>(with));
    };
    const bool reads =
        std::is_same_v<Request, actors::find<table>> || std::is_same_v<Request, actors::list<table>>;
    int luck = draw(100);
    if ((luck -= troubles_.refused) < 0) {
      constexpr db::errc codes[] = {db::errc::unavailable, db::errc::connection_lost, db::errc::overloaded};
      after(draw(30), [answer, code = codes[draw(3)]] { answer(db::error{code, "refused"}); });
    } else if (!reads && (luck -= troubles_.unknown) < 0) {
      after(draw(30), [this, what, answer, done = draw(2) == 0] {
        if (done) database_->execute(what);
        answer(db::error{db::errc::outcome_unknown, "lost"});
      });
    } else {
      const int wait = (luck -= troubles_.late) < 0 ? 1500 + draw(1500) : draw(30);
      after(draw(30), [this, what, answer, wait] {
        after(wait, [answer, with = database_->execute(what)] { answer(with); });
      });
    }
    return to;
  }

 private:
  int draw(int below) { return static_cast<int>(random_() % static_cast<std::uint64_t>(below)); }
  void after(int wait, std::function<void()> what) {
    self_->delayed_send(self_, std::chrono::milliseconds{wait}, later{std::move(what)});
  }

  pointer self_ = nullptr;
  simulated_database* database_ = nullptr;
  item_troubles troubles_;
  std::mt19937_64 random_;
};

inline simulated_items_actor::behavior_type simulated_items(
    simulated_items_actor::stateful_pointer<simulated_items_state> self, simulated_database* database,
    const item_troubles& troubles, std::uint64_t seed) {
  using table = db::item_table;
  auto* state = &self->state;
  state->start(self, database, troubles, seed);
  return {
      [state](const actors::find<table>& m) { return state->take(m); },
      [state](const actors::list<table>& m) { return state->take(m); },
      [state](const actors::create<table>& m) { return state->take(m); },
      [state](const actors::replace<table>& m) { return state->take(m); },
      [state](const actors::update<table>& m) { return state->take(m); },
      [state](const actors::remove<table>& m) { return state->take(m); },
      [state](const actors::once<table>& m) { return state->take(m); },
      [](const later& m) { m.run(); },
  };
}

}  // namespace troupe::test
