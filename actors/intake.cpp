// Jobs in, answers out; and the last words to the gateways when the worker leaves.
#include "actors/intake.hpp"

#include <caf/send.hpp>
#include <utility>
#include <variant>

#include "actors/errors.hpp"
#include "actors/message_size.hpp"
#include "actors/supervision.hpp"

namespace troupe::actors {

template <class Table>
void intake_state<Table>::start(pointer self, std::vector<resource_actor<Table>> resources,
                                std::size_t max_message) {
  self_ = self;
  // What size_of() says is no less than half of it.
  max_bytes_ = max_message / 2;
  resources_ = std::move(resources);
}

template <class Table>
void intake_state<Table>::on_enlist(const caf::strong_actor_ptr& who) {
  if (who && gateways_.insert(who).second) self_->monitor(who);
}

template <class Table>
void intake_state<Table>::on_down(const caf::actor_addr& who) {
  const auto is_it = [&](const auto& each) { return each->address() == who; };
  std::erase_if(gateways_, is_it);
  std::erase_if(unheard_, is_it);
  settle();
}

template <class Table>
void intake_state<Table>::accept(const jobs<Table>& what, const caf::strong_actor_ptr& from) {
  if (!from) return;
  const auto& whom = resources_[next_++ % resources_.size()];
  for (const auto& each : what.all)
    std::visit(
        [&]<class Message>(const Message& message) {
          ask<reply_to<Table, Message>>(whom, message, from, each.number);
        },
        each.what);
}

template <class Table>
template <class Reply, class Message>
void intake_state<Table>::ask(const resource_actor<Table>& whom, const Message& what,
                              const caf::strong_actor_ptr& from, std::uint64_t number) {
  ++unanswered_;
  try {
    self_->request(whom, caf::infinite, what)
        .then([this, from, number](Reply& reply) { gather(from, {number, std::move(reply)}); },
              [this, from, number](const caf::error& failed) { gather(from, {number, from_caf(failed)}); });
  } catch (...) {
    gather(from, {number, fault_in(name)});
  }
}

// The answers to one statement arrive one behind the other: the message that this sends itself comes after
// them, so that they leave together.
template <class Table>
void intake_state<Table>::gather(const caf::strong_actor_ptr& to, job_result<Table> what) {
  auto size = size_of<Table>(what.reply);
  if (size > max_bytes_) {
    what.reply =
        db::error{db::errc::answer_too_large, "The answer is too large for a message between nodes."};
    size = size_of<Table>(what.reply);
  }
  auto& gathered = ready_[to];
  if (gathered.bytes + size > max_bytes_) send(to, std::exchange(gathered, {}).what);
  gathered.what.all.push_back(std::move(what));
  gathered.bytes += size;
  --unanswered_;
  if (!std::exchange(sending_, true)) self_->send(self_, send_results{});
}

template <class Table>
void intake_state<Table>::send(const caf::strong_actor_ptr& to, job_results<Table> what) {
  self_->send(caf::actor_cast<job_sender_actor<Table>>(to), std::move(what));
}

template <class Table>
void intake_state<Table>::on_send_results() {
  sending_ = false;
  for (auto& [to, gathered] : std::exchange(ready_, {})) send(to, std::move(gathered.what));
  settle();
}

template <class Table>
void intake_state<Table>::on_leave(caf::typed_response_promise<left> answer) {
  leavers_.push_back(std::move(answer));
  if (!std::exchange(leaving_, true)) say_leaving();
  settle();
}

template <class Table>
void intake_state<Table>::say_leaving() {
  unheard_ = gateways_;
  for (const auto& each : gateways_) {
    const auto heard = [this, each] {
      unheard_.erase(each);
      settle();
    };
    self_->request(caf::actor_cast<gateway_actor>(each), caf::infinite, leaving{})
        .then([heard](const released&) { heard(); }, [heard](const caf::error&) { heard(); });
  }
}

// It is said twice: first so that no more jobs come, then behind the last answers, which have arrived when
// that is answered.
template <class Table>
void intake_state<Table>::settle() {
  if (leavers_.empty() || !unheard_.empty() || unanswered_ > 0 || sending_) return;
  if (!std::exchange(all_sent_, true)) say_leaving();
  if (!unheard_.empty()) return;
  for (auto& each : std::exchange(leavers_, {})) each.deliver(left{});
}

template <class Table>
typename intake_actor<Table>::behavior_type intake(
    typename intake_actor<Table>::template stateful_pointer<intake_state<Table>> self,
    const std::vector<resource_actor<Table>>& resources, std::size_t max_message) {
  self->state.start(self, resources, max_message);
  self->set_down_handler([self](const caf::down_msg& down) { self->state.on_down(down.source); });
  return {
      [self](enlist) -> caf::result<enlisted> {
        if (self->state.is_leaving()) return to_caf({db::errc::unavailable, "The worker is about to stop."});
        self->state.on_enlist(self->current_sender());
        return enlisted{};
      },
      [self](const jobs<Table>& what) { self->state.accept(what, self->current_sender()); },
      [self](send_results) { self->state.on_send_results(); },
      [self](leave) {
        auto answer = self->template make_response_promise<left>();
        self->state.on_leave(answer);
        return answer;
      },
  };
}

template intake_actor<db::item_table>::behavior_type intake<db::item_table>(
    intake_actor<db::item_table>::stateful_pointer<intake_state<db::item_table>>,
    const std::vector<item_actor>&, std::size_t);

}  // namespace troupe::actors
