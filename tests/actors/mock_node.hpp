// The neighbours of an intake under test: item actors that hold what they are asked, and gateways.
#pragma once

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "actors/errors.hpp"
#include "actors/messages.hpp"
#include "tests/actors/later.hpp"

namespace troupe::test {

/// An item actor that holds what it is asked.
struct lane_log {
  std::vector<actors::request_of<db::item_table>> asked;
  std::vector<std::function<void(const actors::reply_of<db::item_table>&)>> answer;
};
using held_lane = actors::item_actor::extend<caf::reacts_to<later>>;

inline held_lane::behavior_type hold(held_lane::pointer self, const std::shared_ptr<lane_log>& log) {
  const auto take = [self, log]<class Request>(const Request& what) {
    using reply = actors::reply_to<db::item_table, Request>;
    auto to = self->make_response_promise<reply>();
    log->asked.emplace_back(what);
    log->answer.emplace_back([to](const actors::reply_of<db::item_table>& with) mutable {
      if (const auto* failed = std::get_if<db::error>(&with))
        to.deliver(actors::to_caf(*failed));
      else
        to.deliver(std::get<reply>(with));
    });
    return to;
  };
  return {
      [take](const actors::find<db::item_table>& m) { return take(m); },
      [take](const actors::list<db::item_table>& m) { return take(m); },
      [take](const actors::create<db::item_table>& m) { return take(m); },
      [take](const actors::replace<db::item_table>& m) { return take(m); },
      [take](const actors::update<db::item_table>& m) { return take(m); },
      [take](const actors::remove<db::item_table>& m) { return take(m); },
      [take](const actors::once<db::item_table>& m) { return take(m); },
      [](const later& m) { m.run(); },
  };
}

/// What of a gateway a worker sees: the directory, or a balancer.
using mock_gateway =
    actors::gateway_actor::extend<caf::reacts_to<actors::job_results<db::item_table>>,
                                  caf::reacts_to<actors::jobs<db::item_table>>, caf::reacts_to<later>>;
struct gateway_log {
  mock_gateway::pointer self = nullptr;
  std::vector<actors::job_results<db::item_table>> results;
  std::vector<caf::typed_response_promise<actors::released>> asked_to_release;
};

inline mock_gateway::behavior_type act_as_gateway(mock_gateway::pointer self,
                                                  const std::shared_ptr<gateway_log>& log,
                                                  const actors::worker_actor<db::item_table>& worker) {
  log->self = self;
  return {
      [self, log](actors::leaving) {
        return log->asked_to_release.emplace_back(self->make_response_promise<actors::released>());
      },
      [log](const actors::job_results<db::item_table>& what) { log->results.push_back(what); },
      // On behalf of the test.
      [self, worker](const actors::jobs<db::item_table>& what) { self->send(worker, what); },
      [](const later& m) { m.run(); },
  };
}

}  // namespace troupe::test
