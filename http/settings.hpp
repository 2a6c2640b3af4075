// Every option of the HTTP layer, with its default, unit and reason, in one place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "db/keepalive.hpp"

namespace troupe::http {

/// Open connections of node.health-port at most: some probes, who may all be slow.
inline constexpr std::size_t max_probes = 64;

struct settings {
  /// The numeric address to listen on. Loopback, so that nothing is exposed by accident.
  std::string address = "127.0.0.1";
  /// The TCP port; 0 takes a free one.
  std::uint16_t port = 8080;
  /// Open connections at most, all lanes together. More wait in the kernel's backlog. Lowered at start
  /// where the limit on file descriptors asks for it.
  std::size_t max_connections = 10000;
  /// A request is answered 504 when this has passed.
  std::chrono::milliseconds request_timeout{5000};
  /// A connection on which not a byte moves for so long is closed; answered 408 within a request. Above the
  /// 60 s after which common proxies drop an idle connection to a server themselves.
  std::chrono::milliseconds idle_timeout{75000};
  /// Bytes per second that a request has to arrive with, and an answer to be taken with, after the first two
  /// idle timeouts (10 s at least); slower clients are closed. Who was faster may pause as long as that was
  /// worth: two idle timeouts while it sends, two minutes while it reads. 0 for any. A third of what the
  /// slowest links in use carry (1200 baud); holding 10,000 connections costs 400 kB/s.
  std::size_t min_rate = 40;
  /// Bodies beyond this many bytes are answered 413.
  std::size_t max_body = 1024 * 1024;
  /// A path and query beyond this many bytes is answered 414. What common proxies allow.
  std::size_t max_target = 8 * 1024;
  /// A header beyond this many bytes is answered 431. What common proxies allow.
  std::size_t max_header = 16 * 1024;
  /// Upper bound of the query parameter `limit`.
  std::int64_t max_limit = 1000;
  /// How long the answer to a change with an Idempotency-Key is kept. As other services have it.
  std::chrono::milliseconds idempotency_ttl{std::chrono::hours{24}};
  /// How long a stop waits for the requests in flight. Above the request timeout. The process ends stop_slack
  /// later at the latest.
  std::chrono::milliseconds shutdown_grace{10000};
  /// A client that has gone without a word, and whose connection is idle, is noticed within it (TCP's
  /// keepalive); so are PostgreSQL and other nodes. 0 for never.
  std::chrono::milliseconds keepalive = db::default_keepalive;
};

}  // namespace troupe::http
