// The files of a private PostgreSQL: where they lie, who holds them, how the cluster is created.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "db/child_process.hpp"
#include "db/error.hpp"

namespace troupe::db {

/// What lies where under one data directory. The names are a promise to operators.
struct cluster_layout {
  std::filesystem::path root;

  /// PGDATA.
  std::filesystem::path data() const { return root / "postgresql"; }
  /// Clusters that initdb has not finished have names that begin so; worth nothing, removed at the next
  /// start.
  std::filesystem::path unfinished() const { return root / "postgresql.init"; }
  /// The directory of the Unix socket.
  std::filesystem::path sockets() const { return root / "run"; }
  /// What PostgreSQL and initdb print.
  std::filesystem::path log() const { return root / "postgresql.log"; }
  /// Our settings, read by a server that somebody starts by hand.
  std::filesystem::path settings() const { return root / "server.conf"; }
  /// Locked (flock) by the process that owns the directory.
  std::filesystem::path lock() const { return root / "lock"; }
};

/// Settings of the server as name and value.
using server_settings = std::vector<std::pair<std::string, std::string>>;

/// What a running server writes about itself into postmaster.pid.
struct postmaster_file {
  enum class phase : std::uint8_t { starting, ready, stopping };

  pid_t pid = 0;
  /// When the server wrote the file, in seconds since 1970.
  std::time_t started = 0;
  std::string port;
  /// Empty if it listens on no Unix socket.
  std::string socket_directory;
  phase status = phase::starting;
};

/// Creates the directory if it is missing and locks it until the descriptor is closed.
/// Refuses a directory that holds other things, and one that another process has locked.
tl::expected<owned_fd, error> claim_directory(const cluster_layout& layout);

/// The major version of the cluster, or nothing if it is still to be created.
/// Refuses a directory that is neither empty nor a cluster.
tl::expected<std::optional<std::string>, error> cluster_version(const cluster_layout& layout);

/// The account for the server: none unless we are root, which PostgreSQL refuses; then the owner
/// of an existing cluster, or else `postgres`, or else `nobody`. Refuses if it cannot reach the
/// directory.
tl::expected<std::optional<account>, error> server_account(const cluster_layout& layout);

/// The directory of `initdb` and `postgres`: for an existing cluster the one of its version.
tl::expected<std::filesystem::path, error> find_server_programs(const std::optional<std::string>& version);

/// Creates the cluster, whole or not at all: checksums on, durable settings as PostgreSQL has them.
/// Blocks for the seconds that initdb takes, or until a stop is asked for, which undoes it.
tl::expected<void, error> create_cluster(const cluster_layout& layout, const std::filesystem::path& programs,
                                         std::optional<account> user, const std::stop_token& stop);

/// Writes layout.settings(), which the clusters of create_cluster include.
tl::expected<void, error> write_settings(const cluster_layout& layout, const server_settings& settings);

/// A value in single quotes, as postgresql.conf and libpq's connection strings both read it.
std::string single_quoted(std::string_view value);

/// The content of postmaster.pid if the process it names is alive and is this cluster's server.
std::optional<postmaster_file> running_postmaster(const cluster_layout& layout);

/// Opens the log for appending, to be given to a child.
tl::expected<owned_fd, error> open_log(const cluster_layout& layout);

/// The size of the log now, in bytes; 0 if there is none.
std::uintmax_t log_size(const cluster_layout& layout);

/// The last lines of what was logged after `from`, on one line; for error messages.
std::string log_tail(const cluster_layout& layout, std::uintmax_t from);

/// Our environment without what would change the server's behaviour or language.
std::vector<std::string> server_environment();

}  // namespace troupe::db
