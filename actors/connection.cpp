// The life of a connection actor: connecting, executing in FIFO order, failing what is in flight.
#include "actors/connection.hpp"

#include <spdlog/spdlog.h>

#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "actors/errors.hpp"
#include "actors/supervision.hpp"

namespace troupe::actors {

namespace {

/// The socket is ready, or names are resolved.
struct proceed {};
/// The connect timeout has passed.
struct give_up {};
/// Time to see whether PostgreSQL still answers.
struct check_answers {};

/// What the connection tells itself besides what the pool sends.
using inner_actor =
    connection_actor::extend<caf::reacts_to<proceed>, caf::reacts_to<give_up>, caf::reacts_to<check_answers>>;

class connection_state {
 public:
  static constexpr const char* name = "connection";

  void start(inner_actor::pointer self, lane& home, std::shared_ptr<const session_settings> settings,
             std::span<const db::statement* const> statements, slot_index slot, const pool_actor& owner) {
    self_ = self;
    settings_ = std::move(settings);
    slot_ = slot;
    owner_ = owner;
    self_->delayed_send(self_, settings_->connection.connect_timeout, give_up{});
    session_.emplace(home, *settings_, statements, [address = caf::actor_cast<caf::weak_actor_ptr>(self)] {
      if (const auto target = address.lock()) caf::anon_send(caf::actor_cast<inner_actor>(target), proceed{});
    });
  }

  /// Does something for the connection. If that throws, nobody knows how far it came: the connection ends
  /// like one that is lost, so that all who wait are answered.
  template <class F>
  void run(F&& what) {
    try {
      what();
    } catch (...) {
      fail(fault_in(name));
    }
  }

  void accept(const query_ptr& what, caf::typed_response_promise<db::result> answer) {
    auto* connection = session_->connection();
    if (connection == nullptr || connection->state() != db::connection::phase::ready) {
      answer.deliver(to_caf({db::errc::connection_lost, "The connection is not ready."}));
      return;
    }
    // Before it is sent: what is here is answered, whatever comes.
    in_flight_.push_back({what, std::move(answer), std::chrono::steady_clock::now()});
    connection->execute(*what->statement, what->parameters);
    schedule_check();
    session_->watch();
    if (connection->state() == db::connection::phase::failed) fail(connection->failure());
  }

  void on_proceed() {
    session_->proceed();
    if (session_->resolve_failure()) return fail(session_->resolve_failure());
    auto* connection = session_->connection();
    if (connection == nullptr) return;
    while (auto outcome = connection->next_outcome()) answer_next(std::move(*outcome));
    if (connection->state() == db::connection::phase::failed) return fail(connection->failure());
    if (connection->state() == db::connection::phase::ready && !std::exchange(announced_, true))
      self_->send(owner_, connection_ready{slot_});
  }

  void on_give_up() {
    if (announced_) return;
    fail({db::errc::no_answer,
          "No connection within " + std::to_string(settings_->connection.connect_timeout.count()) + " ms."});
  }

  // PostgreSQL itself ends a statement at its timeout. A server that does not even do that is frozen or
  // cut off, and nothing comes through the socket to tell.
  void on_check_answers() {
    check_scheduled_ = false;
    if (in_flight_.empty()) return;
    const auto waited = std::chrono::steady_clock::now() - in_flight_.front().since;
    if (waited >= 2 * settings_->connection.statement_timeout)
      return fail({db::errc::no_answer, "PostgreSQL does not answer."});
    schedule_check();
  }

 private:
  void schedule_check() {
    if (std::exchange(check_scheduled_, true)) return;
    self_->delayed_send(self_, settings_->connection.statement_timeout, check_answers{});
  }

  struct sent_query {
    query_ptr what;
    caf::typed_response_promise<db::result> answer;
    std::chrono::steady_clock::time_point since;
  };

  void answer_next(db::outcome outcome) {
    if (settings_->connection.echo) echo(in_flight_.front(), outcome);
    auto& answer = in_flight_.front().answer;
    if (outcome)
      answer.deliver(std::move(*outcome));
    else
      answer.deliver(to_caf(outcome.error()));
    in_flight_.pop_front();
  }

  static void echo(const sent_query& query, const db::outcome& outcome) {
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - query.since;
    spdlog::info("SQL {:.3f} ms, {}: {}", took.count(),
                 outcome ? std::to_string(outcome->size()) + " rows" : outcome.error().message,
                 query.what->statement->sql);
  }

  // By value: the reason may be part of the session. NOLINTNEXTLINE(performance-unnecessary-value-param)
  void fail(db::error reason) {
    for (auto& each : std::exchange(in_flight_, {})) {
      if (each.what->statement->writes)
        each.answer.deliver(
            to_caf({db::errc::outcome_unknown,
                    "The connection to PostgreSQL was lost; the change may or may not have been made."}));
      else
        each.answer.deliver(to_caf({db::errc::connection_lost, reason.message}));
    }
    self_->quit(to_caf(reason));
  }

  inner_actor::pointer self_ = nullptr;
  std::shared_ptr<const session_settings> settings_;
  slot_index slot_ = 0;
  pool_actor owner_;
  bool announced_ = false;
  bool check_scheduled_ = false;
  std::deque<sent_query> in_flight_;
  std::optional<session> session_;
};

inner_actor::behavior_type connection(inner_actor::stateful_pointer<connection_state> self, lane* home,
                                      const std::shared_ptr<const session_settings>& settings,
                                      std::span<const db::statement* const> statements, slot_index slot,
                                      const pool_actor& owner) {
  self->state.start(self, *home, settings, statements, slot, owner);
  return {
      [self](const query_ptr& what) {
        auto answer = self->make_response_promise<db::result>();
        self->state.run([&] { self->state.accept(what, answer); });
        return answer;
      },
      [self](proceed) { self->state.run([self] { self->state.on_proceed(); }); },
      [self](give_up) { self->state.run([self] { self->state.on_give_up(); }); },
      [self](check_answers) { self->state.run([self] { self->state.on_check_answers(); }); },
  };
}

}  // namespace

connection_actor spawn_connection(lane& home, std::shared_ptr<const session_settings> settings,
                                  std::span<const db::statement* const> statements, slot_index slot,
                                  const pool_actor& owner) {
  return home.spawn(connection, &home, std::move(settings), statements, slot, owner);
}

}  // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::proceed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::give_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::check_answers)
