// The program: reads its options, starts what they ask for, and stops in order at SIGTERM or SIGINT.
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "actors/errors.hpp"
#include "actors/lanes.hpp"
#include "actors/migrator.hpp"
#include "actors/nodes.hpp"
#include "db/conninfo.hpp"
#include "db/private_server.hpp"
#include "http/allocation.hpp"
#include "http/descriptors.hpp"
#include "http/log.hpp"
#include "http/options.hpp"
#include "http/service.hpp"
#include "http/signals.hpp"

namespace {

using namespace troupe;

constexpr int success = 0;
constexpr int failure = 1;
// As sysexits.h has it for a wrong command line.
constexpr int usage_error = 64;

// How long the first line waits for the database. Longer than a start of a private one takes after
// its own readiness, short enough that a missing database is said soon.
constexpr std::chrono::seconds patience{3};

int complain(const std::string& sentence) {
  http::write_line(STDERR_FILENO, "troupe: " + sentence);
  return failure;
}

// Takes as many descriptors as allowed and lowers the number of connections to what they permit. Says why
// not, if they are too few; empty if not.
std::string fit_descriptors(http::options& options) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  const auto fit = http::connections_that_fit(options, limit.rlim_cur, http::descriptors_open());
  if (!fit) return fit.error();
  auto& wanted = options.http.max_connections;
  if (*fit < wanted && options.what != http::command::worker)
    spdlog::warn(
        "http.max-connections lowered from {} to {}: no more than {} file descriptors are allowed (ulimit "
        "-n)",
        wanted, *fit, limit.rlim_cur);
  wanted = *fit;
  return {};
}

// Takes the level alone, which a running process can change; all else of the file is checked and left.
void read_log_level_again(std::vector<std::string> arguments) {
  http::configuration config;
  const auto options = config.read(std::move(arguments));
  if (!options)
    spdlog::warn("SIGHUP: log.level stays as it is: {}", options.error());
  else if (config.config_file_path.empty())
    spdlog::warn("SIGHUP: log.level stays as it is: there is no configuration file (--config-file) to read");
  else {
    const auto say = [&] { spdlog::info("SIGHUP: log.level is {} from now on", options->log_level); };
    // What is said holds by then, but where the new level would hide it.
    const bool hides = spdlog::level::from_str(options->log_level) > spdlog::level::info;
    if (hides) say();
    http::set_log_level(options->log_level);
    if (!hides) say();
  }
}

/// Waits until the program is asked to stop; keeps the private server alive meanwhile.
void wait_for_stop(http::signal_watch& signals, std::optional<db::private_server>& own,
                   const std::vector<std::string>& arguments) {
  using namespace std::chrono_literals;
  // Death of a child is a signal; that of a server that somebody else restarted has to be looked for.
  const std::chrono::milliseconds interval = own ? 1s : 1h;
  for (;;) {
    const auto what = signals.wait(interval);
    if (what == http::signal_watch::event::stop) return;
    if (what == http::signal_watch::event::hangup) read_log_level_again(arguments);
    if (own) own->supervise();
  }
}

// The connections have ended by now; the threads end last, if they do.
int conclude(caf::actor_system& system, const http::signal_watch& signals,
             std::optional<db::private_server>& own, int status) {
  system.await_all_actors_done();
  signals.answered();
  if (own) own->stop();
  signals.finish(status);
  return status;
}

// What it means to listen on, to say that it cannot.
std::string addresses_of(const http::options& options) {
  const auto part = [](const std::string& address, std::uint16_t port) {
    return address + " port " + std::to_string(port);
  };
  const auto for_clients = part(options.http.address, options.http.port);
  const auto for_gateways = part(options.node.address, options.node.port);
  if (options.what == http::command::worker) return "cannot listen on " + for_gateways;
  return "cannot listen on " + for_clients + (options.node.port != 0 ? " or " + for_gateways : "");
}

int run_service(caf::actor_system& system, const http::options& options, const actors::tls_context& tls,
                const std::optional<db::conninfo>& database, std::optional<db::private_server>& own,
                http::signal_watch& signals, const std::vector<std::string>& arguments,
                const std::atomic<bool>& failed) {
  http::service service{system, options, database, tls};
  try {
    service.start();
  } catch (const std::exception& thrown) {
    return complain(addresses_of(options) + ": " + thrown.what());
  }
  if (database)
    spdlog::info("{} lanes with {} connections each to {}", options.threads, options.pool.size,
                 database->describe());
  else
    spdlog::info("{} lanes", options.threads);
  const auto missing = service.wait_until_ready(patience, signals.stop());
  if (!signals.stop().stop_requested()) {
    if (!missing.empty())
      spdlog::warn("The {} not available yet, requests are answered 503: {}",
                   database ? "database is" : "workers are", missing);
    http::write_line(STDOUT_FILENO, "Troupe is ready: " + service.where());
  }

  wait_for_stop(signals, own, arguments);
  spdlog::info("Stopping: finishing the requests in flight");
  if (const auto left = service.stop(); left > 0) spdlog::warn("{} requests were not answered in time", left);
  return failed ? failure : success;
}

int serve(http::configuration& config, http::options options, const actors::tls_context& tls,
          const std::optional<db::conninfo>& database, std::optional<db::private_server>& own,
          http::signal_watch& signals, const std::vector<std::string>& arguments) {
  if (const auto fault = fit_descriptors(options); !fault.empty()) return complain(fault);
  // Set when the process cannot go on. It stops as at a signal then, which ends the wait for one.
  std::atomic<bool> failed{false};
  actors::lane_scheduler::install(config, options.threads, [&failed](const std::string& why) {
    if (failed.exchange(true)) return;
    complain(why + ": the process ends");
    kill(getpid(), SIGTERM);
  });
  if (options.node.port != 0 || !options.node.workers.empty()) actors::enable_nodes(config, options.node);
  caf::actor_system system{config};
  const int status = run_service(system, options, tls, database, own, signals, arguments, failed);
  return conclude(system, signals, own, status);
}

int run_migration(caf::actor_system& system, const http::options& options, const db::conninfo& database,
                  const std::stop_token& stop) {
  const auto session = std::make_shared<const actors::session_settings>(
      actors::session_settings{database, options.connection});
  const auto migrator = actors::spawn_migrator(actors::lane_scheduler::of(system).at(0), session,
                                               options.pool, actors::on_failure::report);
  const auto end = [&] { caf::anon_send_exit(migrator, caf::exit_reason::user_shutdown); };
  int status = success;
  caf::scoped_actor self{system};
  auto answer = self->request(migrator, caf::infinite, actors::migrate_request{});
  // Behind the request, which it answers then.
  const std::stop_callback at_stop{stop, end};
  answer.receive(
      [](const actors::migrated& names) {
        if (names.empty()) std::puts("The schema is up to date.");
        for (const auto& each : names) std::printf("Applied %s\n", each.c_str());
      },
      [&](const caf::error& failed) { status = complain(actors::from_caf(failed).message); });
  end();
  return status;
}

int migrate(http::configuration& config, const http::options& options, const db::conninfo& database,
            std::optional<db::private_server>& own, const http::signal_watch& signals) {
  actors::lane_scheduler::install(config, 1, [](const std::string& why) {
    complain(why + ": the process ends");
    // The answer that is waited for may never come.
    std::_Exit(failure);
  });
  caf::actor_system system{config};
  const int status = run_migration(system, options, database, signals.stop());
  return conclude(system, signals, own, status);
}

int run(const std::vector<std::string>& arguments) {
  http::configuration config;
  const auto options = config.read(arguments);
  if (!options) {
    complain(options.error());
    return usage_error;
  }
  if (options->what == http::command::help) {
    std::fputs(config.help().c_str(), stdout);
    return success;
  }
  http::set_up_log(options->log_level);

  http::signal_watch signals{options->http.shutdown_grace};

  const auto tls = actors::make_tls(options->node.tls);
  std::optional<db::private_server> own;
  if (options->what == http::command::gateway)
    return serve(config, *options, tls, std::nullopt, own, signals, arguments);
  auto uri = options->uri;
  if (!uri) {
    spdlog::info("No database is named: starting a private PostgreSQL in {}", options->data_dir.string());
    auto started =
        db::private_server::start({.data_dir = options->data_dir,
                                   .notice = [](const std::string& what) { spdlog::warn("{}", what); },
                                   .stop = signals.stop()});
    const bool just_stopped = signals.stop().stop_requested() && options->what != http::command::migrate;
    if (!started) return just_stopped ? success : complain(started.error().message);
    own.emplace(std::move(*started));
    uri = own->conninfo();
  }
  const auto database = db::conninfo::parse(*uri, options->http.keepalive);
  if (!database) {
    complain(database.error().message);
    return usage_error;
  }
  if (options->what == http::command::migrate) return migrate(config, *options, *database, own, signals);
  return serve(config, *options, tls, *database, own, signals, arguments);
}

}  // namespace

int main(int count, char** values) {
  if (!http::open_standard_streams()) return failure;
  http::set_up_allocation();
  // Before any thread exists, so that all inherit it.
  http::signal_watch::block();
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run({values + 1, values + count});
  } catch (const std::exception& failed) {
    return complain(failed.what());
  }
}
