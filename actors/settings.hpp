// Every option of the database and actor layers, with its default, unit and reason, in one place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "db/keepalive.hpp"

namespace troupe::actors {

/// Requests that wait in one queue of a lane, at most, if nothing else is said: at 20,000 requests a second
/// these wait half a second.
inline constexpr std::size_t default_max_queue = 10000;

/// Peers that may be about to greet at a node port at the same time, at most.
inline constexpr std::size_t max_newcomers = 64;

/// How connections are made and kept.
struct connection_settings {
  /// Time for one attempt to connect, log in and prepare all statements. Covers the loss of two SYN
  /// packets (1 s + 2 s) with room to spare.
  std::chrono::milliseconds connect_timeout{5000};
  /// PostgreSQL ends a statement that runs longer; the deadline of the request has passed by then.
  std::chrono::milliseconds statement_timeout{5000};
  /// Whether each statement is logged with its duration.
  bool echo = false;
};

/// A pool of connections, one pool on each lane.
struct pool_settings {
  /// Connections of this pool. With one, a read would wait for the commit of the write before it.
  std::size_t size = 2;
  /// Statements sent and not answered on one connection, at most. Enough to keep PostgreSQL busy during
  /// a round trip; what is beyond waits here, where it can still be dropped.
  std::size_t pipeline_depth = 64;
  /// Requests that wait for a free slot, at most; the next one is refused with `overloaded`.
  std::size_t max_queue = default_max_queue;
  /// The wait before the second attempt to connect; doubles with each further one. The first is immediate.
  std::chrono::milliseconds backoff_min{100};
  /// The longest wait between two attempts: what Retry-After promises.
  std::chrono::milliseconds backoff_max{1000};
  /// Seed of the jitter: each wait is between half of it and the whole.
  std::uint64_t seed = 0;
};

/// How an item actor makes few statements of many requests.
struct batch_settings {
  /// Requests that one statement answers, at most: beyond some hundreds a batch only gets later, not
  /// cheaper.
  std::size_t max_rows = 256;
  /// Bytes of new rows in one statement, at most; a single larger row goes alone.
  std::size_t max_bytes = 1024 * 1024;
  /// Statements of a kind (reads by key, creates) under way at once. While they are, requests of that kind
  /// wait and leave together. One makes the largest batches; with two, creates were 5 to 20 % slower.
  std::size_t in_flight = 1;
  /// The same for lists, of which only equal ones share a statement: two for each connection of the
  /// default pool, so that none of them waits for us.
  std::size_t lists_in_flight = 4;
  /// Requests of a kind that wait, at most; the next one is refused with `overloaded`.
  std::size_t max_queue = default_max_queue;
};

/// Who a node is and whom it trusts: paths of PEM files. All three are given, or none.
struct tls_settings {
  /// The certificate of this node, with those between it and the authority.
  std::string certificate;
  /// Its private key.
  std::string key;
  /// The certificates of the authorities; one of them has signed what the other node shows.
  std::string authority;
  /// Names of which a certificate has to bear one. None: all that the authority has signed are nodes.
  std::vector<std::string> peers;

  bool is_on() const noexcept { return !certificate.empty(); }
};

/// How the nodes of one service keep in touch.
struct node_settings {
  /// A TCP port for gateways; 0 for none.
  std::uint16_t port = 0;
  /// The numeric address of that port. Loopback: CAF's protocol knows neither encryption nor passwords.
  std::string address = "127.0.0.1";
  /// Encryption, and who may connect; off if nothing is given.
  tls_settings tls;
  /// A TCP port of http.address for /healthz and /readyz alone, for a worker, which has no other; 0 for
  /// none.
  std::uint16_t health_port = 0;
  /// Where a gateway finds workers: host:port. A host may stand for many addresses.
  std::vector<std::string> workers;
  /// The names are looked up again so often: a worker that is added is found within it.
  std::chrono::milliseconds resolve_interval{5000};
  /// A node shows so often that it lives.
  std::chrono::milliseconds heartbeat{1000};
  /// A node that has shown nothing for so long is given up, at the next heartbeat: within 4 s together.
  std::chrono::milliseconds timeout{3000};
  /// Time for a worker to accept a connection, and to say who it is.
  std::chrono::milliseconds connect_timeout{2000};
  /// TCP notices within it, too, that a node has gone without a word: also before it has shown anything. 0
  /// for never.
  std::chrono::milliseconds keepalive = db::default_keepalive;
  /// The wait before the second attempt to reach a worker; doubles with each further one.
  std::chrono::milliseconds backoff_min{100};
  /// The longest wait between two attempts.
  std::chrono::milliseconds backoff_max{2000};
  /// Requests of a lane that wait for workers, at most; the next one is refused with `overloaded`.
  std::size_t max_outstanding = default_max_queue;
  /// Bytes of one message between nodes, at most; a node that announces more is cut off, and none of ours
  /// does: a message is sent on when half of it is full, and a list that takes more is refused. Beyond what
  /// clients can use, and small beside the memory of a node.
  std::size_t max_message = std::size_t{64} * 1024 * 1024;
  /// How often a request is given to a worker, at most: the first and two more survive two losses.
  int max_attempts = 3;
  /// Seed of what is left to chance: which workers are compared, and the jitter of the waits.
  std::uint64_t seed = 0;
};

}  // namespace troupe::actors
