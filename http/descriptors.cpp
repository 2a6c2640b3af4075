// Counts descriptors by the options.
#include "http/descriptors.hpp"

#include <fcntl.h>

#include <algorithm>

#include "actors/settings.hpp"

namespace troupe::http {

namespace {

constexpr std::size_t of_a_loop = 3;
// The resolver has one thread a lane, which opens /etc/hosts, then one socket for each name server or to sort
// addresses; libpq reads one file after the other.
constexpr std::size_t passing_of_a_lane = 4;
// The log, the child's stdin, a pipe to the child, a directory that is read.
constexpr std::size_t passing_of_private_server = 5;
constexpr std::size_t gateways = 64;
constexpr std::size_t addresses_of_a_name = 16;
// An inherited descriptor above it is no custom that we know of.
constexpr int looked_at = 1024;

}  // namespace

std::size_t descriptors_needed(const options& what) {
  const bool has_database = what.what != command::gateway;
  const bool has_http = what.what != command::worker;
  std::size_t lane = of_a_loop + passing_of_a_lane;
  if (has_http) lane += 1;
  if (has_database) lane += what.pool.size;
  std::size_t out = what.threads * lane;
  if (has_database && what.migrate) out += 1;
  if (has_database && !what.uri) out += passing_of_private_server;
  if (what.node.port != 0) out += 2 + actors::max_newcomers + gateways;
  out += what.node.workers.size() * addresses_of_a_name;
  if (what.node.health_port != 0) out += 1 + max_probes;
  return out;
}

std::size_t descriptors_open() {
  std::size_t out = 0;
  for (int each = 0; each < looked_at; ++each)
    if (fcntl(each, F_GETFD) != -1) ++out;
  return out;
}

tl::expected<std::size_t, std::string> connections_that_fit(const options& what, std::size_t allowed,
                                                            std::size_t open) {
  const auto own = open + descriptors_needed(what);
  const std::size_t least = what.what == command::worker ? 0 : what.threads;
  if (allowed < own + least)
    return tl::unexpected{"no more than " + std::to_string(allowed) +
                          " file descriptors are allowed (ulimit -n), but " + std::to_string(own + least) +
                          " are needed: allow more, or lower http.threads or db.pool-size"};
  return std::min(what.http.max_connections, allowed - own);
}

}  // namespace troupe::http
