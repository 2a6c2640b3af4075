// Parses connection strings with libpq and fills in this service's defaults.
#include "db/conninfo.hpp"

#include <arpa/inet.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace troupe::db {

namespace {

// Set unless the connection string says otherwise. Keepalives and the user timeout make a dead
// network noticed within about 11 s (5 + 3 * 2) and 10 s instead of the kernel's two hours.
constexpr std::array<std::pair<const char*, const char*>, 8> defaults{{
    {"fallback_application_name", "troupe"},
    {"client_encoding", "UTF8"},
    {"gssencmode", "disable"},
    {"keepalives_idle", "5"},
    {"keepalives_interval", "2"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "10000"},
    {"target_session_attrs", "read-write"},
}};

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

// postgresql+asyncpg://...?ssl=require -> postgresql://...?sslmode=require
std::string from_sqlalchemy(std::string_view text) {
  const auto scheme_end = text.find("://");
  const auto plus = text.find('+');
  if (scheme_end == std::string_view::npos || plus > scheme_end) return std::string{text};
  auto uri = std::string{text.substr(0, plus)} + std::string{text.substr(scheme_end)};
  const auto query = uri.find('?');
  if (query == std::string::npos) return uri;
  for (auto at = uri.find("ssl=", query); at != std::string::npos; at = uri.find("ssl=", at + 1)) {
    if (uri[at - 1] == '?' || uri[at - 1] == '&') uri.replace(at, 3, "sslmode");
  }
  return uri;
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

tl::expected<conninfo, error> conninfo::parse(std::string_view text) {
  char* message = nullptr;
  const options given{PQconninfoParse(from_sqlalchemy(text).c_str(), &message), PQconninfoFree};
  if (!given) {
    const std::unique_ptr<char, decltype(&PQfreemem)> owned{message, PQfreemem};
    return tl::unexpected{
        error{errc::invalid_value,
              "The database URI cannot be read: " + trimmed(message != nullptr ? message : "out of memory")}};
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
  return out;
}

std::vector<server_address> conninfo::servers() const {
  const auto list = [&](const char* keyword) {
    const auto found = keywords_.find(keyword);
    return found == keywords_.end() ? std::vector<std::string>{""} : split(found->second);
  };
  const auto hosts = list(keywords_.contains("hostaddr") ? "hostaddr" : "host");
  const auto ports = list("port");
  std::vector<server_address> out;
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
  const auto database = keywords_.find("dbname");
  if (database != keywords_.end()) out += '/' + database->second;
  return out;
}

bool needs_resolution(const server_address& server) {
  return !is_socket_directory(server.host) && !is_numeric(server.host);
}

}  // namespace troupe::db
