// A database connection on a lane: resolves names, watches the socket, wakes the actor that owns it.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "actors/lanes.hpp"
#include "actors/settings.hpp"
#include "db/connection.hpp"
#include "db/conninfo.hpp"

namespace troupe::actors {

/// What it takes to open a session; shared by all of a process.
struct session_settings {
  db::conninfo where;
  connection_settings connection;
};

/// Owned by an actor and used on its lane's thread only. Nothing here blocks.
class session {
 public:
  /// Called on the lane's thread when there may be something to do; the owner then calls proceed() from
  /// its own message handler. May be called after the session is gone.
  using wake_function = std::function<void()>;

  /// Starts to connect and prepares `statements`, which must outlive the session.
  session(lane& home, const session_settings& settings, std::span<const db::statement* const> statements,
          wake_function wake);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Goes on as far as possible, then waits for the socket again.
  void proceed();

  /// The connection; null while names are being resolved.
  db::connection* connection() noexcept { return connection_ ? &*connection_ : nullptr; }

  /// Waits for the socket anew, after statements were sent.
  void watch();

  /// Why no server's name could be resolved; empty otherwise.
  const db::error& resolve_failure() const noexcept { return resolve_failure_; }

 private:
  void resolve_next();
  void connect();
  void wait(asio::posix::stream_descriptor::wait_type what, bool& waiting);
  void forget_socket();

  lane& home_;
  const session_settings& settings_;
  std::span<const db::statement* const> statements_;
  wake_function wake_;
  // Handlers that asio still holds when the session is gone find this expired.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  asio::ip::tcp::resolver resolver_;
  std::vector<db::server_address> servers_;
  std::vector<std::vector<std::string>> addresses_;
  // Why the last of the names that could not be resolved could not.
  db::error unresolved_;
  // The same, if no server is left to try.
  db::error resolve_failure_;

  std::optional<db::connection> connection_;
  asio::posix::stream_descriptor socket_;
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
};

}  // namespace troupe::actors
