// Cuts what comes into the pieces that the broker asks for.
#include "actors/node_stream.hpp"

#include <spdlog/spdlog.h>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <caf/binary_deserializer.hpp>
#include <caf/io/connection_handle.hpp>
#include <caf/io/middleman.hpp>
#include <chrono>
#include <utility>

#include "actors/log_limit.hpp"

namespace troupe::actors {

namespace {

// Bytes of one read: some hundred requests, or answers.
constexpr std::size_t read_size = 65536;

// Not the descriptor, as with CAF: that is used again while the broker still cleans up.
caf::io::connection_handle next_handle() {
  static std::atomic<std::int64_t> last{0};
  return caf::io::connection_handle::from_int(++last);
}

// All nodes' connections are on one lane.
void complain(const std::string& who, std::size_t announced) {
  static log_limit limit{std::chrono::minutes{1}};
  if (limit.lets_through())
    spdlog::warn("Node {} announced a message of {} bytes: the connection is closed", who, announced);
}

}  // namespace

using caf::io::network::operation;

std::optional<caf::io::basp::header> read_node_header(caf::actor_system& system,
                                                      const std::vector<char>& bytes) {
  if (bytes.size() < caf::io::basp::header_size) return std::nullopt;
  caf::io::basp::header out;
  caf::binary_deserializer source{system, bytes.data(), caf::io::basp::header_size};
  if (source(out)) return std::nullopt;
  if (out.payload_len == 0 && out.operation != caf::io::basp::message_type::heartbeat) return std::nullopt;
  return out;
}

node_stream::node_stream(lane& home, node_socket socket, std::size_t max_message,
                         const std::vector<char>& begun)
    : scribe{next_handle()}, home_{home}, socket_{std::move(socket)}, max_message_{max_message} {
  asio::error_code failed;
  socket_.lowest_layer().set_option(asio::ip::tcp::no_delay{true}, failed);
  incoming_.commit(asio::buffer_copy(incoming_.prepare(begun.size()), asio::buffer(begun)));
}

caf::execution_unit& node_stream::context() const { return home_.system().middleman().backend(); }

void node_stream::cut() {
  asio::error_code ignored;
  socket_.lowest_layer().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
}

// BASP always says exactly how much it wants.
void node_stream::configure_read(caf::io::receive_policy::config wanted) {
  wanted_ = wanted.second;
  add_to_loop();
}

void node_stream::ack_writes(bool) {}

void node_stream::add_to_loop() {
  if (std::exchange(active_, true)) return;
  // Not now: the broker has not sent its greeting.
  asio::post(home_.io(), [self = self()] {
    self->hand_over();
    self->read();
    self->home_.run_ready();
  });
}

void node_stream::remove_from_loop() { active_ = false; }

void node_stream::graceful_shutdown() {
  const auto keep = self();
  detach(&context(), false);
  asio::error_code ignored;
  // Resets the connection. A plain close queues behind what the other side does not acknowledge: if that
  // hears nothing but is heard, it would learn nothing.
  socket_.lowest_layer().set_option(asio::socket_base::linger{true, 0}, ignored);
  socket_.lowest_layer().close(ignored);
}

void node_stream::fail(operation doing) {
  asio::error_code ignored;
  socket_.lowest_layer().close(ignored);
  if (!detached()) io_failure(&context(), doing);
}

void node_stream::read() {
  if (!active_ || std::exchange(reading_, true)) return;
  socket_.async_read_some(incoming_.prepare(read_size),
                          [self = self()](const asio::error_code& failed, std::size_t bytes) {
                            self->reading_ = false;
                            if (failed) {
                              self->fail(operation::read);
                            } else {
                              self->incoming_.commit(bytes);
                              self->hand_over();
                              self->read();
                            }
                            self->home_.run_ready();
                          });
}

void node_stream::hand_over() {
  while (active_ && wanted_ > 0 && incoming_.size() >= wanted_) {
    const auto* const first = static_cast<const char*>(incoming_.data().data());
    piece_.assign(first, first + wanted_);
    incoming_.consume(wanted_);
    if (!std::exchange(payload_is_next_, false)) {
      const auto header = read_node_header(home_.system(), piece_);
      if (!header) return fail(operation::read);
      if (header->payload_len > max_message_) {
        complain(addr(), header->payload_len);
        return fail(operation::read);
      }
      payload_is_next_ = header->payload_len > 0;
    }
    if (!consume(&context(), piece_.data(), piece_.size())) active_ = false;
  }
}

void node_stream::flush() {
  if (detached() || outgoing_.empty() || std::exchange(writing_, true)) return;
  leaving_.clear();
  leaving_.swap(outgoing_);
  asio::async_write(socket_, asio::buffer(leaving_),
                    [self = self()](const asio::error_code& failed, std::size_t) {
                      self->writing_ = false;
                      if (failed)
                        self->fail(operation::write);
                      else
                        self->flush();
                      self->home_.run_ready();
                    });
}

std::string node_stream::addr() const {
  asio::error_code failed;
  const auto peer = socket_.lowest_layer().remote_endpoint(failed);
  return failed ? "" : peer.address().to_string();
}

std::uint16_t node_stream::port() const {
  asio::error_code failed;
  const auto peer = socket_.lowest_layer().remote_endpoint(failed);
  return failed ? std::uint16_t{0} : peer.port();
}

}  // namespace troupe::actors
