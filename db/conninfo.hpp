// Where a PostgreSQL server is and how to log in: reads URIs, lists hosts, hands libpq its keywords.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "db/error.hpp"
#include "db/keepalive.hpp"

namespace troupe::db {

/// One server of a connection string.
struct server_address {
  /// Host name, address, or directory of a Unix socket.
  std::string host;
  /// TCP port or socket number, as text.
  std::string port;

  friend bool operator==(const server_address&, const server_address&) = default;
};

/// Connection parameters under libpq's own keywords.
class conninfo {
 public:
  /// Reads a URI (postgresql://, postgres://, or SQLAlchemy's spelling with a driver such as
  /// postgresql+asyncpg://, whose `ssl` option is taken for `sslmode`) or a keyword=value string.
  /// What it leaves out comes from libpq's environment variables (PGHOST, PGPORT, ...) and defaults. Error:
  /// invalid_value, with a sentence that repeats nothing of the text. Refused, too, is a text that libpq
  /// would take, but with a part of what looks like the password as a host, a port or a database.
  /// A server that has gone without a word is noticed within `keepalive` unless the text says otherwise.
  static tl::expected<conninfo, error> parse(std::string_view text,
                                             std::chrono::milliseconds keepalive = default_keepalive);

  /// The servers to try in turn; never empty.
  std::vector<server_address> servers() const;

  /// The same parameters, but with servers given by numeric address, so that libpq never blocks on
  /// name resolution: `addresses[i]` are those of `servers()[i]`. A server without any is left out if its
  /// name needs resolution, and kept as it is otherwise.
  conninfo with_addresses(const std::vector<std::vector<std::string>>& addresses) const;

  /// Keywords and values, e.g. for PQconnectStartParams().
  const std::map<std::string, std::string>& keywords() const noexcept { return keywords_; }

  /// The value of a keyword; empty if it has none.
  std::string value(const std::string& keyword) const;

  /// Server and database without credentials, for messages.
  std::string describe() const;

 private:
  std::map<std::string, std::string> keywords_;
};

/// Whether a server's name has to be resolved: neither numeric nor a socket directory.
bool needs_resolution(const server_address& server);

}  // namespace troupe::db
