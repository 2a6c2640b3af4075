// Accepts, reads the greeting, and passes it on with the socket.
#include "actors/node_port.hpp"

#include <spdlog/spdlog.h>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <caf/atom.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <list>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/acceptor.hpp"
#include "actors/log_limit.hpp"
#include "actors/node_stream.hpp"

namespace troupe::actors {

namespace {

using asio::ip::tcp;

// The payload of a greeting is the name of a node: some 30 bytes.
constexpr std::uint32_t max_greeting_payload = 1024;
// Who is not trusted again within it after the last is not said again.
constexpr std::chrono::seconds same_distrust{10};
// The newest are heard, and those who made room for them are about to go.
constexpr std::size_t max_connections = 2 * max_newcomers;

}  // namespace

std::size_t greeting_size() noexcept { return caf::io::basp::header_size; }

bool is_greeting(caf::actor_system& system, const std::vector<char>& header) {
  const auto parsed = read_node_header(system, header);
  // CAF allocates whatever length it is told.
  return parsed && parsed->operation == caf::io::basp::message_type::client_handshake &&
         caf::io::basp::valid(*parsed) && parsed->payload_len <= max_greeting_payload;
}

class node_port::implementation : public std::enable_shared_from_this<implementation> {
 public:
  implementation(lane& home, const node_settings& settings, tls_context tls, caf::strong_actor_ptr published,
                 std::set<std::string> signatures)
      : home_{home},
        settings_{settings},
        tls_{std::move(tls)},
        published_{std::move(published)},
        signatures_{std::move(signatures)},
        acceptor_{std::make_shared<acceptor>(
            home.io(),
            acceptor::settings{
                {asio::ip::make_address(settings.address), settings.port}, false, max_connections, "Node"},
            [this](tcp::socket socket, acceptor::place place) {
              db::set_keepalive(socket.native_handle(), db::keepalive_within(settings_.keepalive),
                                db::given_up::silent_or_stalled);
              listen_to(std::make_shared<newcomer>(std::move(socket), std::move(place), tls_));
            })} {}

  lane& home() noexcept { return home_; }
  std::uint16_t port() const noexcept { return acceptor_->port(); }

  void start() { acceptor_->start(); }

  void close() {
    closed_ = true;
    acceptor_->close();
    for (const auto& each : newcomers_) each->end("the port is closed");
  }

 private:
  struct newcomer {
    newcomer(tcp::socket connected, acceptor::place its_place, const tls_context& tls)
        : place{std::move(its_place)}, socket{std::move(connected), tls}, timer{socket.get_executor()} {
      asio::error_code unknown;
      from = socket.lowest_layer().remote_endpoint(unknown).address().to_string();
    }

    // What waits for it fails.
    void end(const char* reason) {
      why = reason;
      asio::error_code ignored;
      socket.lowest_layer().close(ignored);
    }

    acceptor::place place;
    node_socket socket;
    asio::steady_timer timer;
    std::vector<char> greeting = std::vector<char>(greeting_size());
    std::string from;
    std::string why;
  };
  using newcomer_ptr = std::shared_ptr<newcomer>;

  void listen_to(const newcomer_ptr& who) {
    newcomers_.push_back(who);
    // A gateway greets at once; who came first has had the most time.
    if (newcomers_.size() > max_newcomers) {
      newcomers_.front()->end("others came");
      newcomers_.pop_front();
    }
    who->timer.expires_after(settings_.connect_timeout);
    who->timer.async_wait([who](const asio::error_code& cancelled) {
      if (!cancelled) who->end("no greeting in time");
    });
    who->socket.async_handshake(
        asio::ssl::stream_base::server, [self = shared_from_this(), who](const asio::error_code& failed) {
          if (failed) {
            // Worth a line: the certificates of a service do not fit, or somebody tries.
            if (who->why.empty() && self->distrust_said_.lets_through())
              spdlog::info("Node port: {} is not trusted: {}", who->from, failed.message());
            return self->on_heard(who, failed);
          }
          asio::async_read(who->socket, asio::buffer(who->greeting),
                           [self, who](const asio::error_code& failed_to_read, std::size_t) {
                             self->on_heard(who, failed_to_read);
                           });
        });
  }

  void on_heard(const newcomer_ptr& who, const asio::error_code& failed) {
    who->timer.cancel();
    newcomers_.remove(who);
    if (failed && who->why.empty()) who->why = failed.message();
    if (!failed && !is_greeting(home_.system(), who->greeting)) who->why = "no greeting of a node";
    if (who->why.empty() && !closed_)
      welcome(*who);
    else
      spdlog::debug("Node port: closed a connection from {}: {}", who->from, who->why);
    home_.run_ready();
  }

  void welcome(newcomer& who) {
    const auto broker = home_.system().middleman().named_broker<caf::io::basp_broker>(caf::atom("BASP"));
    const caf::io::scribe_ptr stream =
        caf::make_counted<node_stream>(home_, std::move(who.socket), settings_.max_message, who.greeting);
    caf::anon_send(broker, caf::publish_atom::value, stream, port(), published_, signatures_);
  }

  lane& home_;
  node_settings settings_;
  tls_context tls_;
  caf::strong_actor_ptr published_;
  std::set<std::string> signatures_;
  std::shared_ptr<acceptor> acceptor_;
  std::list<newcomer_ptr> newcomers_;
  log_limit distrust_said_{same_distrust};
  bool closed_ = false;
};

node_port::node_port(lane& home, const node_settings& settings, const tls_context& tls,
                     caf::strong_actor_ptr published, std::set<std::string> signatures)
    : implementation_{std::make_shared<implementation>(home, settings, tls, std::move(published),
                                                       std::move(signatures))} {
  asio::post(home.io(), [it = implementation_] { it->start(); });
}

node_port::~node_port() {
  implementation_->home().run_and_wait([this] { implementation_->close(); });
}

std::uint16_t node_port::port() const noexcept { return implementation_->port(); }

}  // namespace troupe::actors
