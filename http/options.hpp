// The program's options: command line, configuration file, environment; checked and in their units.
#pragma once

#include <caf/actor_system_config.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "actors/settings.hpp"
#include "http/settings.hpp"

namespace troupe::http {

/// What the program is asked to do.
enum class command { serve, gateway, worker, migrate, help };

/// All options, as the rest of the program wants them.
struct options {
  command what = command::serve;

  settings http;
  /// Lanes, i.e. threads that serve requests. Two cores for each: PostgreSQL needs as much as we do.
  std::size_t threads = 1;

  /// The database to use; nothing for a private PostgreSQL.
  std::optional<std::string> uri;
  /// Where the private PostgreSQL keeps its data.
  std::filesystem::path data_dir;
  /// Whether the schema is brought up to date at start.
  bool migrate = true;
  actors::connection_settings connection;
  /// Of each lane.
  actors::pool_settings pool;

  actors::batch_settings batch;

  actors::node_settings node;

  /// error, warning, info or debug.
  std::string log_level = "info";
};

/// CAF's configuration with our options in it.
class configuration : public caf::actor_system_config {
 public:
  configuration();

  /// Reads the arguments (without the program's name) and the environment (DATABASE_URL). The error is
  /// one line for the user.
  tl::expected<options, std::string> read(std::vector<std::string> arguments);

  /// What --help prints.
  std::string help() const;

 private:
  tl::expected<options, std::string> read_all(std::vector<std::string> arguments);
  std::optional<std::string> take_file(std::vector<std::string>& arguments);
  std::string file_name() const;
  std::string explain(const caf::error& failed) const;
  const caf::config_option* find_option(std::string_view full_name) const;
  bool is_option(std::string_view full_name) const;
  std::optional<std::string> unknown_name(const std::string& group, const caf::settings& members) const;
  std::optional<std::string> wrong_type(const caf::settings& in_file) const;
  std::optional<std::string> apply(const std::string& group, const caf::settings& members);
  tl::expected<options, std::string> checked(command what) const;

  // As CAF stores them: its own types, defaults from the settings structs.
  std::string address_;
  std::uint16_t port_;
  std::size_t threads_;
  std::size_t max_connections_;
  caf::timespan request_timeout_;
  caf::timespan idle_timeout_;
  std::size_t min_rate_;
  caf::timespan shutdown_grace_;
  std::size_t max_body_;
  std::size_t max_target_;
  std::size_t max_header_;
  std::int64_t max_limit_;
  std::string uri_;
  std::string data_dir_;
  std::size_t pool_size_;
  std::size_t pipeline_depth_;
  std::string echo_;
  std::string migrate_;
  caf::timespan connect_timeout_;
  caf::timespan backoff_min_;
  caf::timespan backoff_max_;
  std::size_t max_queue_;
  std::size_t max_batch_;
  std::uint16_t node_port_;
  std::string node_address_;
  std::uint16_t health_port_;
  std::string workers_;
  caf::timespan resolve_interval_;
  caf::timespan heartbeat_;
  caf::timespan node_timeout_;
  std::string certificate_;
  std::string key_;
  std::string authority_;
  std::string peers_;
  caf::timespan idempotency_ttl_;
  caf::timespan keepalive_;
  std::string log_level_;
};

}  // namespace troupe::http
