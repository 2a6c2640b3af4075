// File descriptors: how many the process needs for itself, and how many clients fit beside that.
#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>

#include "http/options.hpp"

namespace troupe::http {

/// The descriptors that a process of these options opens once it serves, besides the connections of its HTTP
/// clients, at most:
///
///     each lane              3   asio's epoll, eventfd and timerfd
///                            1   the listening socket, where it has HTTP
///                db.pool-size    connections, where it has a database
///                            4   that come and go: to look a name up, and files that libpq reads
///     db.migrate             1   the migrator's connection
///     private PostgreSQL     5   that come and go: to start it anew
///     node.port              2   the listening socket, and one that was just accepted
///                           64   actors::max_newcomers
///                           64   connections of gateways; with more of them, fewer clients fit
///     node.workers     16 each   connections to workers; names that stand for more leave less to clients
///     node.health-port       1   the listening socket
///                           64   max_probes
std::size_t descriptors_needed(const options& what);

/// The descriptors that are open now; those above 1023 are not looked for.
std::size_t descriptors_open();

/// How many HTTP connections fit: http.max-connections, or fewer, if no more than `allowed` descriptors may
/// be open, of which `open` are now. The error is one line for the user: not even one for each lane.
tl::expected<std::size_t, std::string> connections_that_fit(const options& what, std::size_t allowed,
                                                            std::size_t open);

}  // namespace troupe::http
