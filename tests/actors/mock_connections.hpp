// A pool under test with mock connections that hold each query until the test answers it.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/pool.hpp"
#include "tests/actors/deterministic.hpp"
#include "tests/actors/results.hpp"

namespace troupe::test {

class mock_connection_state;

/// Something that a mock connection is told to do.
struct order {
  std::function<void(mock_connection_state&)> run;
};

using mock_connection = actors::connection_actor::extend<caf::reacts_to<order>>;

class mock_connection_state {
 public:
  const char* name = "mock connection";
  mock_connection::pointer self = nullptr;
  std::deque<std::pair<actors::query_ptr, caf::typed_response_promise<db::result>>> held;

  void answer_oldest(const db::result& with) {
    if (held.empty()) return void(ADD_FAILURE() << "nothing was sent on this connection");
    held.front().second.deliver(with);
    held.pop_front();
  }
  void fail_oldest(const db::error& with) {
    if (held.empty()) return void(ADD_FAILURE() << "nothing was sent on this connection");
    held.front().second.deliver(actors::to_caf(with));
    held.pop_front();
  }
  /// Ends as connection_actor promises to: each query that reached it is answered.
  void lose(const std::string& why, db::errc code) {
    while (!held.empty()) {
      const bool writes = held.front().first->statement->writes;
      fail_oldest({writes ? db::errc::outcome_unknown : db::errc::connection_lost, why});
    }
    self->quit(actors::to_caf({code, why}));
  }
};

class pool_fixture : public deterministic {
 protected:
  /// A connection that the pool had made.
  struct made {
    actors::slot_index slot;
    time_point at;
    mock_connection actor;
    /// What was sent on it, in order.
    std::shared_ptr<std::vector<actors::query_ptr>> sent;
  };

  actors::pool_actor start_pool(const actors::pool_settings& settings,
                                const actors::migrator_actor& schema = {}) {
    pool = spawn(actors::pool, settings,
                 actors::connection_factory{[this](actors::slot_index slot, const actors::pool_actor&) {
                   return connections.emplace_back(make(slot)).actor;
                 }},
                 schema);
    run();
    return pool;
  }

  /// A pool of `size` connections that are all ready.
  void start_ready_pool(actors::pool_settings settings) {
    start_pool(settings);
    for (std::size_t i = 0; i < settings.size; ++i) make_ready(i);
  }

  /// Lets the connection with this number, in the order they were made, say that it is ready.
  void make_ready(std::size_t number) {
    caf::anon_send(pool, actors::connection_ready{connections.at(number).slot});
    run();
  }

  /// Tells a connection to do something, once somebody runs it.
  void tell(std::size_t number, std::function<void(mock_connection_state&)> what) {
    caf::anon_send(connections.at(number).actor, order{std::move(what)});
  }
  void answer_oldest(std::size_t number, const db::result& with) {
    tell(number, [with](auto& it) { it.answer_oldest(with); });
    run();
  }
  void lose(std::size_t number, const std::string& why = "gone", db::errc code = db::errc::connection_lost) {
    tell(number, [why, code](auto& it) { it.lose(why, code); });
    run();
  }

  actors::query_ptr make_query(bool writes, time_point deadline = time_point::max()) const {
    return std::make_shared<const actors::query>(actors::query{writes ? &write_ : &read_, {}, deadline});
  }
  actors::query_ptr read() const { return make_query(false); }
  actors::query_ptr write() const { return make_query(true); }

  answer_ptr<db::result> execute(const actors::query_ptr& what) { return ask<db::result>(pool, what); }

  actors::pool_status status() {
    return ask<actors::pool_status>(pool, actors::status_request{})->value.value();
  }

  std::size_t sent_on(std::size_t number) const { return connections.at(number).sent->size(); }

  actors::pool_actor pool;
  /// All that were ever made, also the dead.
  std::deque<made> connections;

 private:
  static mock_connection::behavior_type behavior(
      mock_connection::stateful_pointer<mock_connection_state> self,
      const std::shared_ptr<std::vector<actors::query_ptr>>& sent) {
    self->state.self = self;
    return {
        [self, sent](const actors::query_ptr& what) {
          auto to = self->make_response_promise<db::result>();
          sent->push_back(what);
          self->state.held.emplace_back(what, to);
          return to;
        },
        [self](const order& what) { what.run(self->state); },
    };
  }

  made make(actors::slot_index slot) {
    auto sent = std::make_shared<std::vector<actors::query_ptr>>();
    auto actor = spawn(behavior, sent);
    return {slot, now(), actor, sent};
  }

  db::statement read_{"read", "SELECT 1", {}, false};
  db::statement write_{"write", "DELETE FROM items", {}, true};
};

}  // namespace troupe::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::test::order)
