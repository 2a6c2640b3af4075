// Puts the parts of each lane together, and takes them apart in the order that loses nothing.
#include "http/service.hpp"

#include <asio/ip/tcp.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <functional>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "actors/connection.hpp"
#include "actors/lanes.hpp"
#include "actors/migrator.hpp"
#include "actors/pool.hpp"
#include "actors/resource.hpp"
#include "db/statements.hpp"
#include "http/docs.hpp"
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

}  // namespace

service::service(caf::actor_system& system, const options& options, const db::conninfo& database)
    : system_{system}, options_{options}, database_{database} {}

void service::start() {
  auto& lanes = actors::lane_scheduler::of(system_);
  auto share = options_.http;
  share.max_connections /= lanes.size();
  const auto port_sharing = lanes.size() == 1 ? server::sharing::alone : server::sharing::with_other_lanes;
  if (port_sharing == server::sharing::with_other_lanes && share.port != 0) require_free_port(share);

  const auto session = std::make_shared<const actors::session_settings>(
      actors::session_settings{database_, options_.connection});
  if (options_.migrate)
    migrator_ = actors::spawn_migrator(lanes.at(0), session, options_.pool, actors::on_failure::retry);

  for (std::size_t i = 0; i < lanes.size(); ++i) {
    auto& home = lanes.at(i);
    auto pool_settings = options_.pool;
    pool_settings.seed += i;
    const actors::connection_factory connect = [&home, session](actors::slot_index slot,
                                                                const actors::pool_actor& owner) {
      return actors::spawn_connection(home, session, all_statements(), slot, owner);
    };
    // In its place at once, so that stop() finds it if listening fails.
    auto& part = parts_.emplace_back();
    part.pool = home.spawn(actors::pool, pool_settings, connect, migrator_);
    part.items = home.spawn(actors::resource<db::item_table>, part.pool, options_.batch);
    part.front = home.spawn(
        front, options_.http,
        std::vector<route_source>{resource_api<db::item_table>(part.items, options_.http),
                                  docs({describe<db::item_table>()}, options_.http, docs_assets())},
        std::function<std::size_t()>{[&home] { return open_connections(home); }});
    part.listener = std::make_unique<server>(home, share, port_sharing, part.front);
    // With port 0 the kernel chose one for the first lane; the others join it there.
    share.port = part.listener->port();
  }
}

service::~service() { stop(); }

std::string service::url() const {
  const bool v6 = options_.http.address.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + options_.http.address + "]" : options_.http.address) + ":" +
         std::to_string(parts_.front().listener->port()) + "/";
}

std::string service::wait_until_ready(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  caf::scoped_actor self{system_};
  for (const auto& part : parts_) {
    for (;;) {
      actors::pool_status status;
      self->request(part.pool, answer_bound, actors::status_request{})
          .receive([&](const actors::pool_status& now) { status = now; },
                   [&](const caf::error& failed) { status.last_failure = to_string(failed); });
      if (status.ready > 0) break;
      if (std::chrono::steady_clock::now() >= deadline)
        return status.last_failure.empty() ? "no connection yet" : status.last_failure;
      std::this_thread::sleep_for(ask_interval);
    }
  }
  return {};
}

std::size_t service::stop() {
  if (std::exchange(stopped_, true)) return 0;
  for (auto& part : parts_)
    if (part.listener) part.listener->stop_accepting();
  std::size_t left = 0;
  {
    caf::scoped_actor self{system_};
    std::vector<decltype(self->request(parts_.front().front, answer_bound, drain{}))> draining;
    for (auto& part : parts_) draining.push_back(self->request(part.front, answer_bound, drain{}));
    for (auto& each : draining)
      each.receive([&](const drained& answer) { left += answer.left; }, [](const caf::error&) {});
  }
  for (auto& part : parts_) part.listener.reset();
  for (auto& part : parts_) {
    caf::anon_send_exit(part.front, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(part.items, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(part.pool, caf::exit_reason::user_shutdown);
  }
  if (migrator_) caf::anon_send_exit(migrator_, caf::exit_reason::user_shutdown);
  migrator_ = nullptr;
  parts_.clear();
  return left;
}

}  // namespace troupe::http
