// Ties libpq's socket and asio's resolver to a lane's loop.
#include "actors/session.hpp"

#include <asio/post.hpp>
#include <utility>

namespace troupe::actors {

session::session(lane& home, const session_settings& settings,
                 std::span<const db::statement* const> statements, wake_function wake)
    : home_{home},
      settings_{settings},
      statements_{statements},
      wake_{std::move(wake)},
      resolver_{home.io()},
      servers_{settings.where.servers()},
      socket_{home.io()} {
  resolve_next();
}

session::~session() {
  // Before libpq closes the descriptor: its number may be in use again right after.
  forget_socket();
}

void session::resolve_next() {
  while (addresses_.size() < servers_.size() && !db::needs_resolution(servers_[addresses_.size()]))
    addresses_.emplace_back();
  if (addresses_.size() == servers_.size()) {
    connect();
    return;
  }
  const auto& server = servers_[addresses_.size()];
  // asio asks the system's resolver on a thread of its own; libpq would block this one.
  resolver_.async_resolve(
      server.host, "",
      [this, alive = std::weak_ptr{alive_}, host = server.host](const asio::error_code& failed,
                                                                const auto& found) {
        if (alive.expired()) return;
        auto& list = addresses_.emplace_back();
        if (failed)
          unresolved_ = {db::errc::name_not_resolved,
                         "The host name \"" + host + "\" cannot be resolved: " + failed.message() + "."};
        else
          for (const auto& entry : found) list.push_back(entry.endpoint().address().to_string());
        resolve_next();
        home_.run_ready();
      });
}

void session::connect() {
  const auto usable = [&](std::size_t i) {
    return !db::needs_resolution(servers_[i]) || !addresses_[i].empty();
  };
  bool any = false;
  for (std::size_t i = 0; i < servers_.size(); ++i) any = any || usable(i);
  if (!any) {
    resolve_failure_ = unresolved_;
    wake_();
    return;
  }
  connection_.emplace(settings_.where.with_addresses(addresses_), statements_,
                      settings_.connection.statement_timeout);
  wake_();
}

void session::proceed() {
  if (!connection_) return;
  // While it connects, libpq may close the socket and open another with the same number, which asio
  // would take for the one that it watches.
  if (connection_->state() == db::connection::phase::connecting) forget_socket();
  connection_->advance();
  watch();
}

void session::watch() {
  const int descriptor = connection_->socket();
  if (socket_.is_open() && socket_.native_handle() != descriptor) forget_socket();
  if (descriptor < 0 || connection_->state() == db::connection::phase::failed) return forget_socket();
  if (!socket_.is_open()) {
    asio::error_code failed;
    socket_.assign(descriptor, failed);
    // Too few descriptors or no memory: the connect timeout deals with it.
    if (failed) return;
  }
  if (connection_->wants_read()) wait(asio::posix::stream_descriptor::wait_read, waiting_to_read_);
  if (connection_->wants_write()) wait(asio::posix::stream_descriptor::wait_write, waiting_to_write_);
}

void session::wait(asio::posix::stream_descriptor::wait_type what, bool& waiting) {
  if (std::exchange(waiting, true)) return;
  socket_.async_wait(what, [this, &waiting, alive = std::weak_ptr{alive_}](const asio::error_code& failed) {
    if (failed == asio::error::operation_aborted || alive.expired()) return;
    waiting = false;
    wake_();
    home_.run_ready();
  });
}

void session::forget_socket() {
  if (!socket_.is_open()) return;
  // Cancels the waits and gives the descriptor back without closing it: it is libpq's.
  socket_.release();
  waiting_to_read_ = waiting_to_write_ = false;
}

}  // namespace troupe::actors
