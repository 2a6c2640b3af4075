// One connection between a gateway and a worker, as CAF makes it: actors at each end stand for those at the
// other; messages keep their order; when it breaks, both ends see it, each in its own time.
#pragma once

#include <algorithm>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "actors/intake.hpp"
#include "actors/messages.hpp"
#include "tests/actors/simulated_items.hpp"

namespace troupe::test {

/// Stands for the worker at the gateway.
using near_actor = actors::worker_actor<db::item_table>::extend<caf::reacts_to<later>>;
/// Stands for a balancer or the directory of the gateway at the worker.
using far_actor =
    actors::gateway_actor::extend<caf::reacts_to<actors::job_results<db::item_table>>, caf::reacts_to<later>>;

/// What a wire needs of the world around it, which outlives it.
struct wire_environment {
  caf::actor_system* system = nullptr;
  std::function<caf::actor_clock::time_point()> now;
  std::function<void(std::chrono::microseconds, std::function<void()>)> after;
  /// Has an actor end with the test.
  std::function<void(const caf::strong_actor_ptr&)> keep;
};

class wire {
 public:
  using table = db::item_table;
  using duration = std::chrono::microseconds;

  wire(const wire_environment& world, actors::intake_actor<table> worker, std::uint64_t seed)
      : world_{world}, worker_{std::move(worker)} {
    to_worker_.random.seed(seed);
    to_gateway_.random.seed(seed + 1);
    near_ = world_.system->spawn(near_behavior, this);
    world_.keep(caf::actor_cast<caf::strong_actor_ptr>(near_));
  }
  wire(const wire&) = delete;
  wire& operator=(const wire&) = delete;

  caf::strong_actor_ptr published() const { return caf::actor_cast<caf::strong_actor_ptr>(near_); }

  /// From now on nothing arrives in the directions given.
  void lose(bool to_worker, bool to_gateway) {
    to_worker_.lost = to_worker_.lost || to_worker;
    to_gateway_.lost = to_gateway_.lost || to_gateway;
  }
  /// From now on and for so long nothing arrives; then all of it does.
  void stall(duration wait) {
    for (auto* each : {&to_worker_, &to_gateway_}) each->last = std::max(each->last, world_.now() + wait);
  }
  /// The ends see that the connection is gone, the gateway's and the worker's after so long.
  void end(duration near_wait, duration far_wait) {
    world_.after(near_wait, [this] { end_near(); });
    world_.after(far_wait, [this] { end_far(); });
  }
  /// The worker has ended; what it sent still arrives, and then the news.
  void end_orderly() {
    end_far();
    to_worker_.lost = true;
    world_.after(to_gateway_.delay(world_.now()), [this] { end_near(); });
  }
  /// The gateway closes the connection.
  void cut() { end({}, duration{1000}); }

 private:
  struct direction {
    std::mt19937_64 random;
    caf::actor_clock::time_point last{};
    bool lost = false;

    /// How long what is sent now is under way: it does not overtake.
    duration delay(caf::actor_clock::time_point now) {
      last = std::max(last, now + duration{100 + random() % 5000});
      return std::chrono::ceil<duration>(last - now);
    }
  };
  struct far_end {
    far_actor actor;
    far_actor::pointer self = nullptr;
  };
  using far_ptr = std::shared_ptr<far_end>;

  template <class Handle>
  void carry(direction& way, const Handle& to, std::function<void()> what) {
    if (way.lost) return;
    world_.after(way.delay(world_.now()), [&way, to, what = std::move(what)] {
      if (!way.lost) caf::anon_send(to, later{what});
    });
  }

  void end_near() {
    lose(true, true);
    caf::anon_send_exit(near_, caf::exit_reason::remote_link_unreachable);
  }
  void end_far() {
    to_worker_.lost = true;
    for (const auto& [sender, far] : fars_)
      caf::anon_send_exit(far->actor, caf::exit_reason::remote_link_unreachable);
  }

  far_ptr far_of(const caf::strong_actor_ptr& sender) {
    auto& out = fars_[sender];
    if (!out) {
      out = std::make_shared<far_end>();
      out->actor = world_.system->spawn(far_behavior, this, sender, out.get());
      world_.keep(caf::actor_cast<caf::strong_actor_ptr>(out->actor));
    }
    return out;
  }

  static near_actor::behavior_type near_behavior(near_actor::pointer self, wire* it) {
    it->near_self_ = self;
    return {
        [self, it](actors::enlist) {
          const auto far = it->far_of(self->current_sender());
          auto to = self->make_response_promise<actors::enlisted>();
          it->carry(it->to_worker_, far->actor, [it, to, far = far.get()] { it->enlist_at_worker(far, to); });
          return to;
        },
        [self, it](const actors::jobs<table>& what) {
          const auto far = it->far_of(self->current_sender());
          it->carry(it->to_worker_, far->actor,
                    [it, what, far = far.get()] { far->self->send(it->worker_, what); });
        },
        [](const later& what) { what.run(); },
    };
  }

  void enlist_at_worker(far_end* far, caf::typed_response_promise<actors::enlisted> to) {
    far->self->request(worker_, caf::infinite, actors::enlist{})
        .then(
            [this, to](actors::enlisted) {
              carry(to_gateway_, near_, [to]() mutable { to.deliver(actors::enlisted{}); });
            },
            [this, to](const caf::error& failed) {
              carry(to_gateway_, near_, [to, failed]() mutable { to.deliver(failed); });
            });
  }

  static far_actor::behavior_type far_behavior(far_actor::pointer self, wire* it,
                                               const caf::strong_actor_ptr& sender, far_end* own) {
    own->self = self;
    return {
        [self, it, sender, own](actors::leaving) {
          auto to = self->make_response_promise<actors::released>();
          it->carry(it->to_gateway_, it->near_, [it, to, sender, own] { it->tell_leaving(sender, own, to); });
          return to;
        },
        [it, sender](const actors::job_results<table>& what) {
          it->carry(it->to_gateway_, it->near_, [it, sender, what] {
            it->near_self_->send(caf::actor_cast<actors::job_sender_actor<table>>(sender), what);
          });
        },
        [](const later& what) { what.run(); },
    };
  }

  void tell_leaving(const caf::strong_actor_ptr& gateway, far_end* far,
                    caf::typed_response_promise<actors::released> to) {
    near_self_->request(caf::actor_cast<actors::gateway_actor>(gateway), caf::infinite, actors::leaving{})
        .then([this, far, to](actors::released) {
          carry(to_worker_, far->actor, [to]() mutable { to.deliver(actors::released{}); });
        });
  }

  const wire_environment& world_;
  actors::intake_actor<table> worker_;
  direction to_worker_, to_gateway_;
  near_actor near_;
  near_actor::pointer near_self_ = nullptr;
  std::map<caf::strong_actor_ptr, far_ptr> fars_;
};

}  // namespace troupe::test
