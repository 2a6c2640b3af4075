// Which worker gets a request, what leaves together, and what becomes of the requests of a lost worker.
#include "actors/balancer.hpp"

#include <algorithm>
#include <string>
#include <type_traits>
#include <variant>

#include "actors/errors.hpp"
#include "actors/message_size.hpp"
#include "actors/supervision.hpp"

namespace troupe::actors {

namespace {

// How late a deadline_exceeded may be. One timer for all: CAF never cancels a timer of its own.
constexpr std::chrono::milliseconds expiry_interval{50};

template <class Table>
time_budget& budget_of(change<Table>& what) {
  return std::visit([](auto& each) -> time_budget& { return each.within; }, what);
}

template <class Table>
time_budget& budget_of(request_of<Table>& what) {
  return std::visit(
      []<class Request>(Request& each) -> time_budget& {
        if constexpr (std::is_same_v<Request, once<Table>>)
          return budget_of<Table>(each.what);
        else
          return each.within;
      },
      what);
}

template <class Table>
bool is_read(const request_of<Table>& what) {
  return std::holds_alternative<find<Table>>(what) || std::holds_alternative<list<Table>>(what);
}

// Whether sending it twice changes no more than sending it once.
template <class Table>
bool is_repeatable(const request_of<Table>& what) {
  return is_read<Table>(what) || std::holds_alternative<once<Table>>(what);
}

// Whether the worker that answers so has certainly changed nothing, and another may do better.
bool is_harmless(db::errc code) {
  return code == db::errc::unavailable || code == db::errc::connection_lost || code == db::errc::overloaded ||
         code == db::errc::no_worker;
}

template <class Table>
void deliver(caf::response_promise& to, reply_of<Table>& what) {
  std::visit(
      [&]<class Reply>(Reply& reply) {
        if constexpr (std::is_same_v<Reply, db::error>)
          to.deliver(to_caf(reply));
        else
          to.deliver(std::move(reply));
      },
      what);
}

const db::error no_worker{db::errc::no_worker, "No worker can be reached."};
const db::error too_late{db::errc::deadline_exceeded, "The worker did not answer in time."};
const db::error unknown_outcome{
    db::errc::outcome_unknown,
    "The worker that had the request was lost; the change may or may not have been made."};

}  // namespace

template <class Table>
void balancer_state<Table>::start(pointer self, const node_settings& settings, defer_function<Table> defer) {
  self_ = self;
  settings_ = settings;
  defer_ = std::move(defer);
  random_.seed(settings.seed);
}

template <class Table>
void balancer_state<Table>::accept(request_of<Table> what, caf::response_promise to) {
  auto* link = choose(nullptr);
  if (link == nullptr) return to.deliver(to_caf(no_worker));
  if (pending_.size() >= settings_.max_outstanding)
    return to.deliver(to_caf({db::errc::overloaded, "Too many requests wait for the workers."}));
  const auto deadline = self_->clock().now() + budget_of<Table>(what);
  assign(*link, {std::move(what), std::move(to), deadline});
}

template <class Table>
typename balancer_state<Table>::worker_link* balancer_state<Table>::find_link(const caf::actor_addr& worker) {
  const auto found = std::find_if(links_.begin(), links_.end(),
                                  [&](const worker_link& each) { return each.worker.address() == worker; });
  return found == links_.end() ? nullptr : &*found;
}

// The better of two that are drawn: nearly as even as the best of all, without the herd that follows the
// best one. While the last one used has nothing to do it is used again: it is still awake.
template <class Table>
typename balancer_state<Table>::worker_link* balancer_state<Table>::choose(const worker_link* except) {
  if (last_ != nullptr && last_ != except && !last_->leaving && last_->outstanding.empty()) return last_;
  std::vector<worker_link*> open;
  for (auto& each : links_)
    if (!each.leaving && &each != except) open.push_back(&each);
  if (open.empty()) return nullptr;
  const auto draw = [&] { return open[random_() % open.size()]; };
  auto* one = draw();
  auto* other = draw();
  return other->outstanding.size() < one->outstanding.size() ? other : one;
}

template <class Table>
void balancer_state<Table>::assign(worker_link& to, pending what) {
  const auto number = ++last_number_;
  last_ = &to;
  ++what.attempts;
  what.sent = false;
  const std::pair entry{what.deadline, number};
  deadlines_.insert(std::upper_bound(deadlines_.begin(), deadlines_.end(), entry), entry);
  pending_.emplace(number, std::move(what));
  to.outstanding.insert(number);
  to.gathered.push_back(number);
  plan_expiry();
  if (!std::exchange(send_planned_, true)) defer_(self_);
}

template <class Table>
void balancer_state<Table>::retry(pending what, const worker_link* except, const db::error& otherwise) {
  if (what.deadline <= self_->clock().now()) return fail(what, too_late);
  auto* link = choose(except);
  if (link == nullptr || what.attempts >= settings_.max_attempts) return fail(what, otherwise);
  auto to = what.to;
  contain(name, to, [&] { assign(*link, std::move(what)); });
}

template <class Table>
void balancer_state<Table>::fail(pending& it, const db::error& why) {
  it.to.deliver(to_caf(it.may_have_happened ? after_unknown_attempt(why) : why));
}

template <class Table>
void balancer_state<Table>::on_send_jobs() {
  send_planned_ = false;
  const auto now = self_->clock().now();
  for (auto& link : links_) {
    jobs<Table> out;
    std::size_t bytes = 0;
    for (const auto number : std::exchange(link.gathered, {})) {
      const auto found = pending_.find(number);
      if (found == pending_.end()) {
        link.outstanding.erase(number);
        continue;
      }
      found->second.sent = true;
      auto what = found->second.what;
      budget_of<Table>(what) = std::chrono::duration_cast<time_budget>(found->second.deadline - now);
      // What size_of() says is no less than half of it.
      const auto size = size_of<Table>(what);
      if (bytes + size > settings_.max_message / 2 && !out.all.empty()) {
        self_->send(link.worker, std::exchange(out, {}));
        bytes = 0;
      }
      bytes += size;
      out.all.push_back({number, std::move(what)});
    }
    if (!out.all.empty()) self_->send(link.worker, std::move(out));
  }
}

template <class Table>
void balancer_state<Table>::on_results(job_results<Table>& results, const caf::actor_addr& from) {
  auto* link = find_link(from);
  if (link == nullptr) return;
  for (auto& each : results.all) on_result(*link, each);
}

template <class Table>
void balancer_state<Table>::on_result(worker_link& from, job_result<Table>& result) {
  if (from.outstanding.erase(result.number) == 0) return;
  const auto found = pending_.find(result.number);
  if (found == pending_.end()) return;
  auto it = std::move(found->second);
  pending_.erase(found);
  if (const auto* failed = std::get_if<db::error>(&result.reply)) {
    const bool unknown = failed->code == db::errc::outcome_unknown && is_repeatable<Table>(it.what);
    it.may_have_happened = it.may_have_happened || unknown;
    if (is_harmless(failed->code) || unknown) return retry(std::move(it), &from, *failed);
    return fail(it, *failed);
  }
  deliver<Table>(it.to, result.reply);
}

template <class Table>
void balancer_state<Table>::on_up(const worker_actor<Table>& worker) {
  if (auto* known = find_link(worker.address())) {
    known->leaving = false;
    return;
  }
  links_.emplace_back().worker = worker;
  self_->monitor(worker);
}

template <class Table>
void balancer_state<Table>::on_leaving(const worker_actor<Table>& worker) {
  auto* link = find_link(worker.address());
  if (link == nullptr) return;
  // What has gathered goes there still; the answer to this comes behind it.
  on_send_jobs();
  link->leaving = true;
}

template <class Table>
void balancer_state<Table>::on_down(const caf::actor_addr& who) {
  const auto* lost = find_link(who);
  if (lost == nullptr) return;
  if (lost == last_) last_ = nullptr;
  const std::unordered_set<job_number> unsent(lost->gathered.begin(), lost->gathered.end());
  // In order, so that a run is repeated by its seed.
  std::vector<job_number> numbers(lost->outstanding.begin(), lost->outstanding.end());
  std::sort(numbers.begin(), numbers.end());
  links_.remove_if([&](const worker_link& each) { return &each == lost; });
  for (const auto number : numbers) {
    const auto found = pending_.find(number);
    if (found == pending_.end()) continue;
    auto it = std::move(found->second);
    pending_.erase(found);
    const bool sent = !unsent.contains(number);
    it.may_have_happened = it.may_have_happened || (sent && !is_read<Table>(it.what));
    if (!sent || is_repeatable<Table>(it.what))
      retry(std::move(it), nullptr, no_worker);
    else
      it.to.deliver(to_caf(unknown_outcome));
  }
}

template <class Table>
void balancer_state<Table>::plan_expiry() {
  if (!std::exchange(expiry_planned_, true)) self_->delayed_send(self_, expiry_interval, expire_jobs{});
}

template <class Table>
void balancer_state<Table>::on_expire() {
  expiry_planned_ = false;
  const auto now = self_->clock().now();
  while (!deadlines_.empty() &&
         (deadlines_.front().first <= now || !pending_.contains(deadlines_.front().second))) {
    const auto found = pending_.find(deadlines_.front().second);
    deadlines_.pop_front();
    if (found == pending_.end()) continue;
    auto& it = found->second;
    it.may_have_happened = it.may_have_happened || (it.sent && !is_read<Table>(it.what));
    fail(it, too_late);
    pending_.erase(found);
  }
  if (!deadlines_.empty()) plan_expiry();
}

template <class Table>
balancer_status balancer_state<Table>::status() const {
  const auto open =
      std::count_if(links_.begin(), links_.end(), [](const worker_link& each) { return !each.leaving; });
  return {static_cast<std::size_t>(open), pending_.size()};
}

template <class Table>
typename balancer_actor<Table>::behavior_type balancer(
    typename balancer_actor<Table>::template stateful_pointer<balancer_state<Table>> self,
    const node_settings& settings, const defer_function<Table>& defer) {
  self->state.start(self, settings, defer);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.on_down(down.source); });
  const auto take = [self]<class Request>(Request& what) {
    auto to = self->template make_response_promise<reply_to<Table, Request>>();
    contain(self->state.name, to, [&] { self->state.accept(std::move(what), to); });
    return to;
  };
  return {
      [take](find<Table>& m) { return take(m); },
      [take](list<Table>& m) { return take(m); },
      [take](create<Table>& m) { return take(m); },
      [take](replace<Table>& m) { return take(m); },
      [take](update<Table>& m) { return take(m); },
      [take](remove<Table>& m) { return take(m); },
      [take](once<Table>& m) { return take(m); },
      [self](const worker_up<Table>& m) { self->state.on_up(m.worker); },
      [self](const worker_leaving<Table>& m) {
        self->state.on_leaving(m.worker);
        return released{};
      },
      [self](job_results<Table>& m) {
        self->state.on_results(m, caf::actor_cast<caf::actor_addr>(self->current_sender()));
      },
      [self](send_jobs) { self->state.on_send_jobs(); },
      [self](expire_jobs) { self->state.on_expire(); },
      [self](balancer_status_request) { return self->state.status(); },
  };
}

template balancer_actor<db::item_table>::behavior_type balancer<db::item_table>(
    balancer_actor<db::item_table>::stateful_pointer<balancer_state<db::item_table>>, const node_settings&,
    const defer_function<db::item_table>&);

}  // namespace troupe::actors
