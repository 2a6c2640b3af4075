// Resolves and connects with asio, then hands the connection to CAF's broker, which greets the other node.
#include "actors/connector.hpp"

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <caf/atom.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "actors/errors.hpp"
#include "actors/node_stream.hpp"
#include "actors/supervision.hpp"

namespace troupe::actors {

namespace {

/// A name is looked up, or is not.
struct look_up_done {
  std::uint64_t number;
  db::error failure;
  addresses found;
};

/// A socket is connected, and the other end trusted, or not.
struct connect_done {
  std::uint64_t number;
  db::error failure;
  std::shared_ptr<node_socket> socket;
};

using inner_actor = connector_actor::extend<caf::reacts_to<look_up_done>, caf::reacts_to<connect_done>>;

db::error unreachable(const std::string& why) { return {db::errc::unavailable, why}; }

db::error why_not_reached(const asio::error_code& failed) {
  const auto code = [&] {
    if (failed == asio::error::connection_refused) return db::errc::connection_refused;
    if (failed == asio::error::timed_out || failed == asio::error::host_unreachable ||
        failed == asio::error::network_unreachable)
      return db::errc::no_answer;
    if (failed.category() == asio::error::get_ssl_category()) return db::errc::tls_failed;
    return db::errc::connection_lost;
  }();
  return {code, failed.message()};
}

class connector_state {
 private:
  // Sends what asio's handlers find to this actor, if it still lives.
  auto teller() {
    return [home = home_, address = caf::actor_cast<caf::weak_actor_ptr>(self_)](auto what) {
      if (const auto target = address.lock())
        home->send(caf::actor_cast<inner_actor>(target), std::move(what));
      home->run_ready();
    };
  }

 public:
  static constexpr const char* name = "connector";

  void start(inner_actor::pointer self, lane& home, const node_settings& settings, tls_context tls) {
    self_ = self;
    home_ = &home;
    settings_ = settings;
    tls_ = std::move(tls);
    resolver_ = std::make_shared<asio::ip::tcp::resolver>(home.io());
  }

  void look_up_name(const look_up& what, caf::typed_response_promise<addresses> to) {
    const auto number = ++last_number_;
    lookups_.emplace(number, std::move(to));
    // asio asks the system's resolver on a thread of its own.
    resolver_->async_resolve(
        what.host, "",
        [tell = teller(), keep = resolver_, number](const asio::error_code& failed, const auto& results) {
          std::set<std::string> unique;
          if (!failed)
            for (const auto& each : results) unique.insert(each.endpoint().address().to_string());
          const db::error failure{failed ? db::errc::name_not_resolved : db::errc::none, failed.message()};
          tell(look_up_done{number, failure, {{unique.begin(), unique.end()}}});
        });
  }

  void on_look_up_done(const look_up_done& what) {
    auto to = std::move(lookups_.extract(what.number).mapped());
    if (what.failure)
      to.deliver(to_caf(what.failure));
    else
      to.deliver(what.found);
  }

  void connect(const reach& what, caf::typed_response_promise<reached> to) {
    const auto number = ++last_number_;
    connects_.emplace(number, connecting{what.where.port, std::move(to)});
    auto socket = std::make_shared<node_socket>(asio::ip::tcp::socket{home_->io()}, tls_);
    auto timer = std::make_shared<asio::steady_timer>(home_->io(), settings_.connect_timeout);
    timer->async_wait([socket](const asio::error_code& cancelled) {
      asio::error_code ignored;
      if (!cancelled) socket->lowest_layer().close(ignored);
    });
    const auto done = [tell = teller(), socket, timer, number](const asio::error_code& failed) {
      timer->cancel();
      const bool late = !socket->lowest_layer().is_open();
      const db::error too_late{db::errc::no_answer, "it does not answer"};
      tell(connect_done{number, late ? too_late : failed ? why_not_reached(failed) : db::error{}, socket});
    };
    socket->lowest_layer().async_connect(
        {asio::ip::make_address(what.where.address), what.where.port},
        [socket, done,
         keepalive = db::keepalive_within(settings_.keepalive)](const asio::error_code& failed) {
          if (failed) return done(failed);
          db::set_keepalive(socket->lowest_layer().native_handle(), keepalive,
                            db::given_up::silent_or_stalled);
          socket->async_handshake(asio::ssl::stream_base::client, done);
        });
  }

  void on_connect_done(const connect_done& what) {
    auto [port, to] = std::move(connects_.extract(what.number).mapped());
    if (what.failure) {
      to.deliver(to_caf(what.failure));
      return;
    }
    const auto stream =
        caf::make_counted<node_stream>(*home_, std::move(*what.socket), settings_.max_message);
    const auto broker = self_->system().middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
    // CAF's own remote_actor() connects to one node after the other, each for as long as the kernel tries.
    self_
        ->request(broker, settings_.connect_timeout, caf::connect_atom::value, caf::io::scribe_ptr{stream},
                  port)
        .then(
            [asker = to, stream](const caf::node_id&, const caf::strong_actor_ptr& published,
                                 const std::set<std::string>& signatures) mutable {
              if (published) {
                asker.deliver(reached{published, signatures, [stream] { stream->cut(); }});
                return;
              }
              stream->cut();
              asker.deliver(to_caf(unreachable("the node publishes no actor")));
            },
            [asker = to, stream](const caf::error&) mutable {
              stream->cut();
              asker.deliver(to_caf(unreachable(
                  "it does not greet as a node of this service, or does not take this one for one")));
            });
  }

 private:
  struct connecting {
    std::uint16_t port;
    caf::typed_response_promise<reached> to;
  };

  inner_actor::pointer self_ = nullptr;
  lane* home_ = nullptr;
  node_settings settings_;
  tls_context tls_;
  std::shared_ptr<asio::ip::tcp::resolver> resolver_;
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, caf::typed_response_promise<addresses>> lookups_;
  std::unordered_map<std::uint64_t, connecting> connects_;
};

inner_actor::behavior_type connector(inner_actor::stateful_pointer<connector_state> self, lane* home,
                                     const node_settings& settings, tls_context tls) {
  self->state.start(self, *home, settings, std::move(tls));
  return {
      [self](const look_up& what) {
        auto to = self->make_response_promise<addresses>();
        contain(self->state.name, to, [&] { self->state.look_up_name(what, to); });
        return to;
      },
      [self](const reach& what) {
        auto to = self->make_response_promise<reached>();
        contain(self->state.name, to, [&] { self->state.connect(what, to); });
        return to;
      },
      [self](const look_up_done& what) { self->state.on_look_up_done(what); },
      [self](const connect_done& what) { self->state.on_connect_done(what); },
  };
}

}  // namespace

std::string to_string(const endpoint& where) {
  const bool v6 = where.address.find(':') != std::string::npos;
  return (v6 ? "[" + where.address + "]" : where.address) + ":" + std::to_string(where.port);
}

connector_actor spawn_connector(lane& home, const node_settings& settings, tls_context tls) {
  return home.spawn(connector, &home, settings, std::move(tls));
}

}  // namespace troupe::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::look_up_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::connect_done)
