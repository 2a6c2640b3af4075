// The intake of a worker: takes jobs from gateways, hands them to the item actors, sends the answers back.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "actors/messages.hpp"

namespace troupe::actors {

/// Sends the answers that have gathered.
struct send_results {};

/// Asks a worker to leave: to tell the gateways, and to finish what it has.
struct leave {};
/// The answer: no gateway sends jobs any more, and the answers to all have arrived there.
struct left {};

/// The intake, as its own node sees it.
template <class Table>
using intake_actor = typename worker_actor<Table>::template extend<caf::reacts_to<send_results>,
                                                                   caf::replies_to<leave>::with<left>>;

/// What an intake knows.
template <class Table>
class intake_state {
 public:
  static constexpr const char* name = "intake";
  using pointer = typename intake_actor<Table>::pointer;

  void start(pointer self, std::vector<resource_actor<Table>> resources, std::size_t max_message);

  bool is_leaving() const noexcept { return leaving_; }
  void on_enlist(const caf::strong_actor_ptr& who);
  void accept(const jobs<Table>& what, const caf::strong_actor_ptr& from);
  void on_send_results();
  void on_leave(caf::typed_response_promise<left> answer);
  void on_down(const caf::actor_addr& who);

 private:
  template <class Reply, class Message>
  void ask(const resource_actor<Table>& whom, const Message& what, const caf::strong_actor_ptr& from,
           std::uint64_t number);
  void gather(const caf::strong_actor_ptr& to, job_result<Table> what);
  void send(const caf::strong_actor_ptr& to, job_results<Table> what);
  void say_leaving();
  void settle();

  pointer self_ = nullptr;
  std::vector<resource_actor<Table>> resources_;
  std::size_t next_ = 0;
  std::size_t max_bytes_ = 0;
  std::set<caf::strong_actor_ptr> gateways_;
  struct gathered_results {
    job_results<Table> what;
    std::size_t bytes = 0;
  };
  std::map<caf::strong_actor_ptr, gathered_results> ready_;
  std::size_t unanswered_ = 0;
  bool sending_ = false;
  bool leaving_ = false;
  // All jobs are answered, and the gateways are told a second time.
  bool all_sent_ = false;
  // Gateways that have not answered yet.
  std::set<caf::strong_actor_ptr> unheard_;
  std::vector<caf::typed_response_promise<left>> leavers_;
};

/// The behavior of an intake. The jobs of a message go to one of the `resources`, one per lane, in turn.
/// `max_message` is that of node_settings.
template <class Table>
typename intake_actor<Table>::behavior_type intake(
    typename intake_actor<Table>::template stateful_pointer<intake_state<Table>> self,
    const std::vector<resource_actor<Table>>& resources, std::size_t max_message);

extern template intake_actor<db::item_table>::behavior_type intake<db::item_table>(
    intake_actor<db::item_table>::stateful_pointer<intake_state<db::item_table>>,
    const std::vector<item_actor>&, std::size_t);

}  // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::send_results)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::leave)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::left)
