// Decides when a connection has to end, and how.
#include "http/client_socket.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <string_view>
#include <utility>

#include "http/clients.hpp"

namespace troupe::http {

thread_local bool client_socket::continue_expected_ = false;

std::size_t unconfirmed_bytes(asio::ip::tcp::socket& socket) noexcept {
  int count = 0;
  if (::ioctl(socket.native_handle(), SIOCOUTQ, &count) != 0) return 0;
  return static_cast<std::size_t>(count);
}

client_socket::client_socket(asio::io_context& loop, base accepted, actors::acceptor::place place,
                             std::shared_ptr<clients> owner)
    : base{std::move(accepted)}, loop_{&loop}, owner_{std::move(owner)}, place_{std::move(place)} {
  owner_->sockets_.insert(this);
  owner_->look_soon();
}

// RESTinio moves it into the connection, before the first operation.
// NOLINTBEGIN(bugprone-use-after-move,performance-move-constructor-init): of `other` the base alone is moved
// first.
client_socket::client_socket(client_socket&& other) noexcept
    : base{std::move(other)}, loop_{other.loop_}, owner_{other.owner_}, place_{std::move(other.place_)} {
  auto entry = owner_->sockets_.extract(&other);
  entry.value() = this;
  owner_->sockets_.insert(std::move(entry));
}
// NOLINTEND(bugprone-use-after-move,performance-move-constructor-init)

client_socket::~client_socket() { owner_->sockets_.erase(this); }

void client_socket::say_continue() noexcept {
  continue_expected_ = false;
  constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  // Without room for it the client goes on by itself after a while.
  const auto sent = ::send(native_handle(), go_on.data(), go_on.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) written_ += static_cast<std::uint64_t>(sent);
}

void client_socket::close() { leave(owner_->take_last_words()); }

void client_socket::leave(std::string last_words) {
  if (!is_open()) return;
  const bool finished = other_side_ == other_side::has_finished;
  if (other_side_ == other_side::is_gone || (finished && unconfirmed_bytes(*this) == 0)) return cut();
  asio::error_code ignored;
  cancel(ignored);
  owner_->let_leave(std::move(static_cast<base&>(*this)), std::move(place_), std::move(last_words), finished);
}

void client_socket::cut() noexcept {
  asio::error_code ignored;
  base::close(ignored);
}

client_socket::stage client_socket::now() noexcept {
  if (!under_way_ || !is_open()) return stage::handling;
  if (kind_ == transfer::answer) return stage::sending;
  if (received_ > 0) return stage::receiving;
  // RESTinio waits for the next request as soon as the kernel has the answer, which may still be on its way.
  all_arrived_ = all_arrived_ || unconfirmed_bytes(*this) == 0;
  return all_arrived_ ? stage::idle : stage::sending;
}

void client_socket::look(std::chrono::steady_clock::time_point time) {
  const auto stage_now = now();
  const auto moved = stage_now == stage::receiving ? received_
                     : stage_now == stage::sending ? written_ - unconfirmed_bytes(*this)
                                                   : 0;
  const auto& rules = owner_->rules();
  const auto& asked = stage_now == stage::idle        ? rules.idle
                      : stage_now == stage::receiving ? rules.receiving
                                                      : rules.sending;
  if (watched_stage_ != stage_now || watched_number_ != number_) {
    watched_stage_ = stage_now;
    watched_number_ = number_;
    watch_.begin(time, moved, asked);
    return;
  }
  if (stage_now == stage::handling || watch_.goes_on(time, moved, asked)) return;
  // It is not the client's fault that this thread was busy elsewhere: bytes wait to be read, or could be
  // written.
  asio::error_code failed;
  if (stage_now == stage::sending ? unconfirmed_bytes(*this) == 0 : available(failed) > 0)
    return watch_.begin(time, moved, asked);
  switch (stage_now) {
    case stage::handling: return;
    case stage::idle: return cut();
    case stage::receiving: return leave(owner_->timeout_answer());
    case stage::sending: return reset(*this);
  }
}

void reset(asio::ip::tcp::socket& socket) noexcept {
  asio::error_code ignored;
  socket.set_option(asio::socket_base::linger{true, 0}, ignored);
  socket.close(ignored);
}

}  // namespace troupe::http
