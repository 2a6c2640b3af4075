// A directory under test: with names, addresses and workers as the test says, and balancers that take notes.
#pragma once

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/event_based_actor.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/directory.hpp"
#include "tests/actors/deterministic.hpp"
#include "tests/actors/mock_worker.hpp"

namespace troupe::test {

/// What a balancer was told.
struct mock_balancer_log {
  std::vector<actors::worker_actor<db::item_table>> up;
  std::vector<actors::worker_actor<db::item_table>> leaving;
  /// Leaves leavers without an answer for now.
  bool holds = false;
  std::vector<caf::response_promise> held;
};

class directory_fixture : public deterministic {
 protected:
  using table = db::item_table;
  using milliseconds = std::chrono::milliseconds;

  void SetUp() override { spdlog::set_level(spdlog::level::off); }
  void TearDown() override { spdlog::set_level(spdlog::level::info); }

  /// A directory that looks for these names, with two balancers.
  void start(const std::vector<std::string>& names) {
    settings.workers = names;
    std::vector<actors::balancer_actor<table>> all;
    for (int i = 0; i < 2; ++i) {
      balancers.push_back(std::make_shared<mock_balancer_log>());
      balancer_actors.push_back(spawn(mock_balancer, balancers.back()));
      all.push_back(caf::actor_cast<actors::balancer_actor<table>>(
          caf::actor_cast<caf::strong_actor_ptr>(balancer_actors.back())));
    }
    connector_ = spawn(mock_connector, this);
    directory = spawn(actors::directory<table>, settings, connector_, all);
    run();
  }

  /// A worker listens at this address.
  mock_worker& add_worker(const std::string& address) {
    auto& made = workers[address];
    made = {};
    made.actor = spawn(mock_worker_behavior, made.log);
    run();
    return made;
  }
  /// It no longer does; its connection is lost.
  void lose(const std::string& address) {
    const auto gone = workers[address].actor;
    workers.erase(address);
    caf::anon_send_exit(gone, caf::exit_reason::remote_link_unreachable);
    run();
  }
  /// A worker says that it leaves.
  std::shared_ptr<bool> leave(const mock_worker& who) {
    auto done = std::make_shared<bool>(false);
    caf::anon_send(who.actor, later{[this, log = who.log, done] {
                     log->self
                         ->request(caf::actor_cast<actors::gateway_actor>(directory), caf::infinite,
                                   actors::leaving{})
                         .then([done](actors::released) { *done = true; });
                   }});
    run();
    return done;
  }
  void release(std::size_t balancer) {
    caf::anon_send(balancer_actors[balancer], later{[log = balancers[balancer]] {
                     for (auto& each : std::exchange(log->held, {})) each.deliver(actors::released{});
                   }});
    run();
  }

  std::vector<actors::worker_status> status() {
    return ask<actors::directory_status>(directory, actors::directory_status_request{})
        ->value.value()
        .workers;
  }
  /// Of the worker at an address; nothing but the address, empty, if there is none.
  actors::worker_status status_of(const std::string& address) {
    for (const auto& each : status())
      if (each.where == address + ":4711") return each;
    return {};
  }
  /// When it was tried to connect to an address.
  const std::vector<time_point>& attempts(const std::string& address) { return attempts_[address]; }
  std::vector<milliseconds> waits(const std::string& address) {
    std::vector<milliseconds> out;
    const auto& all = attempts(address);
    for (std::size_t i = 1; i < all.size(); ++i)
      out.push_back(std::chrono::duration_cast<milliseconds>(all[i] - all[i - 1]));
    return out;
  }

  actors::node_settings settings;
  /// What each host stands for; the others cannot be resolved.
  std::map<std::string, std::vector<std::string>> hosts;
  /// By their addresses.
  std::map<std::string, mock_worker> workers;
  /// What nodes at an address say of themselves, where it is not the truth.
  std::map<std::string, std::set<std::string>> signatures;
  std::map<std::string, int> cuts;
  std::map<std::string, int> lookups;
  std::vector<std::shared_ptr<mock_balancer_log>> balancers;
  std::vector<caf::actor> balancer_actors;
  actors::directory_actor directory;

 private:
  static caf::behavior mock_balancer(caf::event_based_actor* self,
                                     const std::shared_ptr<mock_balancer_log>& log) {
    return {
        [log](const actors::worker_up<table>& what) { log->up.push_back(what.worker); },
        [self, log](const actors::worker_leaving<table>& what) {
          log->leaving.push_back(what.worker);
          log->held.push_back(self->make_response_promise());
          if (!log->holds) std::exchange(log->held, {}).back().deliver(actors::released{});
        },
        [](const later& what) { what.run(); },
    };
  }

  static actors::connector_actor::behavior_type mock_connector(actors::connector_actor::pointer,
                                                               directory_fixture* it) {
    const db::error refused{db::errc::connection_refused, "connect: hunter2"};
    return {
        [it, refused](const actors::look_up& what) -> caf::result<actors::addresses> {
          ++it->lookups[what.host];
          if (!it->hosts.contains(what.host)) return actors::to_caf(refused);
          return actors::addresses{it->hosts[what.host]};
        },
        [it, refused](const actors::reach& what) -> caf::result<actors::reached> {
          const auto& address = what.where.address;
          it->attempts_[address].push_back(it->now());
          if (!it->workers.contains(address)) return actors::to_caf(refused);
          const auto truth = it->system.message_types<actors::worker_actor<table>>();
          return actors::reached{caf::actor_cast<caf::strong_actor_ptr>(it->workers[address].actor),
                                 it->signatures.contains(address) ? it->signatures[address] : truth,
                                 [it, address] { ++it->cuts[address]; }};
        },
    };
  }

  std::map<std::string, std::vector<time_point>> attempts_;
  actors::connector_actor connector_;
};

}  // namespace troupe::test
