// Drops what a client still sends, within bounds.
#include "http/leaving_connection.hpp"

#include <sys/socket.h>

#include <asio/buffer.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <limits>
#include <utility>

#include "http/client_socket.hpp"
#include "http/clients.hpp"

namespace troupe::http {

namespace {

// As nginx has them (lingering_timeout, lingering_time): how long a client that has got all may be silent,
// and how long it may go on sending.
constexpr pace after_the_last{.max_silence = std::chrono::seconds{5}};
constexpr std::chrono::seconds longest_end{30};
// Bytes. More than clients put into one request that are worth an answer; dropping costs no copy.
constexpr std::size_t max_dropped = std::size_t{256} * 1024 * 1024;
// Bytes in one turn of the loop, and in one call.
constexpr std::size_t max_dropped_in_turn = std::size_t{4} * 1024 * 1024;
constexpr std::size_t drop_size = std::size_t{1024} * 1024;

// The watch wants what has moved, which only grows.
constexpr std::uint64_t arrived(std::size_t left) { return std::numeric_limits<std::uint64_t>::max() - left; }

}  // namespace

leaving_connection::leaving_connection(asio::ip::tcp::socket socket, actors::acceptor::place place,
                                       std::shared_ptr<clients> owner, bool has_finished)
    : socket_{std::move(socket)},
      place_{std::move(place)},
      owner_{std::move(owner)},
      has_finished_{has_finished},
      since_{std::chrono::steady_clock::now()} {
  client_sends_.begin(since_, 0, after_the_last);
}

void leaving_connection::start(std::string last_words) {
  last_words_ = std::move(last_words);
  client_gets_.begin(since_, arrived(unconfirmed_bytes(socket_) + last_words_.size()),
                     owner_->rules().sending);
  if (last_words_.empty())
    say_end();
  else
    asio::async_write(socket_, asio::buffer(last_words_),
                      [self = shared_from_this()](const asio::error_code& failed, std::size_t) {
                        if (failed) return self->end();
                        self->say_end();
                      });
  drop_what_comes();
}

void leaving_connection::say_end() {
  asio::error_code failed;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, failed);
  has_said_end_ = true;
  if (failed) end();
}

void leaving_connection::drop_what_comes() {
  std::size_t in_turn = 0;
  while (socket_.is_open() && !has_finished_ && in_turn < max_dropped_in_turn) {
    // TCP throws the bytes away where they are, without a copy.
    const auto got = ::recv(socket_.native_handle(), nullptr, drop_size, MSG_TRUNC | MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (got < 0) return end();
    has_finished_ = got == 0;
    in_turn += static_cast<std::size_t>(got);
  }
  dropped_ += in_turn;
  if (dropped_ > max_dropped) return end();
  if (has_finished_ && has_said_end_ && !delivers()) return end();
  wait_for_more();
}

void leaving_connection::wait_for_more() {
  if (!socket_.is_open() || has_finished_) return;
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const asio::error_code& failed) {
                       if (!failed) self->drop_what_comes();
                     });
}

bool leaving_connection::delivers() noexcept {
  return socket_.is_open() && (!has_said_end_ || unconfirmed_bytes(socket_) > 0);
}

void leaving_connection::look(std::chrono::steady_clock::time_point now) {
  if (!socket_.is_open()) return;
  if (delivers()) {
    // The client's last seconds begin when it has got all.
    since_ = now;
    client_sends_.begin(now, dropped_, after_the_last);
    if (client_gets_.goes_on(now, arrived(unconfirmed_bytes(socket_)), owner_->rules().sending)) return;
    asio::error_code ignored;
    socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
    end();
  } else if (has_finished_ || now - since_ >= longest_end ||
             !client_sends_.goes_on(now, dropped_, after_the_last)) {
    end();
  }
}

void leaving_connection::end() noexcept {
  asio::error_code ignored;
  socket_.close(ignored);
  place_ = {};
  owner_->forget(shared_from_this());
}

}  // namespace troupe::http
