// Accepts, looks at the greeting without taking it from the socket, and passes the socket on.
#include "actors/node_port.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <caf/atom.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <future>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

namespace {

using asio::ip::tcp;

// Peers that may be about to greet at the same time. Gateways greet at once.
constexpr int max_newcomers = 64;
// The payload of a greeting is the name of a node: some 30 bytes.
constexpr std::uint32_t max_greeting_payload = 1024;
// When the process has no descriptors left, and how often a greeting is looked at that comes in pieces.
constexpr std::chrono::milliseconds pause{50};

}  // namespace

std::size_t greeting_size() noexcept { return caf::io::basp::header_size; }

bool is_greeting(caf::actor_system& system, const std::vector<char>& header) {
  if (header.size() < greeting_size()) return false;
  caf::io::basp::header parsed;
  caf::binary_deserializer source{system, header.data(), greeting_size()};
  if (source(parsed)) return false;
  // CAF follows a null pointer where the payload is empty, and allocates whatever length it is told.
  return parsed.operation == caf::io::basp::message_type::client_handshake && caf::io::basp::valid(parsed) &&
         parsed.payload_len > 0 && parsed.payload_len <= max_greeting_payload;
}

class node_port::implementation : public std::enable_shared_from_this<implementation> {
 public:
  implementation(lane& home, const node_settings& settings, caf::strong_actor_ptr published,
                 std::set<std::string> signatures)
      : home_{home},
        settings_{settings},
        published_{std::move(published)},
        signatures_{std::move(signatures)},
        acceptor_{home.io()},
        retry_{home.io()} {
    const tcp::endpoint where{asio::ip::make_address(settings.address), settings.port};
    acceptor_.open(where.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address{true});
    acceptor_.bind(where);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
  }

  lane& home() noexcept { return home_; }
  std::uint16_t port() const noexcept { return port_; }

  void accept_next() {
    if (closed_ || newcomers_ >= max_newcomers || std::exchange(accepting_, true)) return;
    acceptor_.async_accept([self = shared_from_this()](const asio::error_code& failed, tcp::socket socket) {
      self->accepting_ = false;
      if (self->closed_) return;
      if (failed) return self->accept_later();
      ++self->newcomers_;
      self->look_at(std::make_shared<newcomer>(std::move(socket), self->settings_.connect_timeout));
      self->accept_next();
    });
  }

  void close() {
    closed_ = true;
    asio::error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
  }

 private:
  struct newcomer {
    newcomer(tcp::socket connected, std::chrono::milliseconds patience)
        : socket{std::move(connected)},
          timer{socket.get_executor()},
          until{std::chrono::steady_clock::now() + patience} {}

    tcp::socket socket;
    asio::steady_timer timer;
    std::chrono::steady_clock::time_point until;
  };
  using newcomer_ptr = std::shared_ptr<newcomer>;

  void accept_later() {
    retry_.expires_after(pause);
    retry_.async_wait([self = shared_from_this()](const asio::error_code& cancelled) {
      if (!cancelled) self->accept_next();
    });
  }

  // A greeting is one packet; what has come less than whole is looked at again after a while.
  void look_at(const newcomer_ptr& who) {
    std::vector<char> header(greeting_size());
    const auto got =
        ::recv(who->socket.native_handle(), header.data(), header.size(), MSG_PEEK | MSG_DONTWAIT);
    const bool pending = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    if (got == static_cast<ssize_t>(header.size()))
      return is_greeting(home_.system(), header) ? welcome(who) : dismiss(who, "no greeting of a node");
    if (got == 0 || (got < 0 && !pending)) return dismiss(who, "it has gone");
    if (std::chrono::steady_clock::now() >= who->until) return dismiss(who, "no greeting in time");
    who->timer.expires_after(pause);
    who->timer.async_wait([self = shared_from_this(), who](const asio::error_code&) {
      if (!self->closed_) self->look_at(who);
    });
  }

  void welcome(const newcomer_ptr& who) {
    asio::error_code failed;
    who->socket.set_option(tcp::no_delay{true}, failed);
    auto& middleman = home_.system().middleman();
    caf::anon_send(middleman.named_broker<caf::io::basp_broker>(caf::atom("BASP")), caf::publish_atom::value,
                   middleman.backend().new_scribe(who->socket.release()), port_, published_, signatures_);
    is_dealt_with();
  }

  void dismiss(const newcomer_ptr& who, const char* why) {
    asio::error_code failed;
    const auto from = who->socket.remote_endpoint(failed);
    spdlog::debug("Node port: closed a connection from {}: {}", failed ? "?" : from.address().to_string(),
                  why);
    who->socket.close(failed);
    is_dealt_with();
  }

  void is_dealt_with() {
    --newcomers_;
    accept_next();
    home_.run_ready();
  }

  lane& home_;
  node_settings settings_;
  caf::strong_actor_ptr published_;
  std::set<std::string> signatures_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::uint16_t port_ = 0;
  int newcomers_ = 0;
  bool accepting_ = false;
  bool closed_ = false;
};

node_port::node_port(lane& home, const node_settings& settings, caf::strong_actor_ptr published,
                     std::set<std::string> signatures)
    : implementation_{
          std::make_shared<implementation>(home, settings, std::move(published), std::move(signatures))} {
  asio::post(home.io(), [it = implementation_] { it->accept_next(); });
}

node_port::~node_port() {
  std::promise<void> done;
  asio::post(implementation_->home().io(), [&] {
    implementation_->close();
    done.set_value();
  });
  done.get_future().wait();
}

std::uint16_t node_port::port() const noexcept { return implementation_->port(); }

}  // namespace troupe::actors
