// A connection between two nodes, as CAF's broker uses it.
#pragma once

#include <asio/streambuf.hpp>
#include <caf/io/basp/header.hpp>
#include <caf/io/scribe.hpp>
#include <caf/make_counted.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/lanes.hpp"
#include "actors/node_socket.hpp"

namespace troupe::actors {

/// The header of CAF's protocol that the bytes begin with. Nothing if they do not, or if it lacks the payload
/// for which CAF would follow a null pointer.
std::optional<caf::io::basp::header> read_node_header(caf::actor_system& system,
                                                      const std::vector<char>& bytes);

/// Reads and writes on the lane that the broker runs on, where all members are to be called. What the
/// broker writes while a write is under way leaves with the next one, and one read brings whatever has
/// come, where CAF's own stream reads twice for each message.
class node_stream final : public caf::io::scribe {
 public:
  /// Takes a connected socket of the lane's loop, which is that of the middleman, and what has been read
  /// from it before. The connection ends when the other side announces more than `max_message` bytes.
  node_stream(lane& home, node_socket socket, std::size_t max_message, const std::vector<char>& begun = {});

  /// Ends the connection; the broker learns it as if the other side had gone.
  void cut();

  void configure_read(caf::io::receive_policy::config wanted) override;
  /// No effect: nobody asks how far a write has come.
  void ack_writes(bool enable) override;
  std::vector<char>& wr_buf() override { return outgoing_; }
  std::vector<char>& rd_buf() override { return piece_; }
  void flush() override;
  /// What is not sent yet is lost: a node that leaves says so and waits for the answer first.
  void graceful_shutdown() override;
  void add_to_loop() override;
  void remove_from_loop() override;
  std::string addr() const override;
  std::uint16_t port() const override;

 private:
  caf::intrusive_ptr<node_stream> self() { return {this}; }
  caf::execution_unit& context() const;
  void read();
  void hand_over();
  void fail(caf::io::network::operation doing);

  lane& home_;
  node_socket socket_;
  const std::size_t max_message_;
  // As many bytes as the broker wants at once.
  std::size_t wanted_ = 0;
  // What comes next: a header of CAF's protocol, or what that announced.
  bool payload_is_next_ = false;
  bool active_ = false;
  bool reading_ = false;
  bool writing_ = false;
  asio::streambuf incoming_;
  std::vector<char> piece_;
  std::vector<char> outgoing_;
  std::vector<char> leaving_;
};

}  // namespace troupe::actors
