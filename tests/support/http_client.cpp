// Speaks HTTP/1.1 over one socket, with a deadline on everything.
#include "tests/support/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "tests/support/secret.hpp"

namespace troupe::test {

namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error("HTTP client: " + what); }

[[noreturn]] void fail_errno(const std::string& what) {
  fail(what + ": " + std::generic_category().message(errno));
}

/// Waits until the socket is ready for the events.
void wait_for(int socket, short events, std::chrono::steady_clock::time_point deadline) {
  pollfd ready{socket, events, 0};
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int count = poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (count > 0) return;
    if (count == 0) fail(events == POLLIN ? "timed out waiting for data" : "timed out sending");
    if (errno != EINTR) fail_errno("poll");
  }
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool has(const http_headers& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& header) { return same_name(header.first, name); });
}

std::size_t number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failed != std::errc{} || end != text.data() + text.size()) fail("not a number: " + std::string(text));
  return value;
}

std::string_view trimmed(std::string_view text) {
  const auto first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

}  // namespace

std::optional<std::string> http_response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return std::nullopt;
}

http_client::http_client(std::uint16_t port, std::string address, std::chrono::milliseconds timeout)
    : port_(port), address_(std::move(address)), timeout_(timeout) {}

http_response http_client::request(std::string_view method, std::string_view target,
                                   const http_headers& headers, const std::optional<std::string>& body) {
  const auto deadline = clock::now() + timeout_;
  std::string head;
  head.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  if (!has(headers, "Host")) head += "Host: " + address_ + ":" + std::to_string(port_) + "\r\n";
  for (const auto& [name, value] : headers) head.append(name).append(": ").append(value).append("\r\n");
  if (body && !has(headers, "Content-Length") && !has(headers, "Transfer-Encoding")) {
    head += "Content-Length: " + std::to_string(body->size()) + "\r\n";
  }
  send_all(head + "\r\n" + body.value_or(""), deadline);
  while (true) {
    auto response = read_one(method == "HEAD", deadline);
    if (response.status < 200) continue;
    if (same_name(response.header("Connection").value_or(""), "close")) disconnect();
    return response;
  }
}

void http_client::send_raw(std::string_view bytes) { send_all(bytes, clock::now() + timeout_); }

http_response http_client::read_response(bool to_head) { return read_one(to_head, clock::now() + timeout_); }

bool http_client::has_data(std::chrono::milliseconds within) const {
  pollfd what{socket_.get(), POLLIN, 0};
  return !buffer_.empty() || poll(&what, 1, static_cast<int>(within.count())) > 0;
}

bool http_client::wait_for_close() {
  if (!socket_) fail("not connected");
  try {
    return buffer_.empty() && !receive(clock::now() + timeout_);
  } catch (const std::system_error& reset) {
    if (reset.code() == std::errc::connection_reset) return true;
    throw;
  } catch (const std::runtime_error&) {
    return false;
  }
}

void http_client::half_close() {
  if (shutdown(socket_.get(), SHUT_WR) != 0) fail_errno("shutdown");
}

void http_client::disconnect() {
  socket_.reset();
  buffer_.clear();
}

void http_client::connect(clock::time_point deadline) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  if (inet_pton(AF_INET, address_.c_str(), &to.sin_addr) != 1) fail("not an IPv4 address: " + address_);
  db::owned_fd fresh(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fresh) fail_errno("socket");
  const int on = 1;
  setsockopt(fresh.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int reason = ::connect(fresh.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
  if (reason == EINPROGRESS) {
    wait_for(fresh.get(), POLLOUT, deadline);
    socklen_t size = sizeof reason;
    getsockopt(fresh.get(), SOL_SOCKET, SO_ERROR, &reason, &size);
  }
  if (reason != 0) {
    fail("connecting to " + address_ + ":" + std::to_string(port_) + ": " +
         std::generic_category().message(reason));
  }
  socket_ = std::move(fresh);
  buffer_.clear();
}

void http_client::send_all(std::string_view bytes, clock::time_point deadline) {
  if (!socket_) connect(deadline);
  while (!bytes.empty()) {
    const ssize_t size = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN) {
      wait_for(socket_.get(), POLLOUT, deadline);
    } else if (errno != EINTR) {
      fail_errno("send");
    }
  }
}

bool http_client::receive(clock::time_point deadline) {
  std::array<char, 16384> part{};
  while (true) {
    wait_for(socket_.get(), POLLIN, deadline);
    const ssize_t size = recv(socket_.get(), part.data(), part.size(), 0);
    if (size == 0) return false;
    if (size > 0) {
      buffer_.append(part.data(), static_cast<std::size_t>(size));
      return true;
    }
    if (errno != EAGAIN && errno != EINTR) throw std::system_error(errno, std::generic_category(), "receive");
  }
}

std::string http_client::take_line(clock::time_point deadline) {
  while (true) {
    if (const auto end = buffer_.find("\r\n"); end != std::string::npos) {
      auto line = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      return line;
    }
    if (!receive(deadline)) fail("the server closed the connection after '" + buffer_ + "'");
  }
}

std::string http_client::take(std::size_t size, clock::time_point deadline) {
  while (buffer_.size() < size) {
    if (!receive(deadline)) {
      fail("the server closed the connection after " + std::to_string(buffer_.size()) + " of " +
           std::to_string(size) + " bytes");
    }
  }
  auto bytes = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return bytes;
}

http_response http_client::read_one(bool to_head, clock::time_point deadline) {
  if (!socket_) fail("not connected");
  const auto status_line = take_line(deadline);
  if (status_line.size() < 12 || !status_line.starts_with("HTTP/1.")) fail("no status line: " + status_line);
  http_response response;
  response.status = static_cast<int>(number(std::string_view(status_line).substr(9, 3), 10));
  response.reason = status_line.size() > 13 ? status_line.substr(13) : "";
  for (auto line = take_line(deadline); !line.empty(); line = take_line(deadline)) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) fail("no header: " + line);
    response.headers.emplace_back(line.substr(0, colon), trimmed(std::string_view(line).substr(colon + 1)));
  }
  const bool no_body = to_head || response.status < 200 || response.status == 204 || response.status == 304;
  if (!no_body) read_body(response, deadline);
  expect_no_secret(response.body, "an answer");
  return response;
}

void http_client::read_body(http_response& response, clock::time_point deadline) {
  if (same_name(response.header("Transfer-Encoding").value_or(""), "chunked")) {
    response.body = read_chunks(deadline);
  } else if (const auto length = response.header("Content-Length")) {
    response.body = take(number(*length, 10), deadline);
  } else {
    while (receive(deadline)) {
    }
    response.body = std::exchange(buffer_, {});
  }
}

std::string http_client::read_chunks(clock::time_point deadline) {
  std::string body;
  while (true) {
    const auto line = take_line(deadline);
    const auto size = number(trimmed(std::string_view(line).substr(0, line.find(';'))), 16);
    if (size == 0) break;
    body += take(size, deadline);
    if (!take_line(deadline).empty()) fail("a chunk is longer than it says");
  }
  while (!take_line(deadline).empty()) {  // trailers
  }
  return body;
}

}  // namespace troupe::test
