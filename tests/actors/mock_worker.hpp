// Workers for a balancer or a directory under test: they hold what they are sent until the test answers it.
#pragma once

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/messages.hpp"
#include "tests/actors/deterministic.hpp"
#include "tests/actors/later.hpp"

namespace troupe::test {

/// Has a mock worker send these results to that actor.
struct answer_jobs {
  caf::strong_actor_ptr to;
  actors::job_results<db::item_table> results;
};

using mock_worker_actor =
    actors::worker_actor<db::item_table>::extend<caf::reacts_to<answer_jobs>, caf::reacts_to<later>>;

/// How a mock worker takes a gateway's enlist.
enum class welcome { accept, refuse, ignore };

/// What a mock worker was sent.
struct mock_worker_log {
  mock_worker_actor::pointer self = nullptr;
  welcome how = welcome::accept;
  int enlisted = 0;
  caf::strong_actor_ptr gateway;
  caf::strong_actor_ptr sender;
  /// Each message with jobs.
  std::vector<actors::jobs<db::item_table>> got;
};

struct mock_worker {
  mock_worker_actor actor;
  std::shared_ptr<mock_worker_log> log = std::make_shared<mock_worker_log>();

  actors::worker_actor<db::item_table> handle() const {
    return caf::actor_cast<actors::worker_actor<db::item_table>>(actor);
  }
  /// All jobs, in order.
  std::vector<actors::job<db::item_table>> jobs() const {
    std::vector<actors::job<db::item_table>> out;
    for (const auto& each : log->got) out.insert(out.end(), each.all.begin(), each.all.end());
    return out;
  }
};

inline mock_worker_actor::behavior_type mock_worker_behavior(mock_worker_actor::pointer self,
                                                             const std::shared_ptr<mock_worker_log>& log) {
  log->self = self;
  return {
      [self, log](actors::enlist) -> caf::result<actors::enlisted> {
        ++log->enlisted;
        log->gateway = self->current_sender();
        if (log->how == welcome::refuse)
          return actors::to_caf({db::errc::unavailable, "It is about to stop."});
        auto to = self->make_response_promise<actors::enlisted>();
        if (log->how == welcome::accept) to.deliver(actors::enlisted{});
        return to;
      },
      [self, log](const actors::jobs<db::item_table>& what) {
        log->sender = self->current_sender();
        log->got.push_back(what);
      },
      [self](answer_jobs& what) {
        self->send(caf::actor_cast<actors::job_sender_actor<db::item_table>>(what.to),
                   std::move(what.results));
      },
      [](const later& what) { what.run(); },
  };
}

/// An item that is called so.
inline db::item item_called(const std::string& name, std::int64_t key = 0) {
  return {{name, std::nullopt, key}};
}

}  // namespace troupe::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::test::answer_jobs)
