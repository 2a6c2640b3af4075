// The gateway's item actor: sends each request to the worker with fewer outstanding, settles what workers
// lose.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/response_promise.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/messages.hpp"
#include "actors/settings.hpp"

namespace troupe::actors {

/// A worker can be sent jobs.
template <class Table>
struct worker_up {
  worker_actor<Table> worker;
};

/// A worker leaves: the balancer sends it no more jobs, and answers when that holds.
template <class Table>
struct worker_leaving {
  worker_actor<Table> worker;
};

/// Sends what has gathered for the workers.
struct send_jobs {};

/// The balancer's own timer: time to look for requests past their deadline.
struct expire_jobs {};

/// Asks for a balancer_status.
struct balancer_status_request {};

/// How a balancer is doing.
struct balancer_status {
  /// Workers that take jobs.
  std::size_t workers = 0;
  /// Requests that are not answered yet.
  std::size_t outstanding = 0;
};

/// The balancer, as its own node sees it: to the front an item actor like any other.
template <class Table>
using balancer_actor = typename resource_actor<Table>::template extend<
    caf::reacts_to<worker_up<Table>>,
    typename caf::replies_to<worker_leaving<Table>>::template with<released>,
    caf::reacts_to<job_results<Table>>, caf::reacts_to<send_jobs>, caf::reacts_to<expire_jobs>,
    caf::replies_to<balancer_status_request>::template with<balancer_status>>;

/// Has send_jobs sent to the balancer once the sockets that are ready now have been dealt with, so that
/// what they bring leaves together.
template <class Table>
using defer_function = std::function<void(const balancer_actor<Table>&)>;

/// What a balancer knows.
///
/// A request that is lost with its worker is sent to another if that changes nothing: it reads, it has a
/// key (see once), or it had not left yet. Otherwise the answer is outcome_unknown.
template <class Table>
class balancer_state {
 public:
  static constexpr const char* name = "balancer";
  using pointer = typename balancer_actor<Table>::pointer;

  void start(pointer self, const node_settings& settings, defer_function<Table> defer);

  void accept(request_of<Table> what, caf::response_promise to);
  void on_up(const worker_actor<Table>& worker);
  void on_leaving(const worker_actor<Table>& worker);
  void on_down(const caf::actor_addr& who);
  void on_results(job_results<Table>& results, const caf::actor_addr& from);
  void on_send_jobs();
  void on_expire();
  balancer_status status() const;

 private:
  /// Names one attempt: an answer that comes late, from a worker that was given up, names none any more.
  using job_number = std::uint64_t;

  struct worker_link {
    worker_actor<Table> worker;
    bool leaving = false;
    /// Given to the worker and not answered by it.
    std::unordered_set<job_number> outstanding;
    /// Those of them that are not sent yet.
    std::vector<job_number> gathered;
  };

  struct pending {
    request_of<Table> what;
    caf::response_promise to;
    caf::actor_clock::time_point deadline;
    /// How often it was given to a worker.
    int attempts = 0;
    /// Whether it has left for the worker that it was given to last.
    bool sent = false;
    /// Whether an attempt was lost that may have changed something.
    bool may_have_happened = false;
  };

  worker_link* find_link(const caf::actor_addr& worker);
  worker_link* choose(const worker_link* except);
  void assign(worker_link& to, pending what);
  void retry(pending what, const worker_link* except, const db::error& otherwise);
  void fail(pending& it, const db::error& why);
  void on_result(worker_link& from, job_result<Table>& result);
  void plan_expiry();

  pointer self_ = nullptr;
  node_settings settings_;
  defer_function<Table> defer_;
  std::list<worker_link> links_;
  // Who got the last request; null if it has gone.
  worker_link* last_ = nullptr;
  std::unordered_map<job_number, pending> pending_;
  // In order. Numbers of answered requests stay in it until they are the first.
  std::deque<std::pair<caf::actor_clock::time_point, job_number>> deadlines_;
  job_number last_number_ = 0;
  std::mt19937_64 random_;
  bool send_planned_ = false;
  bool expiry_planned_ = false;
};

/// The behavior of a balancer.
template <class Table>
typename balancer_actor<Table>::behavior_type balancer(
    typename balancer_actor<Table>::template stateful_pointer<balancer_state<Table>> self,
    const node_settings& settings, const defer_function<Table>& defer);

extern template balancer_actor<db::item_table>::behavior_type balancer<db::item_table>(
    balancer_actor<db::item_table>::stateful_pointer<balancer_state<db::item_table>>, const node_settings&,
    const defer_function<db::item_table>&);

}  // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::worker_up<troupe::db::item_table>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::worker_leaving<troupe::db::item_table>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::send_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::expire_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::balancer_status_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::balancer_status)
