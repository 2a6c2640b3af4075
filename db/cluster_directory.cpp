// Creates, claims and reads the files of a private PostgreSQL.
#include "db/cluster_directory.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace troupe::db {

namespace fs = std::filesystem;

namespace {

/// initdb takes one to three seconds; a disk that is slow to sync may need many times that.
constexpr std::chrono::seconds create_timeout{120};
/// What initdb gets to remove its files after it was told to stop.
constexpr std::chrono::seconds abort_timeout{5};
/// How much of a log an error message quotes: enough for PostgreSQL's reason and its hint.
constexpr std::size_t log_tail_lines = 6;
constexpr std::uintmax_t log_tail_bytes = 4096;
/// Where Debian puts the server's programs: <here>/<version>/bin.
constexpr auto debian_versions = "/usr/lib/postgresql";

tl::unexpected<error> refuse(std::string message) {
  return tl::unexpected(error{errc::unavailable, std::move(message)});
}

tl::unexpected<error> refuse_errno(const std::string& what, const fs::path& path) {
  const int reason = errno;
  return refuse("cannot " + what + " " + path.string() + ": " + std::generic_category().message(reason));
}

/// The names in a directory; an empty list if there is no such directory.
tl::expected<std::vector<std::string>, error> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  fs::directory_iterator entry(directory, failed);
  if (failed == std::errc::no_such_file_or_directory) return names;
  for (; !failed && entry != fs::directory_iterator{}; entry.increment(failed)) {
    names.push_back(entry->path().filename().string());
  }
  if (failed) return refuse("cannot read the directory " + directory.string() + ": " + failed.message());
  return names;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_programs(const fs::path& directory) {
  return access((directory / "postgres").c_str(), X_OK) == 0 &&
         access((directory / "initdb").c_str(), X_OK) == 0;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

tl::expected<void, error> run_initdb(const cluster_layout& layout, const fs::path& unfinished,
                                     const fs::path& programs, std::optional<account> user,
                                     const std::stop_token& stop) {
  const auto log = open_log(layout);
  if (!log) return tl::unexpected(log.error());
  const auto log_start = log_size(layout);
  child_options options;
  options.argv = {programs / "initdb", "--pgdata=" + unfinished.string(),
                  "--encoding=UTF8",   "--locale=C.UTF-8",
                  "--auth=trust",      "--username=postgres",
                  "--data-checksums",  "--no-instructions"};
  options.environment = server_environment();
  options.run_as = user;
  options.output_fd = log->get();
  // Nobody needs this cluster: here, unlike with a server, SIGKILL loses nothing.
  options.death_signal = SIGKILL;
  const auto child = start_child(options);
  if (!child) return tl::unexpected(child.error());
  const auto status = wait_child(*child, std::chrono::steady_clock::now() + create_timeout, stop);
  if (status && *status == 0) return {};
  if (!status) {
    kill(*child, SIGKILL);
    wait_child(*child, std::chrono::steady_clock::now() + abort_timeout);
  }
  if (stop.stop_requested()) return refuse("initdb was told to stop");
  return refuse((status ? "initdb failed: " : "initdb took too long: ") + log_tail(layout, log_start));
}

/// What cannot be removed now is at the next start.
void remove_unfinished(const cluster_layout& layout) {
  const auto names = names_in(layout.root);
  if (!names) return;
  std::error_code failed;
  for (const auto& name : *names)
    if (name.starts_with(layout.unfinished().filename().string())) fs::remove_all(layout.root / name, failed);
}

/// Lets the new cluster read our settings also when somebody starts it by hand.
tl::expected<void, error> include_settings(const cluster_layout& layout, const fs::path& unfinished) {
  // The directory belongs to the server's account: root must not follow a link out of it.
  const auto path = unfinished / "postgresql.conf";
  const owned_fd file(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  const std::string line = "include_if_exists = '../" + layout.settings().filename().string() + "'\n";
  if (!file || write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      fsync(file.get()) != 0) {
    return refuse_errno("write", path);
  }
  return {};
}

}  // namespace

tl::expected<owned_fd, error> claim_directory(const cluster_layout& layout) {
  std::error_code failed;
  const bool created = fs::create_directories(layout.root, failed);
  if (failed) return refuse("cannot create the directory " + layout.root.string() + ": " + failed.message());
  // Whatever our umask is, the server's account must be able to pass.
  if (created) fs::permissions(layout.root, fs::perms(0755), failed);

  const auto names = names_in(layout.root);
  if (!names) return tl::unexpected(names.error());
  const bool fresh = names->empty() || (names->size() == 1 && names->front() == "lost+found");
  if (!fresh && !contains(*names, layout.lock().filename().string()) &&
      !fs::exists(layout.data() / "PG_VERSION", failed)) {
    return refuse("the data directory " + layout.root.string() +
                  " is neither empty nor one of ours; name an empty or a new one");
  }

  owned_fd lock(open(layout.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock) return refuse_errno("open", layout.lock());
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return refuse_errno("lock", layout.lock());
  return refuse("the data directory " + layout.root.string() + " is in use by another process");
}

tl::expected<std::optional<std::string>, error> cluster_version(const cluster_layout& layout) {
  const auto names = names_in(layout.data());
  if (!names) return tl::unexpected(names.error());
  if (names->empty()) return std::nullopt;
  std::string version;
  if (!(std::ifstream(layout.data() / "PG_VERSION") >> version)) {
    return refuse("the directory " + layout.data().string() + " is neither empty nor a PostgreSQL cluster");
  }
  return version;
}

tl::expected<std::optional<account>, error> server_account(const cluster_layout& layout) {
  if (geteuid() != 0) return std::nullopt;
  std::optional<account> user;
  struct stat cluster{};
  if (stat((layout.data() / "PG_VERSION").c_str(), &cluster) == 0 && cluster.st_uid != 0) {
    user = account{cluster.st_uid, cluster.st_gid};
  }
  for (const char* name : {"postgres", "nobody"}) {
    if (user) break;
    if (const auto* entry = getpwnam(name)) user = account{entry->pw_uid, entry->pw_gid};
  }
  if (!user) return refuse("PostgreSQL does not run as root, and there is no account postgres or nobody");
  if (const auto closed = first_closed_directory(layout.root, *user)) {
    const auto* entry = getpwuid(user->uid);
    const std::string name = entry != nullptr ? entry->pw_name : std::to_string(user->uid);
    return refuse("the user " + name + ", as whom PostgreSQL runs here, may not enter " + closed->string() +
                  "; use a data directory that it can reach");
  }
  return user;
}

tl::expected<fs::path, error> find_server_programs(const std::optional<std::string>& version) {
  if (version) {
    auto exact = fs::path(debian_versions) / *version / "bin";
    if (has_programs(exact)) return exact;
  }
  const char* search_path = getenv("PATH");
  std::istringstream parts(search_path != nullptr ? search_path : "");
  for (std::string part; std::getline(parts, part, ':');) {
    // Of another version it may be; then the server itself says so, in its own clear words.
    if (part.starts_with('/') && has_programs(part)) return fs::path(part);
  }
  if (version) return refuse("PostgreSQL " + *version + ", which made the cluster, is not installed");
  const auto installed = names_in(debian_versions);
  if (!installed) return tl::unexpected(installed.error());
  std::int64_t highest = 0;
  for (const auto& name : *installed) {
    if (has_programs(fs::path(debian_versions) / name / "bin")) {
      highest = std::max(highest, number(name).value_or(0));
    }
  }
  if (highest > 0) return fs::path(debian_versions) / std::to_string(highest) / "bin";
  return refuse(
      std::string("found no PostgreSQL server: initdb and postgres are neither in PATH nor under ") +
      debian_versions + "; install the package postgresql, or name a database");
}

tl::expected<void, error> create_cluster(const cluster_layout& layout, const fs::path& programs,
                                         std::optional<account> user, const std::stop_token& stop) {
  remove_unfinished(layout);
  // A name of its own: processes of an initdb that was killed may still write into the last one.
  auto unfinished = layout.unfinished().string() + ".XXXXXX";
  if (mkdtemp(unfinished.data()) == nullptr) return refuse_errno("create", unfinished);
  if (user && lchown(unfinished.c_str(), user->uid, user->gid) != 0)
    return refuse_errno("give away", unfinished);
  auto created = run_initdb(layout, unfinished, programs, user, stop).and_then([&] {
    return include_settings(layout, unfinished);
  });
  if (!created) {
    remove_unfinished(layout);
    return created;
  }
  if (rename(unfinished.c_str(), layout.data().c_str()) != 0) return refuse_errno("create", layout.data());
  const owned_fd root(open(layout.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root || fsync(root.get()) != 0) return refuse_errno("sync", layout.root);
  return {};
}

tl::expected<void, error> write_settings(const cluster_layout& layout, const server_settings& settings) {
  std::ofstream file(layout.settings());
  file << "# Written by troupe at each start; put settings of your own into postgresql.conf.\n";
  for (const auto& [name, value] : settings) file << name << " = " << single_quoted(value) << '\n';
  file.close();
  if (!file) return refuse("cannot write " + layout.settings().string());
  std::error_code failed;
  fs::permissions(layout.settings(), fs::perms(0644), failed);
  return {};
}

std::string single_quoted(std::string_view value) {
  std::string result = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result += '\'';
}

std::optional<postmaster_file> running_postmaster(const cluster_layout& layout) {
  // pid, PGDATA, start time, port, socket directory, address, shared memory, status.
  std::ifstream file(layout.data() / "postmaster.pid");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  lines.resize(std::max<std::size_t>(lines.size(), 8));
  postmaster_file result;
  result.pid = static_cast<pid_t>(number(lines[0]).value_or(0));
  result.started = number(lines[2]).value_or(0);
  result.port = lines[3];
  result.socket_directory = lines[4];
  if (lines[7].starts_with("ready")) result.status = postmaster_file::phase::ready;
  if (lines[7].starts_with("stopping")) result.status = postmaster_file::phase::stopping;
  if (result.pid <= 0) return std::nullopt;
  // The file outlives a crash, and its number may be another process's by now; a server, and
  // nothing else of this account, works in its data directory.
  std::error_code failed;
  const auto works_in = fs::read_symlink("/proc/" + std::to_string(result.pid) + "/cwd", failed);
  if (failed || works_in != fs::canonical(layout.data(), failed)) return std::nullopt;
  return result;
}

tl::expected<owned_fd, error> open_log(const cluster_layout& layout) {
  owned_fd log(open(layout.log().c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!log) return refuse_errno("open", layout.log());
  return log;
}

std::uintmax_t log_size(const cluster_layout& layout) {
  std::error_code failed;
  const auto size = fs::file_size(layout.log(), failed);
  return failed ? 0 : size;
}

std::string log_tail(const cluster_layout& layout, std::uintmax_t from) {
  const auto size = log_size(layout);
  std::ifstream file(layout.log());
  file.seekg(static_cast<std::streamoff>(std::max(from, size - std::min(size, log_tail_bytes))));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  const std::size_t first = lines.size() - std::min(lines.size(), log_tail_lines);
  std::string result = lines.empty() ? "it printed nothing" : lines[first];
  for (std::size_t i = first + 1; i < lines.size(); ++i) result += "; " + lines[i];
  return result + " (" + layout.log().string() + ")";
}

std::vector<std::string> server_environment() {
  std::vector<std::string> result{"LC_ALL=C"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const auto starts = [variable](std::string_view prefix) { return variable.starts_with(prefix); };
    if (!starts("PG") && !starts("LC_") && !starts("LANG")) result.emplace_back(variable);
  }
  return result;
}

}  // namespace troupe::db
