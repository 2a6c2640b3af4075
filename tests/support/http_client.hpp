// A small blocking HTTP/1.1 client on a bare socket: for requests, and for what no client would send.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/child_process.hpp"
#include "tests/support/process.hpp"

namespace troupe::test {

/// Header fields in the order they came or shall go.
using http_headers = std::vector<std::pair<std::string, std::string>>;

/// One response as it came.
struct http_response {
  int status = 0;
  std::string reason;
  http_headers headers;
  std::string body;

  /// The first header of that name, in any case.
  std::optional<std::string> header(std::string_view name) const;
};

/// One keep-alive connection, on which no answer must hold the password (see secret.hpp). Each failure of the
/// socket, each timeout and each malformed response is thrown as std::runtime_error.
class http_client {
 public:
  /// Connects at the first use. The timeout bounds each call as a whole.
  explicit http_client(std::uint16_t port, std::string address = "127.0.0.1",
                       std::chrono::milliseconds timeout = default_timeout);

  /// Sends a request and reads its response, past any 1xx. Host is added unless given;
  /// Content-Length is added if there is a body, unless it or Transfer-Encoding is given.
  /// Connects anew if the last response said `Connection: close`.
  http_response request(std::string_view method, std::string_view target, const http_headers& headers = {},
                        const std::optional<std::string>& body = std::nullopt);

  /// Sends bytes as they are.
  void send_raw(std::string_view bytes);

  /// Reads the next response, which may be a 1xx. A response to HEAD has no body whatever its
  /// headers say.
  http_response read_response(bool to_head = false);

  /// Whether something comes within the time, or the end.
  bool has_data(std::chrono::milliseconds within) const;

  /// Whether the server closes the connection, without sending more, within the timeout.
  bool wait_for_close();

  /// Ends our direction only: no more will be sent.
  void half_close();

  /// Drops the connection and what was read of it.
  void disconnect();

 private:
  using clock = std::chrono::steady_clock;

  void connect(clock::time_point deadline);
  void send_all(std::string_view bytes, clock::time_point deadline);
  /// Adds what comes next to buffer_; false at the end of the stream.
  bool receive(clock::time_point deadline);
  std::string take_line(clock::time_point deadline);
  std::string take(std::size_t size, clock::time_point deadline);
  http_response read_one(bool to_head, clock::time_point deadline);
  void read_body(http_response& response, clock::time_point deadline);
  std::string read_chunks(clock::time_point deadline);

  std::uint16_t port_;
  std::string address_;
  std::chrono::milliseconds timeout_;
  db::owned_fd socket_;
  std::string buffer_;
};

}  // namespace troupe::test
