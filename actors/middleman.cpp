// Brokers are posted to the lane's loop, and run with the multiplexer as CAF expects of them.
#include "actors/middleman.hpp"

#include <asio/post.hpp>
#include <caf/resumable.hpp>
#include <caf/sec.hpp>
#include <thread>
#include <utility>

namespace troupe::actors {

namespace {

constexpr auto unsupported = caf::sec::bad_function_call;

}  // namespace

void lane_multiplexer::start(lane& home) {
  home_ = &home;
  home.run_and_wait([this] { thread_id(std::this_thread::get_id()); });
}

void lane_multiplexer::exec_later(caf::resumable* job) {
  const auto kind = job->subtype();
  if (kind == caf::resumable::io_actor || kind == caf::resumable::function_object)
    run_later({job, false});
  else
    home_->exec_later(job);
}

void lane_multiplexer::run_later(caf::intrusive_ptr<caf::resumable> job) {
  asio::post(home_->io(), [this, job = std::move(job)]() mutable {
    if (job->resume(this, lane::max_throughput) == caf::resumable::resume_later) run_later(std::move(job));
    home_->run_ready();
  });
}

bool lane_multiplexer::try_run_once() {
  home_->run_and_wait([] {});
  return false;
}

caf::io::scribe_ptr lane_multiplexer::new_scribe(caf::io::network::native_socket) { return nullptr; }

caf::expected<caf::io::scribe_ptr> lane_multiplexer::new_tcp_scribe(const std::string&, std::uint16_t) {
  return unsupported;
}

caf::io::doorman_ptr lane_multiplexer::new_doorman(caf::io::network::native_socket) { return nullptr; }

caf::expected<caf::io::doorman_ptr> lane_multiplexer::new_tcp_doorman(std::uint16_t, const char*, bool) {
  return unsupported;
}

caf::io::datagram_servant_ptr lane_multiplexer::new_datagram_servant(caf::io::network::native_socket) {
  return nullptr;
}

caf::io::datagram_servant_ptr lane_multiplexer::new_datagram_servant_for_endpoint(
    caf::io::network::native_socket, const caf::io::network::ip_endpoint&) {
  return nullptr;
}

caf::expected<caf::io::datagram_servant_ptr> lane_multiplexer::new_remote_udp_endpoint(const std::string&,
                                                                                       std::uint16_t) {
  return unsupported;
}

caf::expected<caf::io::datagram_servant_ptr> lane_multiplexer::new_local_udp_endpoint(std::uint16_t,
                                                                                      const char*, bool) {
  return unsupported;
}

lane_multiplexer::supervisor_ptr lane_multiplexer::make_supervisor() { return nullptr; }

void lane_middleman::start() {
  backend_.start(lane_scheduler::of(system()).at(0));
  middleman::start();
}

}  // namespace troupe::actors
