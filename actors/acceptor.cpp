// Tells what accept() fails of: one connection, or the process.
#include "actors/acceptor.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <asio/detail/socket_option.hpp>
#include <asio/post.hpp>
#include <cerrno>
#include <exception>
#include <utility>

namespace troupe::actors {

namespace {

using asio::ip::tcp;
using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

// Before accept() is tried again when the process lacks something. Clients notice it no more than a slow
// answer, and it costs nothing.
constexpr std::chrono::milliseconds retry_pause{100};
// Trouble that comes again within it after the last is the same trouble: one line in the log.
constexpr std::chrono::seconds same_trouble{10};

// What accept(2) says of a connection that waits, not of us: Linux passes on its pending errors, and EPERM is
// a firewall's.
bool is_about_one_connection(const asio::error_code& failed) {
  constexpr std::array of_one{ECONNABORTED, ECONNRESET,   EPROTO,     ENOPROTOOPT, ENETDOWN, ENETUNREACH,
                              EHOSTDOWN,    EHOSTUNREACH, EOPNOTSUPP, ENONET,      EPERM,    ETIMEDOUT};
  return failed.category() == asio::error::get_system_category() &&
         std::find(of_one.begin(), of_one.end(), failed.value()) != of_one.end();
}

}  // namespace

acceptor::place::place(std::shared_ptr<acceptor> owner) noexcept : owner_{std::move(owner)} {
  ++owner_->connections_;
}

acceptor::place& acceptor::place::operator=(place&& other) noexcept {
  std::swap(owner_, other.owner_);
  return *this;
}

acceptor::place::~place() {
  if (owner_) owner_->leave_place();
}

acceptor::acceptor(asio::io_context& loop, settings with, handler on_connection)
    : settings_{std::move(with)},
      on_connection_{std::move(on_connection)},
      socket_{loop},
      pause_{loop},
      is_full_said_{same_trouble},
      trouble_said_{same_trouble} {
  socket_.open(settings_.where.protocol());
  socket_.set_option(tcp::acceptor::reuse_address{true});
  // Otherwise asio passes over some errors itself and waits, also if somebody else waits already.
  socket_.set_option(asio::socket_base::enable_connection_aborted{true});
  if (settings_.shares_port) socket_.set_option(reuse_port{true});
  socket_.bind(settings_.where);
  socket_.listen();
  port_ = socket_.local_endpoint().port();
}

void acceptor::start() { accept_next(); }

void acceptor::close() {
  asio::error_code ignored;
  socket_.close(ignored);
  pause_.cancel();
  on_connection_ = nullptr;
}

bool acceptor::somebody_waits() {
  if (!socket_.is_open() || is_full_) return false;
  pollfd listener{socket_.native_handle(), POLLIN, 0};
  return ::poll(&listener, 1, 0) == 1;
}

void acceptor::accept_next() {
  if (!socket_.is_open()) return;
  is_full_ = connections_ >= settings_.max_connections;
  if (is_full_)
    return complain(is_full_said_, "all " + std::to_string(settings_.max_connections) +
                                       " connections allowed are open: further clients wait");
  socket_.async_accept(
      [self = shared_from_this()](const asio::error_code& failed, asio::ip::tcp::socket socket) {
        self->on_accept(failed, std::move(socket));
      });
}

void acceptor::on_accept(const asio::error_code& failed, tcp::socket socket) {
  if (!socket_.is_open()) return;
  if (failed && !is_about_one_connection(failed)) return accept_later(failed.message());
  try {
    if (!failed) on_connection_(std::move(socket), place{shared_from_this()});
    accept_next();
  } catch (const std::exception& thrown) {
    accept_later(thrown.what());
  }
}

void acceptor::accept_later(const std::string& why) {
  complain(trouble_said_, "no connection can be accepted: " + why + "; trying again");
  pause_.expires_after(retry_pause);
  pause_.async_wait([self = shared_from_this()](const asio::error_code& cancelled) {
    if (!cancelled) self->accept_next();
  });
}

void acceptor::complain(log_limit& limit, const std::string& sentence) {
  if (limit.lets_through()) spdlog::warn("{} port {}: {}", settings_.name, port_, sentence);
}

void acceptor::leave_place() noexcept {
  --connections_;
  if (!is_full_) return;
  // Not from within the destructor of who left. Whoever leaves next tries again if there is no memory.
  try {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      if (self->is_full_) self->accept_next();
    });
  } catch (const std::exception&) {
  }
}

}  // namespace troupe::actors
