// Puts the parts of each lane together, and takes them apart in the order that loses nothing.
#include "http/service.hpp"

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <caf/atom.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <functional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "actors/balancer.hpp"
#include "actors/connection.hpp"
#include "actors/lanes.hpp"
#include "actors/migrator.hpp"
#include "actors/pool.hpp"
#include "actors/resource.hpp"
#include "actors/supervision.hpp"
#include "db/statements.hpp"
#include "http/docs.hpp"
#include "http/health.hpp"
#include "http/resource_api.hpp"

namespace troupe::http {

namespace {

// How often wait_until_ready() asks.
constexpr std::chrono::milliseconds ask_interval{20};
// A front or a pool that does not answer within it has a bug; nothing waits for ever.
constexpr std::chrono::seconds answer_bound{60};

// All statements that a connection prepares.
std::span<const db::statement* const> all_statements() {
  static const auto all = [] {
    std::vector<const db::statement*> out;
    for (const auto& each : db::statements_of<db::item_table>()) out.push_back(&each);
    return out;
  }();
  return all;
}

// With SO_REUSEPORT the kernel would let a second process of this account share the port unnoticed.
void require_free_port(const settings& settings) {
  asio::io_context loop;
  const asio::ip::tcp::endpoint where{asio::ip::make_address(settings.address), settings.port};
  asio::ip::tcp::acceptor probe{loop, where.protocol()};
  probe.set_option(asio::ip::tcp::acceptor::reuse_address{true});
  probe.bind(where);
}

// Whatever this process has to stop, in any order.
template <class... Handles>
void end_all(const Handles&... all) {
  const auto end = [](const auto& each) {
    if (each) caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  };
  (end(all), ...);
}

std::string authority(const std::string& address, std::uint16_t port) {
  return actors::to_string(actors::endpoint{address, port});
}

}  // namespace

service::service(caf::actor_system& system, const options& options, std::optional<db::conninfo> database,
                 actors::tls_context tls)
    : system_{system}, options_{options}, database_{std::move(database)}, tls_{std::move(tls)} {}

void service::start() {
  parts_.resize(actors::lane_scheduler::of(system_).size());
  if (options_.what == command::gateway)
    start_workers_side();
  else
    start_database_side();
  if (options_.node.port != 0 && options_.what != command::gateway) start_node_port();
  if (options_.what != command::worker) start_http();
  if (options_.node.health_port != 0) start_health_port();
  start_watch();
}

void service::start_watch() {
  auto& lanes = actors::lane_scheduler::of(system_);
  std::vector<actors::essential_actor> all;
  std::vector<front_actor> fronts;
  const auto add = [&](std::string name, const auto& actor) {
    if (actor) all.push_back({std::move(name), caf::actor_cast<caf::strong_actor_ptr>(actor)});
  };
  const auto add_front = [&](const std::string& name, const front_actor& actor) {
    add(name, actor);
    if (actor) fronts.push_back(actor);
  };
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto where = " actor of lane " + std::to_string(i);
    add("The pool" + where, parts_[i].pool);
    add("The item" + where, parts_[i].items);
    add_front("The front" + where, parts_[i].front);
  }
  add_front("The front actor of the health port", health_.front);
  add("The migrator", migrator_);
  add("The connector", connector_);
  add("The directory", directory_);
  add("The intake", intake_);
  if (connector_ || intake_)
    add("CAF's broker", system_.middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP")));
  const actors::failure_handler on_loss = [&lanes, fronts, intake = intake_](const std::string& sentence) {
    for (const auto& each : fronts) caf::anon_send(each, give_up{});
    // Gateways settle what a worker had as soon as it is gone.
    if (intake) caf::anon_send_exit(intake, caf::exit_reason::kill);
    lanes.fail(sentence);
  };
  watch_ = lanes.at(0).spawn(actors::watch, all, on_loss);
}

void service::start_database_side() {
  auto& lanes = actors::lane_scheduler::of(system_);
  const auto session = std::make_shared<const actors::session_settings>(
      actors::session_settings{*database_, options_.connection});
  if (options_.migrate)
    migrator_ = actors::spawn_migrator(lanes.at(0), session, options_.pool, actors::on_failure::retry);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    auto& home = lanes.at(i);
    auto pool_settings = options_.pool;
    pool_settings.seed += i;
    const actors::connection_factory connect = [&home, session](actors::slot_index slot,
                                                                const actors::pool_actor& owner) {
      return actors::spawn_connection(home, session, all_statements(), slot, owner);
    };
    parts_[i].pool = home.spawn(actors::pool, pool_settings, connect, migrator_);
    parts_[i].items = home.spawn(actors::resource<db::item_table>, parts_[i].pool, options_.batch);
  }
}

void service::start_node_port() {
  auto& home = actors::lane_scheduler::of(system_).at(0);
  std::vector<actors::item_actor> items;
  items.reserve(parts_.size());
  for (const auto& each : parts_) items.push_back(each.items);
  intake_ = home.spawn(actors::intake<db::item_table>, items, options_.node.max_message);
  // Gateways see what crosses nodes, not what the intake tells itself.
  node_port_ = std::make_unique<actors::node_port>(
      home, options_.node, tls_, caf::actor_cast<caf::strong_actor_ptr>(intake_),
      system_.message_types<actors::worker_actor<db::item_table>>());
}

void service::start_workers_side() {
  using balancer = actors::balancer_actor<db::item_table>;
  auto& lanes = actors::lane_scheduler::of(system_);
  std::vector<balancer> balancers;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    auto& home = lanes.at(i);
    auto node = options_.node;
    node.seed += i;
    // Behind the sockets that are ready now: what they bring for a worker leaves as one message.
    const actors::defer_function<db::item_table> defer = [&home](const balancer& to) {
      asio::post(home.io(), [&home, to] {
        home.send(to, actors::send_jobs{});
        home.run_ready();
      });
    };
    balancers.push_back(home.spawn(actors::balancer<db::item_table>, node, defer));
    parts_[i].items = balancers.back();
  }
  connector_ = actors::spawn_connector(lanes.at(0), options_.node, tls_);
  directory_ = lanes.at(0).spawn(actors::directory<db::item_table>, options_.node, connector_, balancers);
}

std::vector<route_source> service::routes(const lane_part& part) const {
  return {resource_api<db::item_table>(part.items, options_.http),
          docs({describe<db::item_table>()}, options_.http, docs_assets()), health(part.pool, directory_)};
}

void service::start_http() {
  auto& lanes = actors::lane_scheduler::of(system_);
  auto share = options_.http;
  share.max_connections /= parts_.size();
  const auto port_sharing = parts_.size() == 1 ? server::sharing::alone : server::sharing::with_other_lanes;
  if (port_sharing == server::sharing::with_other_lanes && share.port != 0) require_free_port(share);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    auto& home = lanes.at(i);
    auto& part = parts_[i];
    part.listener = std::make_unique<server>(home, share, port_sharing, [&](client_counter count) {
      return part.front = home.spawn(front, options_.http, routes(part), std::move(count));
    });
    // With port 0 the kernel chose one for the first lane; the others join it there.
    share.port = part.listener->port();
  }
}

void service::start_health_port() {
  auto& home = actors::lane_scheduler::of(system_).at(0);
  auto probes = options_.http;
  probes.port = options_.node.health_port;
  probes.max_connections = max_probes;
  health_.listener =
      std::make_unique<server>(home, probes, server::sharing::alone, [&](client_counter count) {
        return health_.front = home.spawn(front, probes,
                                          std::vector<route_source>{health(parts_.front().pool, directory_)},
                                          std::move(count));
      });
}

service::~service() { stop(); }

std::string service::where() const {
  std::string out;
  if (parts_.front().listener)
    out = "http://" + authority(options_.http.address, parts_.front().listener->port()) + "/";
  if (node_port_) {
    if (!out.empty()) out += ", ";
    out += "node port " + authority(options_.node.address, node_port_->port());
  }
  return out;
}

std::string service::wait_until_ready(std::chrono::milliseconds patience, const std::stop_token& stop) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto has_to_end = [&] {
    return stop.stop_requested() || std::chrono::steady_clock::now() >= deadline;
  };
  caf::scoped_actor self{system_};
  for (const auto& part : parts_) {
    while (part.pool) {
      actors::pool_status status;
      self->request(part.pool, answer_bound, actors::status_request{})
          .receive([&](const actors::pool_status& now) { status = now; },
                   [&](const caf::error& failed) { status.last_failure = to_string(failed); });
      if (status.ready > 0) break;
      if (has_to_end()) return status.last_failure.empty() ? "no connection yet" : status.last_failure;
      std::this_thread::sleep_for(ask_interval);
    }
  }
  while (directory_) {
    actors::directory_status status;
    self->request(directory_, answer_bound, actors::directory_status_request{})
        .receive([&](const actors::directory_status& now) { status = now; }, [](const caf::error&) {});
    if (std::any_of(status.workers.begin(), status.workers.end(),
                    [](const auto& each) { return each.connected; }))
      break;
    if (has_to_end())
      return status.workers.empty() || status.workers.front().last_failure.empty()
                 ? "no worker is connected yet"
                 : "worker " + status.workers.front().where + ": " + status.workers.front().last_failure;
    std::this_thread::sleep_for(ask_interval);
  }
  return {};
}

std::size_t service::stop() {
  if (std::exchange(stopped_, true)) return 0;
  // Before the gateways hear of it, so that none comes back.
  node_port_.reset();
  for (auto& part : parts_)
    if (part.listener) part.listener->stop_accepting();
  std::size_t left = 0;
  {
    caf::scoped_actor self{system_};
    const auto drain_front = [&](const lane_part& part) {
      return self->request(part.front, answer_bound, drain{});
    };
    std::vector<decltype(drain_front(parts_.front()))> draining;
    for (auto& part : parts_)
      if (part.front) draining.push_back(drain_front(part));
    if (intake_)
      self->request(intake_, options_.http.shutdown_grace, actors::leave{})
          .receive([](actors::left) {}, [](const caf::error&) {});
    for (auto& each : draining)
      each.receive([&](const drained& answer) { left += answer.left; }, [](const caf::error&) {});
  }
  // From here on they end because they are told to.
  end_all(watch_);
  for (auto& part : parts_) part.listener.reset();
  health_.listener.reset();
  for (const auto& part : parts_) end_all(part.front, part.items, part.pool);
  end_all(health_.front, directory_, connector_, intake_, migrator_);
  parts_.clear();
  health_ = {};
  directory_ = nullptr;
  connector_ = nullptr;
  watch_ = nullptr;
  intake_ = nullptr;
  migrator_ = nullptr;
  return left;
}

}  // namespace troupe::http
