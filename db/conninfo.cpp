// Parses connection strings with libpq and fills in this service's defaults.
#include "db/conninfo.hpp"

#include <arpa/inet.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

namespace troupe::db {

namespace {

// Set unless the connection string says otherwise.
constexpr std::array<std::pair<const char*, const char*>, 4> defaults{{
    {"fallback_application_name", "troupe"},
    {"client_encoding", "UTF8"},
    {"gssencmode", "disable"},
    {"target_session_attrs", "read-write"},
}};

// libpq's names for what set_keepalive() sets.
std::map<std::string, std::string> keywords_for(const keepalive_settings& how) {
  if (how.count == 0) return {{"keepalives", "0"}};
  return {{"keepalives_idle", std::to_string(how.idle.count())},
          {"keepalives_interval", std::to_string(how.interval.count())},
          {"keepalives_count", std::to_string(how.count)},
          {"tcp_user_timeout", std::to_string(how.user_timeout.count())}};
}

// libpq takes these from the environment by itself, but names have to be known before it starts.
constexpr std::array resolved_early{"host", "hostaddr", "port"};

using options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

void append(std::string& list, const std::string& entry, bool first) {
  if (!first) list += ',';
  list += entry;
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> buffer;
  // libpq takes a zone index (fe80::1%eth0); inet_pton() does not.
  const auto address = host.substr(0, host.find('%'));
  return inet_pton(AF_INET, address.c_str(), buffer.data()) == 1 ||
         inet_pton(AF_INET6, address.c_str(), buffer.data()) == 1;
}

bool is_socket_directory(const std::string& host) {
  return host.empty() || host.front() == '/' || host.front() == '@';
}

// Where the servers of a URI begin, behind "user:password@". As libpq has it: there is such a part if '@'
// comes before the first '/', and it ends there.
std::size_t servers_of(std::string_view uri) {
  const auto begin = uri.find("://") + 3;
  const auto end = uri.find_first_of("@/", begin);
  return end != std::string_view::npos && uri[end] == '@' ? end + 1 : begin;
}

// postgresql+asyncpg://...?ssl=require -> postgresql://...?sslmode=require
std::string from_sqlalchemy(std::string_view text) {
  const auto scheme_end = text.find("://");
  const auto plus = text.find('+');
  if (scheme_end == std::string_view::npos || plus > scheme_end) return std::string{text};
  auto uri = std::string{text.substr(0, plus)} + std::string{text.substr(scheme_end)};
  const auto query = uri.find('?', servers_of(uri));
  if (query == std::string::npos) return uri;
  for (auto at = uri.find("ssl=", query); at != std::string::npos; at = uri.find("ssl=", at + 1)) {
    if (uri[at - 1] == '?' || uri[at - 1] == '&') uri.replace(at, 3, "sslmode");
  }
  return uri;
}

constexpr auto percent_encode =
    "in a URI, user and password are percent-encoded: @ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is "
    "%25";

// Never repeats any of the text: where it is not understood, anything may be a part of the password.
tl::unexpected<error> unreadable(const std::string& why) {
  return tl::unexpected{error{errc::invalid_value, "The database URI cannot be read: " + why + "."}};
}

bool is_uri(std::string_view text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://");
}

// Why libpq does not take the text, by the English beginning of what it says.
std::string why_not_taken(std::string_view text, std::string_view message) {
  if (message.starts_with("invalid URI query parameter") || message.starts_with("invalid connection option"))
    return "it has a parameter that PostgreSQL does not know; " + std::string{percent_encode};
  if (is_uri(text)) return percent_encode;
  if (text.find("://") != std::string_view::npos)
    return "it begins with neither postgresql:// nor postgres://";
  return "it is neither postgresql://user:password@host:port/database nor keyword=value, in which a value "
         "with blanks, quotes or backslashes is written 'like \\'this\\''";
}

bool is_port(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return text.empty() || (failed == std::errc{} && end == text.data() + text.size() && number > 0);
}

}  // namespace

tl::expected<conninfo, error> conninfo::parse(std::string_view text, std::chrono::milliseconds keepalive) {
  if (text.find_first_not_of(" \t\n") == std::string_view::npos) return unreadable("it is empty");
  const auto translated = from_sqlalchemy(text);
  if (is_uri(translated)) {
    // A password with '@' or '/' in it: libpq would take its rest for a host, which it looks up and names.
    const auto servers = servers_of(translated);
    const auto at = translated.find('@', servers);
    if (at < translated.find('?', servers)) return unreadable(percent_encode);
  }
  char* message = nullptr;
  const options given{PQconninfoParse(translated.c_str(), &message), PQconninfoFree};
  if (!given) {
    const std::unique_ptr<char, decltype(&PQfreemem)> owned{message, PQfreemem};
    return unreadable(message == nullptr ? "out of memory" : why_not_taken(translated, message));
  }
  conninfo out;
  for (const auto* option = given.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) out.keywords_[option->keyword] = option->val;

  const options surroundings{PQconndefaults(), PQconninfoFree};
  for (const auto* option = surroundings.get(); option != nullptr && option->keyword != nullptr; ++option) {
    const auto wanted = std::find_if(resolved_early.begin(), resolved_early.end(),
                                     [&](std::string_view keyword) { return keyword == option->keyword; });
    if (wanted != resolved_early.end() && option->val != nullptr)
      out.keywords_.try_emplace(option->keyword, option->val);
  }
  for (const auto& [keyword, value] : defaults) out.keywords_.try_emplace(keyword, value);
  for (const auto& [keyword, value] : keywords_for(keepalive_within(keepalive)))
    out.keywords_.try_emplace(keyword, value);

  // What is no name of a host, port or database is a part of something else, and would be told to everybody.
  for (const auto& host : split(out.value("host")))
    if (!is_socket_directory(host) && host.find('@') != std::string::npos) return unreadable(percent_encode);
  for (const auto& port : split(out.value("port")))
    if (!is_port(port))
      return unreadable("a port is no number from 1 to 65535; " + std::string{percent_encode});
  // libpq would read it as a URI or as keywords of its own.
  if (out.value("dbname").find("://") != std::string::npos ||
      out.value("dbname").find('=') != std::string::npos)
    return unreadable("the name of the database is a URI or has keywords");
  return out;
}

std::string conninfo::value(const std::string& keyword) const {
  const auto found = keywords_.find(keyword);
  return found == keywords_.end() ? "" : found->second;
}

std::vector<server_address> conninfo::servers() const {
  const auto hosts = split(value(keywords_.contains("hostaddr") ? "hostaddr" : "host"));
  const auto ports = split(value("port"));
  std::vector<server_address> out;
  out.reserve(hosts.size());
  for (std::size_t i = 0; i < hosts.size(); ++i)
    out.push_back({hosts[i], ports[std::min(i, ports.size() - 1)]});
  return out;
}

conninfo conninfo::with_addresses(const std::vector<std::vector<std::string>>& addresses) const {
  const auto originals = servers();
  std::string host, hostaddr, port;
  bool first = true;
  for (std::size_t i = 0; i < originals.size(); ++i) {
    const auto add = [&](const std::string& address) {
      append(host, originals[i].host, first);
      append(hostaddr, address, first);
      append(port, originals[i].port, first);
      first = false;
    };
    if (addresses[i].empty() && !needs_resolution(originals[i])) add("");
    for (const auto& address : addresses[i]) add(address);
  }
  auto out = *this;
  // An explicit hostaddr keeps its own host, which TLS checks the certificate against.
  if (!keywords_.contains("hostaddr")) {
    out.keywords_["host"] = host;
    out.keywords_["hostaddr"] = hostaddr;
    out.keywords_["port"] = port;
  }
  return out;
}

std::string conninfo::describe() const {
  std::string out;
  for (const auto& server : servers()) {
    if (!out.empty()) out += ", ";
    out += server.host.empty() ? "the local socket" : server.host;
    if (!server.port.empty()) out += ':' + server.port;
  }
  if (keywords_.contains("dbname")) out += '/' + value("dbname");
  return out;
}

bool needs_resolution(const server_address& server) {
  return !is_socket_directory(server.host) && !is_numeric(server.host);
}

}  // namespace troupe::db
