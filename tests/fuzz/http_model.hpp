// What an HTTP connection should come to, by a reading of its bytes apart from the server's: all of them at
// once, by the parser alone.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/settings.hpp"

namespace troupe::test {

/// A request as a client sent it, or the beginning of one.
struct sent_request {
  std::string method;
  std::string target;
  /// In their order, without those behind the body.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool has_head = false;
  bool is_complete = false;
  /// Of a complete one: whether its client, or HTTP itself, wants the connection closed behind it.
  bool ends_connection = false;
  /// Whether the client waits for "100 Continue".
  bool waits = false;

  /// The first value of a header; empty if it has none.
  std::string header(std::string_view name) const;
  /// Whether a proxy could read another request in it, or hand it to another host.
  bool is_ambiguous() const;
};

/// What a client has sent over a connection.
struct sent_requests {
  /// Up to the one that ends the connection, or that is not complete.
  std::vector<sent_request> all;
  /// Whether the last one, which is not complete, is wrong: bad syntax, or more than the server takes.
  bool is_faulty = false;
};

/// Reads what a client has sent to a server of these settings.
sent_requests read_requests(std::string_view bytes, const http::settings& settings);

}  // namespace troupe::test
