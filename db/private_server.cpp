// Starts, watches, restarts and stops the postmaster of a private cluster.
#include "db/private_server.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <optional>
#include <thread>
#include <utility>

#include "db/child_process.hpp"
#include "db/cluster_directory.hpp"
#include "db/socket_directory.hpp"

namespace troupe::db {

namespace fs = std::filesystem;

namespace {

using clock = std::chrono::steady_clock;

/// The number in the socket's file name; no TCP port is opened.
constexpr auto port = "5432";
/// How long a server that our killed predecessor left gets to receive its shutdown signal, which
/// the kernel sends moments after it freed the lock.
constexpr std::chrono::seconds orphan_grace{1};
/// Delay before the first restart after a crash; doubles up to the other until the server has
/// stayed up for as long as the longest delay. The first attempts often fail while processes of the
/// dead server are still ending.
constexpr std::chrono::milliseconds shortest_backoff{100};
constexpr std::chrono::milliseconds longest_backoff{10'000};
/// After a clean shutdown somebody is likely to start it again (`pg_ctl restart`): let them go first.
constexpr std::chrono::seconds hand_restart_grace{2};
/// A fast shutdown writes a checkpoint, which spares the next start a recovery; an immediate one writes
/// nothing, and kills what does not end within 5 s.
constexpr std::chrono::seconds fast_stop_timeout{5};
constexpr std::chrono::seconds immediate_stop_timeout{10};
/// pg_ctl's allowance for a postmaster.pid dated before the start, on file systems' clocks.
constexpr std::time_t clock_slack = 2;
constexpr auto told_to_stop = "the start of PostgreSQL was told to stop";

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

tl::unexpected<error> refuse(std::string message) {
  return tl::unexpected(error{errc::unavailable, std::move(message)});
}

}  // namespace

class private_server::state {
 public:
  explicit state(options wanted) : options_(std::move(wanted)) {}
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { stop(); }

  tl::expected<void, error> start() {
    std::error_code failed;
    layout_.root = fs::weakly_canonical(fs::absolute(options_.data_dir, failed), failed);
    if (failed || options_.data_dir.empty()) {
      return refuse("no usable data directory: '" + options_.data_dir.string() + "'");
    }
    return claim_directory(layout_)
        .map([this](owned_fd lock) { lock_ = std::move(lock); })
        .and_then([this] { return server_account(layout_); })
        .map([this](std::optional<account> user) { user_ = user; })
        .and_then([this] { return prepare_cluster(); })
        .and_then([this] { return start_server(); })
        .map([this] { started_ = true; });
  }

  std::string conninfo() const {
    return "host=" + single_quoted(sockets_.string()) + " port=" + port_ + " user=postgres dbname=postgres";
  }
  const fs::path& sockets() const noexcept { return sockets_; }
  pid_t pid() const noexcept { return pid_; }
  bool adopted() const noexcept { return adopted_; }

  void supervise() {
    if (!lock_) return;  // stopped
    if (pid_ != 0) {
      const auto status = ended();
      if (!status) {
        if (clock::now() - since_ >= longest_backoff) backoff_ = shortest_backoff;
        return;
      }
      note("PostgreSQL " + (adopted_ ? "has ended" : how_it_ended(*status)));
      next_start_ = clock::now() + (adopted_ || *status == 0 ? hand_restart_grace : take_backoff());
      pid_ = 0;
      adopted_ = false;
    }
    if (const auto other = running_postmaster(layout_)) return adopt(*other);
    if (clock::now() < next_start_) return;
    if (const auto started = spawn()) {
      note("PostgreSQL is started again");
    } else {
      next_start_ = clock::now() + take_backoff();
      note(started.error().message);
    }
  }

  void stop() {
    if (!lock_) return;
    if (pid_ == 0 && started_) {
      if (const auto other = running_postmaster(layout_)) adopt(*other);
    }
    if (pid_ != 0 && !ended_after(SIGINT, fast_stop_timeout)) {
      note("PostgreSQL does not finish its fast shutdown; shutting it down at once");
      if (!ended_after(SIGQUIT, immediate_stop_timeout)) {
        note("PostgreSQL, process " + std::to_string(pid_) + ", does not end; leaving it");
      }
    }
    pid_ = 0;
    adopted_ = false;
    own_sockets_ = {};
    lock_.reset();
  }

 private:
  tl::expected<void, error> prepare_cluster() {
    const auto version = cluster_version(layout_);
    if (!version) return tl::unexpected(version.error());
    auto programs = find_server_programs(*version);
    if (!programs) return tl::unexpected(programs.error());
    program_ = *programs / "postgres";
    if (*version) return {};
    return create_cluster(layout_, *programs, user_, options_.stop);
  }

  tl::expected<void, error> start_server() {
    const auto deadline = clock::now() + options_.start_timeout;
    const auto survivor = wait_for_orphan(deadline);
    if (!survivor) return tl::unexpected(survivor.error());
    if (*survivor) {
      const auto& server = **survivor;
      if (server.socket_directory.empty()) {
        return refuse("a PostgreSQL without a Unix socket, process " + std::to_string(server.pid) +
                      ", runs in " + layout_.data().string());
      }
      sockets_ = server.socket_directory;
      port_ = server.port;
      adopt(server);
      return {};
    }
    return socket_directory::make(layout_.sockets(), user_)
        .map([this](socket_directory made) {
          own_sockets_ = std::move(made);
          sockets_ = own_sockets_.path();
        })
        .and_then([this] { return write_settings(layout_, settings()); })
        .and_then([this] { return spawn(); })
        .and_then([this, deadline] { return wait_until_ready(deadline); });
  }

  /// Waits while a server that somebody else started is ending; returns the one that stays.
  tl::expected<std::optional<postmaster_file>, error> wait_for_orphan(clock::time_point deadline) const {
    const auto adopt_from = clock::now() + orphan_grace;
    while (auto other = running_postmaster(layout_)) {
      if (other->status == postmaster_file::phase::ready && clock::now() >= adopt_from) return other;
      if (options_.stop.stop_requested()) return refuse(told_to_stop);
      if (clock::now() >= deadline) {
        return refuse("another PostgreSQL, process " + std::to_string(other->pid) + ", is still busy in " +
                      layout_.data().string());
      }
      std::this_thread::sleep_for(process_poll_interval);
    }
    return std::nullopt;
  }

  server_settings settings() const {
    return {{"listen_addresses", ""},
            {"port", port},
            {"unix_socket_directories", '"' + sockets_.string() + '"'},
            {"unix_socket_permissions", "0700"}};
  }

  tl::expected<void, error> spawn() {
    const auto log = open_log(layout_);
    if (!log) return tl::unexpected(log.error());
    log_start_ = log_size(layout_);
    child_options child;
    child.argv = {program_, "-D", layout_.data()};
    // On the command line too, where no edited postgresql.conf can open a TCP port.
    for (const auto& [name, value] : settings()) {
      child.argv.insert(child.argv.end(), {"-c", std::string(name).append("=").append(value)});
    }
    child.environment = server_environment();
    child.run_as = user_;
    child.output_fd = log->get();
    // Who ends without stopping it was killed, or was not to wait.
    child.death_signal = SIGQUIT;
    const auto started = start_child(child);
    if (!started) return tl::unexpected(started.error());
    pid_ = *started;
    adopted_ = false;
    since_ = clock::now();
    return {};
  }

  tl::expected<void, error> wait_until_ready(clock::time_point deadline) {
    const auto not_before = std::time(nullptr) - clock_slack;
    while (true) {
      if (const auto status = ended()) {
        pid_ = 0;
        return refuse("PostgreSQL " + how_it_ended(*status) + ": " + log_tail(layout_, log_start_));
      }
      const auto server = running_postmaster(layout_);
      // The date tells apart the file of a server that died and had, by chance, the same process id.
      if (server && server->pid == pid_ && server->started >= not_before &&
          server->status == postmaster_file::phase::ready) {
        return {};
      }
      if (options_.stop.stop_requested()) return refuse(told_to_stop);
      if (clock::now() >= deadline) {
        return refuse("PostgreSQL is not ready in time: " + log_tail(layout_, log_start_));
      }
      std::this_thread::sleep_for(process_poll_interval);
    }
  }

  void adopt(const postmaster_file& server) {
    pid_ = server.pid;
    adopted_ = true;
    since_ = clock::now();
    note("PostgreSQL runs as process " + std::to_string(pid_) + ", started by somebody else");
    if (!server.socket_directory.empty() && server.socket_directory != sockets_) {
      note("it listens in " + server.socket_directory + " instead of " + sockets_.string());
    }
  }

  /// The wait status of the server if it has ended; an adopted one's is not known and is 0.
  std::optional<int> ended() const {
    if (!adopted_) return reap_child(pid_);
    const auto server = running_postmaster(layout_);
    if (server && server->pid == pid_) return std::nullopt;
    return 0;
  }

  bool ended_after(int signal_number, clock::duration timeout) const {
    const auto deadline = clock::now() + timeout;
    // Looked at first, so that no signal goes to a process id that is in use by another by now.
    if (ended()) return true;
    kill(pid_, signal_number);
    while (!ended()) {
      if (clock::now() >= deadline) return false;
      std::this_thread::sleep_for(process_poll_interval);
    }
    return true;
  }

  std::chrono::milliseconds take_backoff() {
    return std::exchange(backoff_, std::min(backoff_ * 2, longest_backoff));
  }

  void note(const std::string& sentence) const {
    if (options_.notice) options_.notice(sentence);
  }

  options options_;
  cluster_layout layout_;
  owned_fd lock_;
  std::optional<account> user_;
  fs::path program_;
  socket_directory own_sockets_;
  /// Where the server listens; another's directory if it was adopted at the start.
  fs::path sockets_;
  std::string port_ = port;
  std::uintmax_t log_start_ = 0;
  /// Until then a server that is not our child is none of our business.
  bool started_ = false;
  pid_t pid_ = 0;
  bool adopted_ = false;
  clock::time_point since_;
  clock::time_point next_start_;
  std::chrono::milliseconds backoff_ = shortest_backoff;
};

private_server::private_server(std::unique_ptr<state> made) noexcept : state_(std::move(made)) {}
private_server::private_server(private_server&&) noexcept = default;
private_server& private_server::operator=(private_server&&) noexcept = default;
private_server::~private_server() = default;

tl::expected<private_server, error> private_server::start(options wanted) {
  auto server = std::make_unique<state>(std::move(wanted));
  if (auto started = server->start(); !started) return tl::unexpected(started.error());
  return private_server(std::move(server));
}

std::string private_server::conninfo() const { return state_->conninfo(); }
const fs::path& private_server::sockets() const noexcept { return state_->sockets(); }
pid_t private_server::pid() const noexcept { return state_->pid(); }
bool private_server::adopted() const noexcept { return state_->adopted(); }
void private_server::supervise() { state_->supervise(); }
void private_server::stop() {
  if (state_) state_->stop();
}

}  // namespace troupe::db
