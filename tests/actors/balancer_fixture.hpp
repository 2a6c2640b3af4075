// A balancer under test with mock workers, and a loop that is over when the test says so.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "actors/balancer.hpp"
#include "tests/actors/deterministic.hpp"
#include "tests/actors/mock_worker.hpp"

namespace troupe::test {

class balancer_fixture : public deterministic {
 protected:
  using table = db::item_table;
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds budget{1000};

  /// A balancer that knows so many workers.
  void start(std::size_t count, const actors::node_settings& settings = {}) {
    balancer =
        spawn(actors::balancer<table>, settings,
              actors::defer_function<table>{[this](const actors::balancer_actor<table>&) { ++deferred; }});
    run();
    for (std::size_t i = 0; i < count; ++i) add_worker();
  }

  void add_worker() {
    auto& made = workers.emplace_back();
    made.actor = spawn(mock_worker_behavior, made.log);
    caf::anon_send(balancer, actors::worker_up<table>{made.handle()});
    run();
  }

  auto find_item(std::int64_t key, milliseconds within = budget) {
    return ask<db::item>(balancer, actors::find<table>{key, within});
  }
  auto create_item(const std::string& name, milliseconds within = budget) {
    return ask<db::item>(balancer, actors::create<table>{item_called(name), within});
  }
  auto create_once(const std::string& key, milliseconds within = budget) {
    return ask<actors::once_reply<table>>(
        balancer, actors::once<table>{key, actors::create<table>{item_called("once"), within}, budget});
  }

  /// The sockets that are ready have been dealt with.
  void flush() {
    deferred = 0;
    caf::anon_send(balancer, actors::send_jobs{});
    run();
  }

  /// Lets a worker answer a job.
  void answer(std::size_t worker, std::uint64_t number, actors::reply_of<table> reply) {
    answer(worker, {{{number, std::move(reply)}}});
  }
  void answer(std::size_t worker, actors::job_results<table> results) {
    const auto& who = workers.at(worker);
    caf::anon_send(who.actor,
                   answer_jobs{caf::actor_cast<caf::strong_actor_ptr>(balancer), std::move(results)});
    run();
  }
  /// Lets a worker answer its latest job.
  void answer_latest(std::size_t worker, actors::reply_of<table> reply) {
    ASSERT_GT(count(worker), 0u) << "worker " << worker << " was sent nothing";
    answer(worker, workers[worker].jobs().back().number, std::move(reply));
  }
  void fail_latest(std::size_t worker, db::errc code) { answer_latest(worker, db::error{code, "no"}); }

  void lose(std::size_t worker) {
    caf::anon_send_exit(workers.at(worker).actor, caf::exit_reason::remote_link_unreachable);
    run();
  }
  auto leave(std::size_t worker) {
    return ask<actors::released>(balancer, actors::worker_leaving<table>{workers.at(worker).handle()});
  }

  actors::balancer_status status() {
    return ask<actors::balancer_status>(balancer, actors::balancer_status_request{})->value.value();
  }
  /// How many jobs a worker was sent.
  std::size_t count(std::size_t worker) const { return workers.at(worker).jobs().size(); }
  /// The worker with more jobs, of the first two.
  std::size_t busier() const { return count(0) > count(1) ? 0 : 1; }

  actors::balancer_actor<table> balancer;
  std::deque<mock_worker> workers;
  int deferred = 0;
};

}  // namespace troupe::test
