// Routes a request, waits for its answer, gives up at its deadline, drains at the end.
#include "http/front.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "http/errors.hpp"
#include "http/location.hpp"
#include "http/parameters.hpp"

namespace troupe::http {

namespace {

// How late a 504 may be. One timer for all requests: CAF never cancels a timer of its own.
constexpr std::chrono::milliseconds sweep_interval{50};

// How long a stop leaves idle connections open, so that a client that reuses one learns from
// "Connection: close" instead of from a reset.
constexpr std::chrono::milliseconds linger{500};

}  // namespace

void front_state::start(front_actor::pointer self, const settings& settings,
                        const std::vector<route_source>& sources, client_counter count_clients) {
  self_ = self;
  settings_ = settings;
  count_clients_ = std::move(count_clients);
  for (const auto& source : sources) source(router_, self);
}

void front_state::accept(const exchange_ptr& what) {
  what->deadline = self_->clock().now() + settings_.request_timeout;
  contain(*what, [&] { route_request(what); });
  drop_answered();
  if (what->answered()) return;
  waiting_.push_back(what);
  schedule_sweep();
}

void front_state::route_request(const exchange_ptr& what) {
  if (what->body().size() > settings_.max_body) {
    what->answer(
        plain_error(413, "The body is larger than " + std::to_string(settings_.max_body) + " bytes."));
    return;
  }
  const auto path = decode_path(path_of(what->target()));
  const auto where = router_.resolve(what->method(), path);
  if (const auto* match = std::get_if<found>(&where)) {
    match->to->handle(what, match->parameter);
  } else if (const auto* elsewhere = std::get_if<redirect>(&where)) {
    what->answer({307, {}, {}, {{"Location", location_of(*what, elsewhere->path)}}});
  } else if (const auto* refused = std::get_if<wrong_method>(&where)) {
    auto out =
        what->method() == "OPTIONS" ? response{204, {}, {}, {}} : plain_error(405, "Method Not Allowed");
    out.headers.emplace_back("Allow", refused->allow);
    what->answer(std::move(out));
  } else {
    what->answer(plain_error(404, "Not Found"));
  }
}

void front_state::on_sweep() {
  sweep_scheduled_ = false;
  const auto now = self_->clock().now();
  drop_answered();
  while (!waiting_.empty() && waiting_.front()->deadline <= now) {
    const auto late = std::move(waiting_.front());
    waiting_.pop_front();
    // How far a change has come is not known here.
    const auto code = reads(*late) ? db::errc::deadline_exceeded : db::errc::deadline_unknown;
    contain(*late, [&] { late->answer(response_for(db::error{code, {}}, *late)); });
    drop_answered();
  }
  if (!drainers_.empty() && settled()) {
    const drained answer{unanswered()};
    on_give_up();
    for (auto& each : std::exchange(drainers_, {})) each.deliver(answer);
  }
  if (!waiting_.empty() || !drainers_.empty()) schedule_sweep();
}

// A change may be under way; what reads can be asked again.
void front_state::on_give_up() {
  for (auto& each : std::exchange(waiting_, {})) {
    const auto code = reads(*each) ? db::errc::unavailable : db::errc::outcome_unknown;
    contain(*each, [&] { each->answer(response_for(db::error{code, {}}, *each)); });
  }
}

void front_state::on_drain(caf::typed_response_promise<drained> answer) {
  if (drainers_.empty()) drain_since_ = self_->clock().now();
  drainers_.push_back(std::move(answer));
  schedule_sweep();
}

// Whether nothing is left to wait for, or no time left to wait.
bool front_state::settled() const {
  const auto since = self_->clock().now() - drain_since_;
  const auto clients = count_clients_ ? count_clients_() : client_count{};
  if (waiting_.empty() && clients.transferring == 0 && (clients.connected == 0 || since >= linger))
    return true;
  return since >= settings_.shutdown_grace;
}

// Answers may come out of order.
std::size_t front_state::unanswered() const {
  return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(),
                                                [](const exchange_ptr& each) { return !each->answered(); }));
}

void front_state::schedule_sweep() {
  if (sweep_scheduled_) return;
  self_->delayed_send(self_, sweep_interval, sweep{});
  sweep_scheduled_ = true;
}

void front_state::drop_answered() {
  while (!waiting_.empty() && waiting_.front()->answered()) waiting_.pop_front();
}

front_actor::behavior_type front(front_actor::stateful_pointer<front_state> self, const settings& settings,
                                 const std::vector<route_source>& sources,
                                 const client_counter& count_clients) {
  self->state.start(self, settings, sources, count_clients);
  return {
      [self](const exchange_ptr& what) { self->state.accept(what); },
      [self](const sweep&) { self->state.on_sweep(); },
      [self](const give_up&) { self->state.on_give_up(); },
      [self](const drain&) {
        auto answer = self->make_response_promise<drained>();
        self->state.on_drain(answer);
        return answer;
      },
  };
}

}  // namespace troupe::http
