// CAF's middleman, which talks to other nodes, on a lane instead of a thread of its own.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <cstdint>
#include <string>

#include "actors/lanes.hpp"

namespace troupe::actors {

/// Runs CAF's brokers on a lane: from the actor to the socket a message needs no other thread, and no
/// thread has to be woken, which takes longer than all that is done with it.
///
/// Sockets come as node_stream; those that CAF would open itself it cannot have.
class lane_multiplexer final : public caf::io::network::multiplexer {
 public:
  explicit lane_multiplexer(caf::actor_system& system) : multiplexer{&system} {}

  /// To be called once, before anything else, from another thread than the lane's.
  void start(lane& home);

  /// A broker runs on the lane, every other actor where it is at home. From any thread.
  void exec_later(caf::resumable* job) override;

  /// Returns false when the lane has done what was posted before. From any thread but the lane's.
  bool try_run_once() override;

  caf::io::scribe_ptr new_scribe(caf::io::network::native_socket) override;
  caf::expected<caf::io::scribe_ptr> new_tcp_scribe(const std::string&, std::uint16_t) override;
  caf::io::doorman_ptr new_doorman(caf::io::network::native_socket) override;
  caf::expected<caf::io::doorman_ptr> new_tcp_doorman(std::uint16_t, const char*, bool) override;
  caf::io::datagram_servant_ptr new_datagram_servant(caf::io::network::native_socket) override;
  caf::io::datagram_servant_ptr new_datagram_servant_for_endpoint(
      caf::io::network::native_socket, const caf::io::network::ip_endpoint&) override;
  caf::expected<caf::io::datagram_servant_ptr> new_remote_udp_endpoint(const std::string&,
                                                                       std::uint16_t) override;
  caf::expected<caf::io::datagram_servant_ptr> new_local_udp_endpoint(std::uint16_t, const char*,
                                                                      bool) override;
  /// None: the lane runs as long as the system.
  supervisor_ptr make_supervisor() override;
  void run_once() override {}
  void run() override {}

 private:
  void run_later(caf::intrusive_ptr<caf::resumable> job);

  lane* home_ = nullptr;
};

/// The middleman of a system whose scheduler are lanes; it shares the first of them.
class lane_middleman final : public caf::io::middleman {
 public:
  explicit lane_middleman(caf::actor_system& system) : middleman{system}, backend_{system} {}

  caf::io::network::multiplexer& backend() override { return backend_; }
  void start() override;

 private:
  lane_multiplexer backend_;
};

}  // namespace troupe::actors
