// Names to addresses, addresses to connections, connections to the balancers; and again after a loss.
#include "actors/directory.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "actors/errors.hpp"

namespace troupe::actors {

std::optional<worker_name> parse_worker_name(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  worker_name out{text.substr(0, colon), 0};
  const char* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data() + colon + 1, end, out.port);
  if (failed != std::errc{} || stop != end || out.port == 0) return std::nullopt;
  const bool bracketed = out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']';
  if (bracketed) out.host = out.host.substr(1, out.host.size() - 2);
  const bool has_colon = out.host.find(':') != std::string::npos;
  // An IPv6 address needs its brackets, a name must have none.
  if (has_colon != bracketed || out.host.find_first_of("[]") != std::string::npos) return std::nullopt;
  return out;
}

template <class Table>
void directory_state<Table>::start(directory_actor::pointer self, const node_settings& settings,
                                   const connector_actor& connector,
                                   std::vector<balancer_actor<Table>> balancers) {
  self_ = self;
  settings_ = settings;
  connector_ = connector;
  balancers_ = std::move(balancers);
  waits_ = backoff{settings.backoff_min, settings.backoff_max, settings.seed};
  for (const auto& each : settings.workers)
    if (auto parsed = parse_worker_name(each)) names_.push_back(std::move(*parsed));
  endpoints_.resize(names_.size());
  on_look_around();
}

template <class Table>
void directory_state<Table>::on_look_around() {
  for (std::size_t i = 0; i < names_.size(); ++i)
    self_->request(connector_, caf::infinite, look_up{names_[i].host})
        .then([this, i](const addresses& found) { on_addresses(i, found); },
              [this, i](const caf::error& failed) {
                // What it stood for before may still be there.
                spdlog::log(endpoints_[i].empty() ? spdlog::level::warn : spdlog::level::debug,
                            "The worker name \"{}\" cannot be resolved: {}", names_[i].host,
                            from_caf(failed).message);
              });
  self_->delayed_send(self_, settings_.resolve_interval, look_around{});
}

template <class Table>
void directory_state<Table>::on_addresses(std::size_t which, const addresses& found) {
  auto& own = endpoints_[which];
  own.clear();
  for (const auto& each : found.all) own.push_back({each, names_[which].port});
  for (auto it = peers_.begin(); it != peers_.end();) {
    auto& peer = it->second;
    peer.listed = std::any_of(endpoints_.begin(), endpoints_.end(), [&](const auto& list) {
      return std::find(list.begin(), list.end(), it->first) != list.end();
    });
    // One that is connected says itself when it leaves.
    it = !peer.listed && peer.state == phase::waiting ? peers_.erase(it) : std::next(it);
  }
  for (const auto& each : own)
    if (peers_.try_emplace(each).second) connect(each);
}

template <class Table>
void directory_state<Table>::connect(const endpoint& where) {
  peers_.at(where).state = phase::connecting;
  self_->request(connector_, caf::infinite, reach{where})
      .then([this, where](const reached& node) { greet(where, node); },
            [this, where](const caf::error& failed) { on_failure(where, from_caf(failed)); });
}

template <class Table>
void directory_state<Table>::greet(const endpoint& where, const reached& node) {
  const auto expected = self_->system().template message_types<worker_actor<Table>>();
  if (!self_->system().assignable(node.signatures, expected)) {
    node.cut();
    return on_failure(where, {db::errc::unavailable, "it is of another version"});
  }
  const auto worker = caf::actor_cast<worker_actor<Table>>(node.published);
  self_->request(worker, settings_.connect_timeout, enlist{})
      .then(
          [this, where, worker](enlisted) {
            auto& peer = peers_.at(where);
            peer = {phase::connected, worker, 0, {}, peer.listed, 0};
            self_->monitor(worker);
            for (const auto& each : balancers_) self_->send(each, worker_up<Table>{worker});
            spdlog::info("Worker {} is connected", to_string(where));
          },
          [this, where, cut = node.cut](const caf::error& failed) {
            cut();
            on_failure(where, from_caf(failed));
          });
}

template <class Table>
void directory_state<Table>::wait(const endpoint& where, unsigned failures, const db::error& why) {
  auto& peer = peers_.at(where);
  peer = {phase::waiting, {}, failures, why, peer.listed, ++last_timer_};
  self_->delayed_send(self_, waits_.after(failures), reconnect_worker{where, peer.timer});
}

template <class Table>
void directory_state<Table>::on_failure(const endpoint& where, const db::error& why) {
  auto& peer = peers_.at(where);
  // One line a cause.
  spdlog::log(peer.last_failure == why ? spdlog::level::debug : spdlog::level::warn,
              "Worker {} cannot be reached: {}", to_string(where), why.message);
  wait(where, peer.failures + 1, why);
}

template <class Table>
void directory_state<Table>::on_reconnect(const reconnect_worker& what) {
  const auto found = peers_.find(what.where);
  if (found == peers_.end() || found->second.state != phase::waiting || found->second.timer != what.timer)
    return;
  if (found->second.listed)
    connect(what.where);
  else
    peers_.erase(found);
}

template <class Table>
void directory_state<Table>::on_down(const caf::actor_addr& who, const caf::error& why) {
  for (auto& [where, peer] : peers_) {
    if (peer.worker.address() != who) continue;
    const bool expected = peer.state == phase::leaving;
    spdlog::log(expected ? spdlog::level::info : spdlog::level::warn, "Worker {} is gone{}", to_string(where),
                expected ? "" : ": " + to_string(why));
    wait(where, 1, {db::errc::connection_lost, "the connection was lost"});
  }
}

template <class Table>
void directory_state<Table>::on_leaving(const caf::actor_addr& who,
                                        caf::typed_response_promise<released> answer) {
  worker_actor<Table> worker;
  for (auto& [where, peer] : peers_) {
    if (peer.worker.address() != who) continue;
    // It says so twice, the second time behind its last answers.
    if (std::exchange(peer.state, phase::leaving) != phase::leaving)
      spdlog::info("Worker {} leaves", to_string(where));
    worker = peer.worker;
  }
  if (!worker) {
    answer.deliver(released{});
    return;
  }
  const auto missing = std::make_shared<std::size_t>(balancers_.size());
  auto count = [missing, answer]() mutable {
    if (--*missing == 0) answer.deliver(released{});
  };
  for (const auto& each : balancers_)
    self_->request(each, caf::infinite, worker_leaving<Table>{worker})
        .then([count](released) mutable { count(); }, [count](const caf::error&) mutable { count(); });
}

template <class Table>
directory_status directory_state<Table>::status() const {
  // Only `unavailable` has words of our own.
  const auto reason = [](const db::error& why) {
    return !why || why.code == db::errc::unavailable ? why.message : std::string{db::public_reason(why.code)};
  };
  directory_status out;
  for (const auto& [where, peer] : peers_)
    out.workers.push_back({to_string(where), peer.state == phase::connected || peer.state == phase::leaving,
                           peer.state == phase::leaving, reason(peer.last_failure)});
  return out;
}

template <class Table>
directory_actor::behavior_type directory(directory_actor::stateful_pointer<directory_state<Table>> self,
                                         const node_settings& settings, const connector_actor& connector,
                                         const std::vector<balancer_actor<Table>>& balancers) {
  self->state.start(self, settings, connector, balancers);
  self->set_down_handler(
      [self](const caf::down_msg& down) { self->state.on_down(down.source, down.reason); });
  return {
      [self](leaving) {
        // A promise takes the sender with it.
        const auto sender = caf::actor_cast<caf::actor_addr>(self->current_sender());
        auto answer = self->template make_response_promise<released>();
        self->state.on_leaving(sender, answer);
        return answer;
      },
      [self](look_around) { self->state.on_look_around(); },
      [self](const reconnect_worker& m) { self->state.on_reconnect(m); },
      [self](directory_status_request) { return self->state.status(); },
  };
}

template directory_actor::behavior_type directory<db::item_table>(
    directory_actor::stateful_pointer<directory_state<db::item_table>>, const node_settings&,
    const connector_actor&, const std::vector<balancer_actor<db::item_table>>&);

}  // namespace troupe::actors
