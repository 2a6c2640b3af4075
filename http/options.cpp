// Declares each option once, with its default and unit, and checks what the user gave.
#include "http/options.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/ip/address.hpp>
#include <caf/pec.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

#include "actors/directory.hpp"

namespace troupe::http {

namespace {

constexpr std::array groups{"http", "db", "actors", "node", "node.tls", "tcp", "log"};
constexpr std::array log_levels{"error", "warning", "info", "debug"};
constexpr std::array<std::pair<std::string_view, command>, 4> commands{{
    {"serve", command::serve},
    {"worker", command::worker},
    {"gateway", command::gateway},
    {"migrate", command::migrate},
}};
// Of a worker whose node.port is not given.
constexpr std::uint16_t default_node_port = 4711;
constexpr std::string_view workers_option = "--node.workers=";
constexpr std::string_view file_option = "--config-file";
constexpr std::string_view uri_option = "--db.uri";
// Given alone they mean "on".
constexpr std::array switches{"--db.echo", "--db.migrate"};

constexpr auto usage = R"(troupe: a REST service for PostgreSQL

  troupe [serve] [options]    serve the API (default); with node.port, to gateways too
  troupe worker [options]     serve gateways, on node.port
  troupe gateway [options]    serve the API with the workers in node.workers
  troupe migrate [options]    bring the database's schema up to date, then end
  troupe --help               show this text

Without a database a private PostgreSQL is started, with its data in db.data-dir.
DATABASE_URL is used where db.uri is not given; options show their passwords to
all who can run ps. --config-file=FILE reads options from a file:
http { port = 8080 }.

)";

template <class Group>
bool contains(const Group& group, std::string_view what) {
  return std::find(group.begin(), group.end(), what) != group.end();
}

std::size_t default_threads() { return std::max(1U, std::thread::hardware_concurrency() / 2); }

// Outside of /root for root: the private PostgreSQL runs as another account.
std::string default_data_dir() {
  if (geteuid() == 0) return "/var/lib/troupe";
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data != '\0')
    return std::string{data} + "/troupe";
  const char* home = std::getenv("HOME");
  return std::string{home != nullptr ? home : "."} + "/.local/share/troupe";
}

template <class T>
std::string with_default(const std::string& description, const T& value) {
  return description + " (default " + value + ")";
}

std::string text(std::chrono::milliseconds value) {
  constexpr std::chrono::milliseconds hour = std::chrono::hours{1};
  if (value % hour == std::chrono::milliseconds{0}) return std::to_string(value / hour) + "h";
  return value.count() % 1000 == 0 ? std::to_string(value.count() / 1000) + "s"
                                   : std::to_string(value.count()) + "ms";
}

std::chrono::milliseconds to_milliseconds(caf::timespan value) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(value);
}

std::optional<bool> to_switch(std::string_view value) {
  if (value == "on" || value == "true") return true;
  if (value == "off" || value == "false") return false;
  return std::nullopt;
}

// CAF keeps the last of a repeated option only.
void join_repeated(std::vector<std::string>& arguments, std::string_view option) {
  std::optional<std::string> joined;
  std::erase_if(arguments, [&](const std::string& each) {
    if (!each.starts_with(option)) return false;
    joined = (joined ? *joined + ',' : "") + each.substr(option.size());
    return true;
  });
  if (joined) arguments.push_back(std::string{option} + *joined);
}

// "a,,b" has an empty part; an empty list has none.
std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  if (list.empty()) return out;
  for (;;) {
    const auto comma = list.find(',');
    out.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    list.remove_prefix(comma + 1);
  }
}

// An argument without its value. Nothing else of what the user typed is repeated where the value may be that
// of db.uri: one that is misspelled, or stands alone behind a blank.
std::string name_in(std::string_view argument) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  return std::string{argument.substr(0, argument.find_first_not_of(allowed))};
}

// A database's URI or its keywords that went to the wrong option may hold a password.
bool may_hold_secret(std::string_view value) {
  return value.find("://") != std::string_view::npos || value.find('@') != std::string_view::npos ||
         value.find("password") != std::string_view::npos;
}

// "name=value" for a line that the user reads.
std::string shown(const std::string& name, const std::string& value) {
  return may_hold_secret(value) ? name : name + "=" + value;
}

// Values, and the names in a file, are repeated as they came: a terminal would take orders from them, and one
// line would be several.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; },
      '?');
  return text;
}

// Nothing if it cannot be read.
std::optional<std::string> content_of(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file.is_open()) return std::nullopt;
  std::ostringstream out;
  // Of a directory the stream is good until it is read.
  if (file.peek() != std::ifstream::traits_type::eof()) out << file.rdbuf();
  if (file.bad() || out.bad()) return std::nullopt;
  return out.str();
}

// "http.port"
std::string full_name_of(const caf::config_option& option) {
  std::string out{option.category().begin(), option.category().end()};
  out += '.';
  return out.append(option.long_name().begin(), option.long_name().end());
}

std::string reason(caf::pec code) {
  switch (code) {
    case caf::pec::not_an_option: return "is not an option; see troupe --help";
    case caf::pec::missing_argument: return "needs a value: --name=value";
    default: return "has a value of the wrong type";
  }
}

}  // namespace

configuration::configuration() {
  const options defaults;
  const auto& http = defaults.http;
  address_ = http.address;
  port_ = http.port;
  threads_ = default_threads();
  max_connections_ = http.max_connections;
  request_timeout_ = http.request_timeout;
  idle_timeout_ = http.idle_timeout;
  min_rate_ = http.min_rate;
  shutdown_grace_ = http.shutdown_grace;
  max_body_ = http.max_body;
  max_target_ = http.max_target;
  max_header_ = http.max_header;
  max_limit_ = http.max_limit;
  data_dir_ = default_data_dir();
  pool_size_ = defaults.pool.size;
  pipeline_depth_ = defaults.pool.pipeline_depth;
  echo_ = "off";
  migrate_ = "on";
  connect_timeout_ = defaults.connection.connect_timeout;
  backoff_min_ = defaults.pool.backoff_min;
  backoff_max_ = defaults.pool.backoff_max;
  max_queue_ = defaults.pool.max_queue;
  max_batch_ = defaults.batch.max_rows;
  idempotency_ttl_ = http.idempotency_ttl;
  const auto& node = defaults.node;
  node_port_ = node.port;
  node_address_ = node.address;
  health_port_ = node.health_port;
  resolve_interval_ = node.resolve_interval;
  heartbeat_ = node.heartbeat;
  node_timeout_ = node.timeout;
  keepalive_ = http.keepalive;
  log_level_ = defaults.log_level;

  using std::to_string;
  opt_group{custom_options_, "http"}
      .add(address_, "address", with_default("numeric address to listen on", address_))
      .add(port_, "port", with_default("TCP port, 0 for any free one", to_string(port_)))
      .add(threads_, "threads",
           with_default("lanes that serve requests; half the cores", to_string(threads_)))
      .add(max_connections_, "max-connections",
           with_default("open connections at most", to_string(max_connections_)))
      .add(request_timeout_, "request-timeout",
           with_default("then a request is answered 504", text(http.request_timeout)))
      .add(idle_timeout_, "idle-timeout",
           with_default("then a silent connection is closed", text(http.idle_timeout)))
      .add(min_rate_, "min-rate",
           with_default("bytes per second, slower clients are closed; 0 for any", to_string(min_rate_)))
      .add(shutdown_grace_, "shutdown-grace",
           with_default("wait for requests at a stop at most", text(http.shutdown_grace)))
      .add(max_body_, "max-body", with_default("bytes of a body at most", to_string(max_body_)))
      .add(max_target_, "max-target",
           with_default("bytes of a path and query at most", to_string(max_target_)))
      .add(max_header_, "max-header", with_default("bytes of a header at most", to_string(max_header_)))
      .add(max_limit_, "max-limit", with_default("upper bound of ?limit=", to_string(max_limit_)))
      .add(idempotency_ttl_, "idempotency-ttl",
           with_default("an Idempotency-Key and its answer are kept", text(http.idempotency_ttl)));
  opt_group{custom_options_, "db"}
      .add(uri_, "uri", "postgresql://user:password@host:port/database")
      .add(data_dir_, "data-dir", with_default("directory of the private PostgreSQL", data_dir_))
      .add(pool_size_, "pool-size", with_default("connections of each lane", to_string(pool_size_)))
      .add(pipeline_depth_, "pipeline-depth",
           with_default("statements in flight on a connection at most", to_string(pipeline_depth_)))
      .add(echo_, "echo", with_default("on: log each statement with its duration", echo_))
      .add(migrate_, "migrate", with_default("off: leave the schema alone", migrate_))
      .add(connect_timeout_, "connect-timeout",
           with_default("of one attempt to connect", text(defaults.connection.connect_timeout)))
      .add(backoff_min_, "backoff-min",
           with_default("wait after the first failed attempt", text(defaults.pool.backoff_min)))
      .add(backoff_max_, "backoff-max",
           with_default("longest wait between attempts", text(defaults.pool.backoff_max)));
  opt_group{custom_options_, "actors"}
      .add(max_batch_, "max-batch",
           with_default("requests that one statement answers at most", to_string(max_batch_)))
      .add(max_queue_, "max-queue",
           with_default("requests of a lane that wait for a connection at most", to_string(max_queue_)));
  opt_group{custom_options_, "node"}
      .add(node_port_, "port", "TCP port for gateways; a worker's is " + to_string(default_node_port))
      .add(
          node_address_, "address",
          with_default("numeric address of that port; not for untrusted networks without TLS", node_address_))
      .add(workers_, "workers", "host:port,host:port of the workers of a gateway; may be repeated")
      .add(resolve_interval_, "resolve-interval",
           with_default("worker names are looked up again", text(node.resolve_interval)))
      .add(heartbeat_, "heartbeat", with_default("a node shows that it lives", text(node.heartbeat)))
      .add(node_timeout_, "timeout", with_default("then a silent node is given up", text(node.timeout)))
      .add(health_port_, "health-port", "TCP port for /healthz and /readyz alone");
  opt_group{custom_options_, "node.tls"}
      .add(certificate_, "certificate", "PEM file: this node's certificate; nodes then talk TLS 1.3 only")
      .add(key_, "key", "PEM file: its private key")
      .add(authority_, "authority", "PEM file: who has signed the certificates of all nodes")
      .add(peers_, "peers", "name,name that other nodes' certificates bear (default any)");
  opt_group{custom_options_, "tcp"}.add(
      keepalive_, "keepalive",
      with_default("a peer that is silently gone is noticed; 0s for never", text(http.keepalive)));
  opt_group{custom_options_, "log"}.add(log_level_, "level",
                                        with_default("error, warning, info or debug", log_level_));
}

tl::expected<options, std::string> configuration::read(std::vector<std::string> arguments) {
  return read_all(std::move(arguments)).map_error(one_line);
}

tl::expected<options, std::string> configuration::read_all(std::vector<std::string> arguments) {
  const auto asks_for_help = [](const std::string& each) {
    return each == "--help" || each == "-h" || each == "help";
  };
  if (std::any_of(arguments.begin(), arguments.end(), asks_for_help)) {
    options out;
    out.what = command::help;
    return out;
  }
  auto what = command::serve;
  const bool has_command = !arguments.empty() && !arguments.front().starts_with('-');
  if (has_command) {
    const auto* known = std::find_if(commands.begin(), commands.end(),
                                     [&](const auto& each) { return each.first == arguments.front(); });
    if (known == commands.end())
      return tl::unexpected{std::string{"argument 1 is not a command: serve, worker, gateway, migrate"}};
    what = known->second;
  }
  for (std::size_t i = has_command ? 1 : 0; i < arguments.size(); ++i) {
    auto& each = arguments[i];
    if (!each.starts_with("--"))
      return tl::unexpected{"argument " + std::to_string(i + 1) + " " + reason(caf::pec::not_an_option)};
    if (contains(switches, each)) each += "=on";
    // CAF has options of its own. Some print what it has read, passwords too; behind "--" it reads nothing.
    if (!is_option(name_in(each).substr(2)))
      return tl::unexpected{name_in(each) + " " + reason(caf::pec::not_an_option)};
  }
  if (has_command) arguments.erase(arguments.begin());
  join_repeated(arguments, workers_option);
  if (const auto fault = take_file(arguments)) return tl::unexpected{*fault};
  std::string text;
  if (!config_file_path.empty()) {
    auto read = content_of(config_file_path);
    if (!read) return tl::unexpected{file_name() + " cannot be opened"};
    text = std::move(*read);
  }
  // First without CAF's own options, which a file may name, too.
  caf::settings in_file;
  std::istringstream alone{text};
  if (const auto failed = parse_config(alone, caf::config_option_set{}, in_file))
    return tl::unexpected{explain(failed)};
  if (const auto fault = unknown_name("", in_file)) return tl::unexpected{*fault};
  std::istringstream again{text};
  if (const auto failed = parse(std::move(arguments), again)) return tl::unexpected{explain(failed)};
  if (const auto fault = apply("", content)) return tl::unexpected{*fault};
  if (const auto fault = wrong_type(in_file)) return tl::unexpected{*fault};
  if (const char* from_environment = std::getenv("DATABASE_URL"); from_environment != nullptr) {
    // Most likely a variable of some script is missing: whoever names no database at all gets a private one.
    if (*from_environment == '\0')
      return tl::unexpected{std::string{"DATABASE_URL is set but empty: name a database, or unset it"}};
    if (uri_.empty()) uri_ = from_environment;
  }
  return checked(what);
}

// Not CAF's way to find the file: that looks at an argument that it has just removed.
std::optional<std::string> configuration::take_file(std::vector<std::string>& arguments) {
  // No file that happens to lie in the working directory is read, only the one that is named.
  config_file_path.clear();
  std::optional<std::string> fault;
  std::erase_if(arguments, [&](const std::string& each) {
    if (name_in(each) != file_option) return false;
    config_file_path = each.substr(std::min(each.size(), file_option.size() + 1));
    if (config_file_path.empty()) fault = each + " " + reason(caf::pec::missing_argument);
    return true;
  });
  return fault;
}

std::string configuration::file_name() const {
  return "the configuration file" + (may_hold_secret(config_file_path) ? "" : " " + config_file_path);
}

std::string configuration::explain(const caf::error& failed) const {
  const auto file = file_name();
  if (failed.category() != caf::atom("parser")) return file + " cannot be read";
  const auto code = static_cast<caf::pec>(failed.code());
  const auto& context = failed.context();
  if (!context.match_elements<caf::config_value::dictionary>()) return file + " cannot be read";
  const auto& facts = context.get_as<caf::config_value::dictionary>(0);
  if (const auto argument = caf::get_if<std::string>(&facts, "argument")) {
    const auto name = name_in(*argument);
    const bool has_secret =
        code != caf::pec::missing_argument && (name == uri_option || may_hold_secret(*argument));
    return (has_secret || code == caf::pec::not_an_option ? name : *argument) + " " + reason(code);
  }
  const auto line = caf::get_or(facts, "line", caf::config_value::integer{0});
  return file + ", line " + std::to_string(line) + ", cannot be read: " + to_string(code);
}

const caf::config_option* configuration::find_option(std::string_view full_name) const {
  const auto dot = full_name.rfind('.');
  if (dot == full_name.npos || !contains(groups, full_name.substr(0, dot))) return nullptr;
  // Split here: CAF would end the group at the first dot, and node.tls has one.
  const caf::string_view name{full_name.data(), full_name.size()};
  return custom_options_.qualified_name_lookup(name.substr(0, dot), name.substr(dot + 1));
}

bool configuration::is_option(std::string_view full_name) const {
  return full_name == file_option.substr(2) || find_option(full_name) != nullptr;
}

std::optional<std::string> configuration::unknown_name(const std::string& group,
                                                       const caf::settings& members) const {
  for (const auto& [name, value] : members) {
    const auto full_name = (group.empty() ? "" : group + ".") + std::string{name};
    if (const auto* deeper = caf::get_if<caf::config_value::dictionary>(&value)) {
      if (const auto fault = unknown_name(full_name, *deeper)) return fault;
    } else if (!is_option(full_name)) {
      return full_name + " " + reason(caf::pec::not_an_option);
    }
  }
  return std::nullopt;
}

// CAF drops a value of the wrong type that stands in a [section] of the file without a word.
std::optional<std::string> configuration::wrong_type(const caf::settings& in_file) const {
  for (const auto& option : custom_options_) {
    const auto full_name = full_name_of(option);
    const auto* value = caf::get_if(&in_file, full_name);
    if (value != nullptr && option.check(*value)) return full_name + " has a value of the wrong type";
  }
  return std::nullopt;
}

// CAF takes any name in a configuration file, and does not store values that stand in braces.
std::optional<std::string> configuration::apply(const std::string& group, const caf::settings& members) {
  for (const auto& [name, value] : members) {
    const auto full_name = (group.empty() ? "" : group + ".") + std::string{name};
    if (const auto* deeper = caf::get_if<caf::config_value::dictionary>(&value)) {
      if (const auto fault = apply(full_name, *deeper)) return fault;
      continue;
    }
    if (full_name == "config-file") continue;
    const auto* const option = find_option(full_name);
    if (option == nullptr) return full_name + " " + reason(caf::pec::not_an_option);
    if (option->check(value)) return full_name + " has a value of the wrong type";
    if (const auto* text = caf::get_if<std::string>(&value); text != nullptr && text->empty())
      return full_name + " is set but empty: give it a value, or leave it out";
    option->store(value);
  }
  return std::nullopt;
}

tl::expected<options, std::string> configuration::checked(command what) const {
  const auto bad = [](const std::string& sentence) { return tl::unexpected{sentence}; };
  const auto positive = [](caf::timespan value) { return to_milliseconds(value).count() > 0; };

  asio::error_code not_numeric;
  const auto address = address_ == "localhost" ? std::string{"127.0.0.1"} : address_;
  asio::ip::make_address(address, not_numeric);
  if (not_numeric)
    return bad(shown("http.address", address_) + " is not a numeric address such as 127.0.0.1 or ::");
  if (threads_ < 1 || threads_ > 256) return bad("http.threads must be from 1 to 256");
  if (max_connections_ < threads_) return bad("http.max-connections must be at least http.threads");
  if (!positive(request_timeout_)) return bad("http.request-timeout must be at least 1ms");
  if (!positive(idle_timeout_)) return bad("http.idle-timeout must be at least 1ms");
  if (max_target_ < 1 || max_header_ < 1)
    return bad("http.max-target and http.max-header must be at least 1");
  if (max_limit_ < 1) return bad("http.max-limit must be at least 1");
  if (pool_size_ < 1 || pool_size_ > 1000) return bad("db.pool-size must be from 1 to 1000");
  if (pipeline_depth_ < 1) return bad("db.pipeline-depth must be at least 1");
  if (!positive(connect_timeout_)) return bad("db.connect-timeout must be at least 1ms");
  if (!positive(backoff_min_) || backoff_max_ < backoff_min_)
    return bad("db.backoff-min must be at least 1ms and at most db.backoff-max");
  if (max_batch_ < 1) return bad("actors.max-batch must be at least 1");
  if (!positive(idempotency_ttl_)) return bad("http.idempotency-ttl must be at least 1ms");
  asio::ip::make_address(node_address_, not_numeric);
  if (not_numeric)
    return bad(shown("node.address", node_address_) + " is not a numeric address such as 127.0.0.1 or ::");
  if (!positive(resolve_interval_)) return bad("node.resolve-interval must be at least 1ms");
  if (!positive(heartbeat_) || node_timeout_ <= heartbeat_)
    return bad("node.heartbeat must be at least 1ms and less than node.timeout");
  const int tls_files = !certificate_.empty() + !key_.empty() + !authority_.empty();
  if (tls_files != 0 && tls_files != 3)
    return bad("node.tls.certificate, node.tls.key and node.tls.authority go together");
  const auto peers = split(peers_);
  if (!peers_.empty() && tls_files == 0) return bad("node.tls.peers needs node.tls.certificate");
  // Not everybody because a name was lost on the way.
  if (contains(peers, "") || peers_.find(' ') != std::string::npos)
    return bad(shown("node.tls.peers", peers_) + " is not name,name without blanks");
  const auto workers = split(workers_);
  for (const auto& each : workers)
    if (!actors::parse_worker_name(each))
      return bad("node.workers: " + (may_hold_secret(each) ? "a part of it" : "\"" + each + "\"") +
                 " is not host:port");
  if (what == command::gateway && workers.empty())
    return bad("a gateway needs workers: --node.workers=host:port");
  if (what != command::gateway && !workers.empty())
    return bad("node.workers is for a gateway: troupe gateway");
  // A job has to fit into a message with room to spare.
  const bool between_nodes = what != command::serve || node_port_ != 0;
  if (const auto most = actors::node_settings{}.max_message / 4; between_nodes && max_body_ > most)
    return bad("http.max-body must be at most " + std::to_string(most) + " between nodes");
  if (what == command::gateway && node_port_ != 0)
    return bad("node.port is for a worker: a gateway takes no work");
  const auto keepalive = to_milliseconds(keepalive_);
  if (keepalive_.count() != 0 && (keepalive < db::min_keepalive || keepalive > db::max_keepalive))
    return bad("tcp.keepalive must be 0s, or from 4s to 1h");
  const auto echo = to_switch(echo_);
  if (!echo) return bad(shown("db.echo", echo_) + " must be on or off");
  const auto migrate = to_switch(migrate_);
  if (!migrate) return bad(shown("db.migrate", migrate_) + " must be on or off");
  if (!contains(log_levels, log_level_))
    return bad(shown("log.level", log_level_) + " must be error, warning, info or debug");

  options out;
  out.what = what;
  out.http = {address,
              port_,
              max_connections_,
              to_milliseconds(request_timeout_),
              to_milliseconds(idle_timeout_),
              min_rate_,
              max_body_,
              max_target_,
              max_header_,
              max_limit_,
              to_milliseconds(idempotency_ttl_),
              to_milliseconds(shutdown_grace_),
              keepalive};
  out.threads = threads_;
  if (!uri_.empty()) out.uri = uri_;
  out.data_dir = data_dir_;
  out.migrate = *migrate;
  out.connection = {to_milliseconds(connect_timeout_), out.http.request_timeout, *echo};
  out.pool = {pool_size_,
              pipeline_depth_,
              max_queue_,
              to_milliseconds(backoff_min_),
              to_milliseconds(backoff_max_),
              std::random_device{}()};
  out.batch.max_rows = max_batch_;
  out.batch.max_queue = max_queue_;
  out.node.port = what == command::worker && node_port_ == 0 ? default_node_port : node_port_;
  out.node.address = node_address_;
  out.node.tls = {certificate_, key_, authority_, peers};
  out.node.health_port = health_port_;
  out.node.workers = workers;
  out.node.resolve_interval = to_milliseconds(resolve_interval_);
  out.node.heartbeat = to_milliseconds(heartbeat_);
  out.node.timeout = to_milliseconds(node_timeout_);
  out.node.keepalive = keepalive;
  out.node.max_outstanding = max_queue_;
  out.node.seed = std::random_device{}();
  out.log_level = log_level_;
  return out;
}

std::string configuration::help() const {
  std::string out = usage;
  for (const auto* group : groups) {
    for (const auto& each : custom_options_) {
      if (std::string_view(each.category().data(), each.category().size()) != group) continue;
      std::string line = "  --" + full_name_of(each) + "=...";
      line.resize(std::max<std::size_t>(line.size() + 1, 30), ' ');
      out += line + std::string{each.description().data(), each.description().size()} + "\n";
    }
  }
  return out;
}

}  // namespace troupe::http
