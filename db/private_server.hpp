// A PostgreSQL of our own: started as a child process, kept alive, stopped with us.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <tl/expected.hpp>

#include "db/error.hpp"

namespace troupe::db {

/// What private_server::start needs to know.
struct private_server_options {
  /// Holds the cluster, its log, its socket and a lock; created if missing. See cluster_layout.
  std::filesystem::path data_dir;
  /// How long a start may take until the server accepts connections: it is the bound of pg_ctl,
  /// and covers replaying the log of a crash. Creating the cluster does not count.
  std::chrono::milliseconds start_timeout = std::chrono::seconds{60};
  /// Told, in one sentence each, what happened to the server between start and stop; may be empty.
  /// Called on the thread that calls supervise or stop.
  std::function<void(const std::string&)> notice;
  /// Ends a start that is under way: it then fails, and leaves nothing running.
  std::stop_token stop;
};

/// A private PostgreSQL cluster, run on a Unix socket that only this account (and root) can reach.
/// Not thread-safe. Start and supervise belong on a thread that lives as long as the server shall:
/// Linux tells the server to shut down immediately when that thread ends (see child_options::death_signal).
class private_server {
 public:
  using options = private_server_options;

  /// Claims the data directory, creates the cluster if there is none, and starts the server; blocks
  /// until it accepts connections. A server that a killed process left behind is waited for, and
  /// adopted if it stays. Error: unavailable, with the last lines of the server's log.
  static tl::expected<private_server, error> start(options wanted);

  private_server(private_server&&) noexcept;
  private_server& operator=(private_server&&) noexcept;
  /// Stops the server.
  ~private_server();

  /// The libpq keywords to connect with; the same for the life of this object.
  std::string conninfo() const;

  /// The directory of the socket, which is always .s.PGSQL.5432 unless the server was adopted.
  const std::filesystem::path& sockets() const noexcept;

  /// The postmaster's process id; 0 while none runs.
  pid_t pid() const noexcept;

  /// Whether the running server is not our child, because somebody started it by hand.
  bool adopted() const noexcept;

  /// Notices that the server died and brings it back, or adopts the one that somebody started
  /// instead. To be called about once a second, and at once on SIGCHLD; does not wait. Reaps no
  /// process but the server.
  void supervise();

  /// Shuts the server down: fast, and if that takes over 5 s immediately, which loses no commit. Blocks, at
  /// most for 10 s more. Does nothing the second time. Then the directory is free
  /// for another process.
  void stop();

 private:
  class state;
  explicit private_server(std::unique_ptr<state> made) noexcept;

  std::unique_ptr<state> state_;
};

}  // namespace troupe::db
