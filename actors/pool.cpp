// How a pool decides: which connection, whether to wait, when to try again.
#include "actors/pool.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

#include "actors/errors.hpp"
#include "actors/supervision.hpp"

namespace troupe::actors {

void pool_state::start(pool_actor::pointer self, const pool_settings& settings, connection_factory factory) {
  self_ = self;
  settings_ = settings;
  waits_ = backoff{settings.backoff_min, settings.backoff_max, settings.seed};
  factory_ = std::move(factory);
  slots_.resize(settings.size);
}

void pool_state::connect_all() {
  begun_ = true;
  for (slot_index i = 0; i < slots_.size(); ++i) connect(i);
}

void pool_state::connect(slot_index index) {
  auto& it = slots_[index];
  ++it.attempts;
  try {
    it.connection = factory_(index, self_);
    self_->monitor(it.connection);
  } catch (...) {
    on_loss(index, fault_in(name));
  }
}

void pool_state::accept(query_ptr what, answer to) {
  if (auto* free = least_busy())
    dispatch(*free, std::move(what), std::move(to), tries::none);
  else if (ready_count() == 0)
    to.deliver(to_caf(no_connection()));
  else if (waiting_.size() >= settings_.max_queue)
    to.deliver(to_caf({db::errc::overloaded, "Too many requests wait for the database."}));
  else
    waiting_.push_back({std::move(what), std::move(to), tries::none});
}

void pool_state::on_ready(slot_index index) {
  auto& it = slots_[index];
  it.ready = true;
  it.attempts = 0;
  if (ready_count() == slots_.size()) {
    spdlog::info("PostgreSQL: all {} connections of the pool are ready", slots_.size());
    last_failure_ = {};
  }
  send_waiting();
}

void pool_state::on_down(const caf::actor_addr& who, const caf::error& reason) {
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const slot& each) { return each.connection.address() == who; });
  if (found != slots_.end()) on_loss(static_cast<slot_index>(found - slots_.begin()), from_caf(reason));
}

void pool_state::on_loss(slot_index index, db::error why) {
  auto& it = slots_[index];
  it.connection = nullptr;
  it.ready = false;
  // One line a cause: PostgreSQL being down for an hour is one fact, not thousands.
  spdlog::log(why == last_failure_ ? spdlog::level::debug : spdlog::level::warn,
              "PostgreSQL: connection refused or lost: {}", why.message);
  last_failure_ = std::move(why);
  self_->delayed_send(self_, waits_.after(it.attempts), reconnect{index});
  // Nothing, if the connection has answered all it had as it should.
  for (auto& each : std::exchange(it.in_flight, {})) {
    const bool writes = each.what->statement->writes;
    on_error(std::move(each),
             {writes ? db::errc::outcome_unknown : db::errc::connection_lost, last_failure_.message});
  }
  if (ready_count() > 0) return;
  for (auto& each : std::exchange(waiting_, {})) fail(each.to, no_connection(), each.before);
}

void pool_state::close_all() {
  for (auto& each : slots_)
    if (each.connection) caf::anon_send_exit(each.connection, caf::exit_reason::user_shutdown);
}

pool_status pool_state::status(const schema_status& schema) const {
  return {ready_count(), slots_.size(), waiting_.size(),
          last_failure_ ? std::string{db::public_reason(last_failure_.code)} : schema.last_failure};
}

std::size_t pool_state::ready_count() const {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const slot& each) { return each.ready; }));
}

// The ready connection with the fewest queries in flight; null if all are full or none is ready.
pool_state::slot* pool_state::least_busy() {
  slot* best = nullptr;
  for (auto& each : slots_)
    if (each.ready && each.in_flight.size() < settings_.pipeline_depth &&
        (best == nullptr || each.in_flight.size() < best->in_flight.size()))
      best = &each;
  return best;
}

db::error pool_state::no_connection() const {
  if (!last_failure_) return {db::errc::unavailable, "No connection to PostgreSQL is ready yet."};
  return {db::errc::unavailable,
          "No connection to PostgreSQL is ready: " + std::string{db::public_reason(last_failure_.code)}};
}

void pool_state::dispatch(slot& on, query_ptr what, answer to, tries before) {
  const auto index = static_cast<slot_index>(&on - slots_.data());
  const auto number = ++last_number_;
  on.in_flight.push_back({number, what, std::move(to), before});
  // No timeout here: CAF never cancels such timers. The statement timeout and the deadline of whoever
  // asked bound the wait.
  self_->request(on.connection, caf::infinite, std::move(what))
      .then([this, index, number](const db::result& rows) { on_rows(index, number, rows); },
            [this, index, number](const caf::error& failed) { on_failure(index, number, from_caf(failed)); });
}

// Nothing if it was answered already, when its connection ended.
std::optional<pool_state::sent_query> pool_state::take(slot_index index, std::uint64_t number) {
  auto& all = slots_[index].in_flight;
  // Nearly always the first.
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const sent_query& each) { return each.number == number; });
  if (found == all.end()) return std::nullopt;
  std::optional<sent_query> out{std::move(*found)};
  all.erase(found);
  return out;
}

void pool_state::on_rows(slot_index index, std::uint64_t number, const db::result& rows) {
  auto it = take(index, number);
  if (!it) return;
  contain(name, it->to, [&] {
    it->to.deliver(rows);
    send_waiting();
  });
}

void pool_state::on_failure(slot_index index, std::uint64_t number, const db::error& reason) {
  auto it = take(index, number);
  if (!it) return;
  const bool lost = reason.code == db::errc::connection_lost || reason.code == db::errc::outcome_unknown;
  if (lost) slots_[index].ready = false;
  send_waiting();
  on_error(std::move(*it), reason);
}

void pool_state::fail(answer& to, db::error reason, tries before) {
  if (before == tries::of_unknown_effect) reason = after_unknown_attempt(std::move(reason));
  to.deliver(to_caf(reason));
}

void pool_state::on_error(sent_query it, const db::error& reason) {
  const bool unknown = reason.code == db::errc::outcome_unknown;
  const bool lost = unknown || reason.code == db::errc::connection_lost;
  const bool writes = it.what->statement->writes;
  // Certainly not executed, or a read: doing it again changes nothing.
  const bool harmless = !unknown || !writes || it.what->statement->repeatable;
  if (!lost || it.before != tries::none || !harmless || ready_count() == 0)
    return fail(it.to, reason, it.before);
  // In front of those that have not been sent yet.
  const auto before = unknown && writes ? tries::of_unknown_effect : tries::without_effect;
  waiting_.push_front({std::move(it.what), std::move(it.to), before});
  send_waiting();
}

void pool_state::send_waiting() {
  const auto now = self_->clock().now();
  while (!waiting_.empty()) {
    const bool expired = waiting_.front().what->deadline <= now;
    auto* free = expired ? nullptr : least_busy();
    if (!expired && free == nullptr) return;
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    if (expired)
      fail(next.to, {db::errc::deadline_exceeded, "The database was too busy to answer in time."},
           next.before);
    else
      dispatch(*free, std::move(next.what), std::move(next.to), next.before);
  }
}

pool_actor::behavior_type pool(pool_actor::stateful_pointer<pool_state> self, const pool_settings& settings,
                               const connection_factory& connect, const migrator_actor& schema) {
  self->state.start(self, settings, connect);
  self->set_down_handler(
      [self](const caf::down_msg& down) { self->state.on_down(down.source, down.reason); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.close_all();
    self->quit(exit.reason);
  });
  if (schema) {
    self->request(schema, caf::infinite, migrate_request{})
        .then([self](const migrated&) { self->state.connect_all(); },
              [self](const caf::error& failed) { self->quit(failed); });
  } else {
    self->state.connect_all();
  }
  return {
      [self](const query_ptr& what) {
        auto answer = self->make_response_promise<db::result>();
        contain(self->state.name, answer, [&] { self->state.accept(what, answer); });
        return answer;
      },
      [self](const connection_ready& what) { self->state.on_ready(what.slot); },
      [self](const reconnect& what) { self->state.connect(what.slot); },
      [self, schema](const status_request&) {
        auto answer = self->make_response_promise<pool_status>();
        auto tell = [self, answer](const schema_status& known) mutable {
          answer.deliver(self->state.status(known));
        };
        if (!schema || self->state.has_begun())
          tell({});
        else
          self->request(schema, caf::infinite, schema_status_request{})
              .then(tell, [tell](const caf::error&) mutable { tell({}); });
        return answer;
      },
  };
}

}  // namespace troupe::actors
