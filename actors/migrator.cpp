// Runs db::migration_run statement by statement, one attempt at a time.
#include "actors/migrator.hpp"

#include <spdlog/spdlog.h>

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/backoff.hpp"
#include "actors/errors.hpp"
#include "actors/supervision.hpp"
#include "db/migrations.hpp"

namespace troupe::actors {

namespace {

/// The socket is ready, or names are resolved; of the attempt with this number.
struct advance {
  unsigned attempt;
};
/// Time for the next attempt.
struct try_again {};
/// The connect timeout of the attempt with this number has passed.
struct give_up_attempt {
  unsigned attempt;
};

using inner_actor = migrator_actor::extend<caf::reacts_to<advance>, caf::reacts_to<try_again>,
                                           caf::reacts_to<give_up_attempt>>;

class migrator_state {
 public:
  static constexpr const char* name = "migrator";

  void start(inner_actor::pointer self, lane& home, std::shared_ptr<const session_settings> settings,
             const pool_settings& waits, on_failure then) {
    self_ = self;
    home_ = &home;
    settings_ = std::move(settings);
    waits_ = backoff{waits.backoff_min, waits.backoff_max, waits.seed};
    then_ = then;
  }

  void accept(caf::typed_response_promise<migrated> answer) {
    if (done_) {
      answer.deliver(*done_);
      return;
    }
    askers_.push_back(std::move(answer));
    if (askers_.size() == 1) attempt();
  }

  /// Goes on with an attempt, which fails if that throws.
  template <class F>
  void run(F&& what) {
    try {
      what();
    } catch (...) {
      fail(fault_in(name));
    }
  }

  void attempt() {
    run_ = db::migration_run{};
    begun_ = false;
    ++attempt_;
    self_->delayed_send(self_, settings_->connection.connect_timeout, give_up_attempt{attempt_});
    session_.emplace(*home_, *settings_, std::span<const db::statement* const>{},
                     [address = caf::actor_cast<caf::weak_actor_ptr>(self_), number = attempt_] {
                       if (const auto target = address.lock())
                         caf::anon_send(caf::actor_cast<inner_actor>(target), advance{number});
                     });
  }

  void on_advance(unsigned attempt) {
    if (attempt != attempt_ || !session_) return;
    session_->proceed();
    if (session_->resolve_failure()) return fail(session_->resolve_failure());
    auto* connection = session_->connection();
    if (connection == nullptr) return;
    if (connection->state() == db::connection::phase::failed) return fail(connection->failure());
    if (connection->state() != db::connection::phase::ready) return;
    if (!std::exchange(begun_, true)) {
      connection->execute(run_.begin());
    } else if (auto outcome = connection->next_outcome()) {
      const auto statement = run_.next(*outcome);
      if (run_.failure()) return fail(run_.failure());
      if (statement.empty()) return finish();
      connection->execute(statement);
    }
    session_->watch();
  }

  // Only for the connection: the lock may be held by another node for as long as its migrations take.
  void on_give_up(unsigned attempt) {
    if (attempt == attempt_ && session_ && !begun_)
      fail({db::errc::no_answer, "No connection within " +
                                     std::to_string(settings_->connection.connect_timeout.count()) + " ms."});
  }

  // Who waits would not learn of it from CAF.
  void stop() {
    session_.reset();
    for (auto& each : std::exchange(askers_, {}))
      each.deliver(to_caf({db::errc::unavailable, "The migration was stopped before it was done."}));
  }

  schema_status status() const {
    return {last_failure_ ? std::string{db::public_reason(last_failure_.code)} : ""};
  }

 private:
  // By value: the reason may be part of the session.
  void fail(db::error reason) {
    session_.reset();
    if (then_ == on_failure::retry) {
      // One line a cause, as in the pool.
      spdlog::log(reason == last_failure_ ? spdlog::level::debug : spdlog::level::warn,
                  "The schema is not up to date yet: {}", reason.message);
      last_failure_ = std::move(reason);
      self_->delayed_send(self_, waits_.after(++failures_), try_again{});
      return;
    }
    for (auto& each : std::exchange(askers_, {})) each.deliver(to_caf(reason));
  }

  void finish() {
    session_.reset();
    if (!run_.skipped().empty() && then_ == on_failure::report)
      return fail({db::errc::statement_failed, run_.skipped()});
    // The role of a service often has no more rights than it needs; the pools will see what is there.
    if (!run_.skipped().empty()) spdlog::warn("{}", run_.skipped());
    for (const auto& each : run_.applied()) spdlog::info("Migration {} applied", each);
    last_failure_ = {};
    done_ = run_.applied();
    for (auto& each : std::exchange(askers_, {})) each.deliver(*done_);
  }

  inner_actor::pointer self_ = nullptr;
  lane* home_ = nullptr;
  std::shared_ptr<const session_settings> settings_;
  backoff waits_{{}, {}, 0};
  on_failure then_ = on_failure::report;
  std::vector<caf::typed_response_promise<migrated>> askers_;
  std::optional<migrated> done_;
  unsigned attempt_ = 0;
  unsigned failures_ = 0;
  db::error last_failure_;
  bool begun_ = false;
  db::migration_run run_;
  std::optional<session> session_;
};

inner_actor::behavior_type migrator(inner_actor::stateful_pointer<migrator_state> self, lane* home,
                                    const std::shared_ptr<const session_settings>& settings,
                                    const pool_settings& waits, on_failure then) {
  self->state.start(self, *home, settings, waits, then);
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.stop();
    self->quit(exit.reason);
  });
  return {
      [self](const migrate_request&) {
        auto answer = self->make_response_promise<migrated>();
        self->state.run([&] { self->state.accept(answer); });
        return answer;
      },
      [self](const schema_status_request&) { return self->state.status(); },
      [self](const advance& m) { self->state.run([&] { self->state.on_advance(m.attempt); }); },
      [self](const try_again&) { self->state.run([self] { self->state.attempt(); }); },
      [self](const give_up_attempt& m) { self->state.on_give_up(m.attempt); },
  };
}

}  // namespace

migrator_actor spawn_migrator(lane& home, const std::shared_ptr<const session_settings>& settings,
                              const pool_settings& backoff, on_failure then) {
  // A migration, or waiting for another node's, takes as long as it takes.
  auto unbounded = std::make_shared<session_settings>(*settings);
  unbounded->connection.statement_timeout = std::chrono::milliseconds{0};
  return home.spawn(migrator, &home, std::shared_ptr<const session_settings>{std::move(unbounded)}, backoff,
                    then);
}

}  // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::advance)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::try_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::give_up_attempt)
