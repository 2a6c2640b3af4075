// Gateways and workers of one service in one deterministic system, whose network and workers fail on cue.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "actors/balancer.hpp"
#include "actors/connector.hpp"
#include "actors/directory.hpp"
#include "actors/intake.hpp"
#include "tests/actors/deterministic.hpp"
#include "tests/actors/simulated_items.hpp"
#include "tests/actors/simulated_wire.hpp"

namespace troupe::test {

/// A request of a simulated client, and what became of it.
struct simulated_request {
  /// What the change is called; empty if it reads.
  std::string name;
  bool keyed = false;
  std::chrono::milliseconds within{};
  caf::actor_clock::time_point sent{}, answered{};
  int answers = 0;
  /// Of the last answer.
  db::errc code = db::errc::none;
  /// Whether an answer without an error belongs to this request, and not to another.
  bool fits = true;
};

/// Whether a reply can be the one to a request.
struct fits {
  using table = db::item_table;

  bool operator()(const actors::find<table>& what, const db::item& got) const {
    return got.key() == what.key;
  }
  bool operator()(const actors::list<table>& what, const actors::rows<table>& got) const {
    auto last = what.skip;
    for (const auto& each : got)
      if (each.key() <= std::exchange(last, each.key())) return false;
    return static_cast<std::int64_t>(got.size()) <= what.limit;
  }
  bool operator()(const actors::create<table>& what, const db::item& got) const {
    return got.get<"name">() == what.row.get<"name">();
  }
  bool operator()(const actors::replace<table>& what, const db::item& got) const { return got == what.row; }
  bool operator()(const actors::update<table>& what, const db::item& got) const { return got == what.row; }
  bool operator()(const actors::remove<table>& what, std::int64_t got) const { return got == what.key; }
  bool operator()(const actors::once<table>& what, const actors::once_reply<table>& got) const {
    if (!got.row) return !std::holds_alternative<actors::create<table>>(what.what);
    if (const auto* removal = std::get_if<actors::remove<table>>(&what.what))
      return got.row->key() == removal->key;
    const auto& row = *got.row;
    return std::visit(
        [&](const auto& change) {
          if constexpr (std::is_same_v<decltype(change), const actors::remove<table>&>)
            return false;
          else
            return fits{}(change, row);
        },
        what.what);
  }
};

class nodes_simulation : public deterministic {
 public:
  using table = db::item_table;
  using microseconds = std::chrono::microseconds;
  using milliseconds = std::chrono::milliseconds;

  nodes_simulation(std::uint64_t seed, std::size_t gateways, std::size_t workers,
                   const item_troubles& troubles = {})
      : troubles_{troubles}, random_{seed} {
    world_ = {&system, [this] { return now(); },
              [this](microseconds wait, std::function<void()> what) { after(wait, std::move(what)); },
              [this](const caf::strong_actor_ptr& who) { kept_.push_back(who); }};
    ticker_ = spawn(
        [](caf::event_based_actor*, int) -> caf::behavior { return {[](const later& what) { what.run(); }}; },
        0);
    for (std::size_t i = 0; i < workers; ++i) {
      workers_.push_back({{"10.0.0." + std::to_string(i), 4711}, {}, {}, false});
      start_worker(i);
    }
    for (std::size_t i = 0; i < gateways; ++i) start_gateway(seed + i);
    advance(milliseconds{100});
  }
  ~nodes_simulation() override {
    for (const auto& each : kept_) caf::anon_send_exit(each, caf::exit_reason::kill);
    run();
  }
  nodes_simulation(const nodes_simulation&) = delete;
  nodes_simulation& operator=(const nodes_simulation&) = delete;

  void TestBody() override {}
  using deterministic::advance;

  int draw(int from, int to) {
    return from + static_cast<int>(random_() % static_cast<std::uint64_t>(to - from + 1));
  }
  std::size_t draw_index(std::size_t size) { return random_() % size; }
  std::size_t workers() const { return workers_.size(); }
  std::size_t gateways() const { return gateways_.size(); }

  void after(microseconds wait, std::function<void()> what) {
    caf::delayed_anon_send(ticker_, wait, later{std::move(what)});
  }

  /// Sends a request through a gateway.
  template <class Request>
  std::shared_ptr<simulated_request> send(std::size_t gateway, Request what, std::string name = {}) {
    auto out = std::make_shared<simulated_request>();
    out->name = std::move(name);
    out->sent = now();
    if constexpr (std::is_same_v<Request, actors::once<table>>) {
      out->keyed = true;
      out->within = std::visit([](const auto& each) { return each.within; }, what.what);
    } else {
      out->within = what.within;
    }
    requests.push_back(out);
    using reply = actors::reply_to<table, Request>;
    kept_.push_back(caf::actor_cast<caf::strong_actor_ptr>(system.spawn(
        [this](caf::event_based_actor* self, const std::shared_ptr<simulated_request>& it,
               const actors::item_actor& whom, const Request& message) {
          const auto on_answer = [this, it](db::errc code) {
            ++it->answers;
            it->answered = now();
            it->code = code;
          };
          self->request(whom, caf::infinite, message)
              .then(
                  [on_answer, it, message](const reply& got) {
                    it->fits = fits{}(message, got);
                    on_answer(db::errc::none);
                  },
                  [on_answer](const caf::error& failed) { on_answer(actors::from_caf(failed).code); });
        },
        out, caf::actor_cast<actors::item_actor>(gateways_[gateway].balancer), std::move(what))));
    return out;
  }

  actors::balancer_status status(std::size_t gateway) {
    return ask<actors::balancer_status>(gateways_[gateway].balancer, actors::balancer_status_request{})
        ->value.value();
  }

  bool is_up(std::size_t worker) const { return workers_[worker].up; }
  void start_worker(std::size_t which) {
    auto& it = workers_[which];
    if (std::exchange(it.up, true)) return;
    std::vector<actors::item_actor> lanes;
    for (int i = 0; i < 2; ++i) {
      const auto made = system.spawn(simulated_items, &database, troubles_, random_());
      lanes.push_back(caf::actor_cast<actors::item_actor>(made));
      it.parts.push_back(caf::actor_cast<caf::strong_actor_ptr>(made));
    }
    it.intake = system.spawn(actors::intake<table>, lanes, actors::node_settings{}.max_message);
    it.parts.push_back(caf::actor_cast<caf::strong_actor_ptr>(it.intake));
    kept_.insert(kept_.end(), it.parts.begin(), it.parts.end());
  }
  /// Ends the process of a worker, or its machine, of which nobody is told.
  void kill_worker(std::size_t which, bool silently) {
    auto& it = workers_[which];
    if (!std::exchange(it.up, false)) return;
    for (auto& each : connections_)
      if (each.worker == which) silently ? give_up(each, true, true) : each.line->end_orderly();
    std::erase_if(connections_, [which](const connection& each) { return each.worker == which; });
    for (const auto& each : std::exchange(it.parts, {})) caf::anon_send_exit(each, caf::exit_reason::kill);
  }
  /// Asks a worker to leave, and ends it when it has. Whether it has, is in the answer.
  answer_ptr<actors::left> leave_worker(std::size_t which) {
    auto out = send_request<actors::left>(workers_[which].intake, actors::leave{});
    end_when_left(which, workers_[which].intake, out);
    return out;
  }
  /// Cuts a gateway off from a worker, in one direction or both, until it is healed.
  void cut_off(std::size_t gateway, std::size_t worker, bool to_worker, bool to_gateway) {
    cuts_.insert({gateway, worker});
    for (auto& each : connections_)
      if (each.gateway == gateway && each.worker == worker) give_up(each, to_worker, to_gateway);
    std::erase_if(connections_, [&](const auto& it) { return it.gateway == gateway && it.worker == worker; });
  }
  void heal(std::size_t gateway, std::size_t worker) { cuts_.erase({gateway, worker}); }
  /// Delays all that is sent between two for a while.
  void stall(std::size_t gateway, std::size_t worker, milliseconds wait) {
    for (auto& each : connections_)
      if (each.gateway == gateway && each.worker == worker) each.line->stall(wait);
  }

  simulated_database database;
  std::vector<std::shared_ptr<simulated_request>> requests;

 private:
  struct simulated_worker {
    actors::endpoint where;
    actors::intake_actor<table> intake;
    std::vector<caf::strong_actor_ptr> parts;
    bool up = false;
  };
  struct simulated_gateway {
    actors::balancer_actor<table> balancer;
    actors::directory_actor directory;
  };
  struct connection {
    std::size_t gateway, worker;
    wire* line;
  };
  using connector = actors::connector_actor::extend<caf::reacts_to<later>>;

  void start_gateway(std::uint64_t seed) {
    actors::node_settings settings;
    settings.workers = {"workers.example:4711"};
    settings.seed = seed;
    const auto balancer =
        spawn(actors::balancer<table>, settings,
              actors::defer_function<table>{[this](const actors::balancer_actor<table>& to) {
                after(microseconds{draw(1, 200)}, [to] { caf::anon_send(to, actors::send_jobs{}); });
              }});
    const auto reach = spawn(connect, this, gateways_.size());
    gateways_.push_back(
        {balancer, spawn(actors::directory<table>, settings, caf::actor_cast<actors::connector_actor>(reach),
                         std::vector<actors::balancer_actor<table>>{balancer})});
  }

  // Both ends notice at the heartbeat after the timeout, each on its own.
  void give_up(connection& which, bool to_worker, bool to_gateway) {
    which.line->lose(to_worker, to_gateway);
    which.line->end(milliseconds{draw(3000, 4000)}, milliseconds{draw(3000, 4000)});
  }

  void end_when_left(std::size_t which, const actors::intake_actor<table>& who,
                     const answer_ptr<actors::left>& answer) {
    if (workers_[which].intake != who || !workers_[which].up) return;
    if (answer->value) return kill_worker(which, false);
    after(milliseconds{10}, [this, which, who, answer] { end_when_left(which, who, answer); });
  }

  static connector::behavior_type connect(connector::pointer self, nodes_simulation* it, std::size_t own) {
    const auto fail = [](auto& to) { to.deliver(actors::to_caf({db::errc::unavailable, "no way"})); };
    return {
        [self, it, fail](const actors::look_up&) {
          auto to = self->make_response_promise<actors::addresses>();
          actors::addresses all;
          for (const auto& each : it->workers_) all.all.push_back(each.where.address);
          const bool fails = it->now().time_since_epoch() > std::chrono::seconds{1} && it->draw(0, 4) == 0;
          const later answer{[to, all, fails, fail]() mutable {
            if (fails)
              fail(to);
            else
              to.deliver(all);
          }};
          self->delayed_send(self, milliseconds{it->draw(1, 20)}, answer);
          return to;
        },
        [self, it, own, fail](const actors::reach& what) {
          auto to = self->make_response_promise<actors::reached>();
          std::size_t which = 0;
          while (it->workers_[which].where != what.where) ++which;
          const bool cut = it->cuts_.contains({own, which});
          const later answer{[it, own, which, fail, to]() mutable {
            if (it->cuts_.contains({own, which}) || !it->workers_[which].up) return fail(to);
            auto& line = it->wires_.emplace_back(it->world_, it->workers_[which].intake, it->random_());
            it->connections_.push_back({own, which, &line});
            to.deliver(actors::reached{line.published(),
                                       it->system.message_types<actors::worker_actor<table>>(),
                                       [&line] { line.cut(); }});
          }};
          self->delayed_send(self, milliseconds{cut ? 2000 : it->draw(1, 10)}, answer);
          return to;
        },
        [](const later& what) { what.run(); },
    };
  }

  item_troubles troubles_;
  std::mt19937_64 random_;
  wire_environment world_;
  caf::actor ticker_;
  std::vector<caf::strong_actor_ptr> kept_;
  std::vector<simulated_worker> workers_;
  std::vector<simulated_gateway> gateways_;
  std::deque<wire> wires_;
  std::vector<connection> connections_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
};

}  // namespace troupe::test
