// The front actor: owns the HTTP requests that wait on its lane, and their deadlines.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "http/client_count.hpp"
#include "http/exchange.hpp"
#include "http/router.hpp"
#include "http/settings.hpp"

namespace troupe::http {

/// The front's own timer: time to look for requests past their deadline.
struct sweep {};

/// Asks the front to answer all that wait, with 503: what they wait for will not come.
struct give_up {};

/// Asks the front to say when its last request is answered and the clients had time to notice.
struct drain {};

/// The answer to drain: the number of requests that were still waiting when the grace was over.
struct drained {
  std::size_t left = 0;
};

using front_actor = caf::typed_actor<caf::reacts_to<exchange_ptr>, caf::reacts_to<sweep>,
                                     caf::reacts_to<give_up>, caf::replies_to<drain>::with<drained>>;

/// Adds the routes of one part of the service; their handlers may use the front to ask other actors.
using route_source = std::function<void(router&, front_actor::pointer)>;

/// What a front knows.
class front_state {
 public:
  const char* name = "front";

  /// `count_clients` may be empty in tests.
  void start(front_actor::pointer self, const settings& settings, const std::vector<route_source>& sources,
             client_counter count_clients);

  void accept(const exchange_ptr& what);
  void on_sweep();
  void on_give_up();
  void on_drain(caf::typed_response_promise<drained> answer);

 private:
  void route_request(const exchange_ptr& what);
  void schedule_sweep();
  void drop_answered();
  bool settled() const;
  std::size_t unanswered() const;

  front_actor::pointer self_ = nullptr;
  settings settings_;
  router router_;
  client_counter count_clients_;
  // In order of arrival, which is the order of the deadlines.
  std::deque<exchange_ptr> waiting_;
  bool sweep_scheduled_ = false;
  std::vector<caf::typed_response_promise<drained>> drainers_;
  caf::actor_clock::time_point drain_since_;
};

/// The behavior of a front.
front_actor::behavior_type front(front_actor::stateful_pointer<front_state> self, const settings& settings,
                                 const std::vector<route_source>& sources,
                                 const client_counter& count_clients);

}  // namespace troupe::http

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http::exchange_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http::sweep)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http::give_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http::drain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::http::drained)
