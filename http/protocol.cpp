// Faults of HTTP itself, and the head of a response.
#include "http/protocol.hpp"

#include "http/errors.hpp"
#include "http/status.hpp"

namespace troupe::http {

std::optional<response> parser_fault(std::string_view log_message) {
  constexpr std::string_view mark = "parser error ";
  const auto at = log_message.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto name = log_message.substr(at + mark.size());
  if (name.starts_with("HPE_CB_url")) return plain_error(414, "The URL is too long.");
  // Where Content-Length is compared with the limit.
  if (name.starts_with("HPE_CB_headers_complete")) return plain_error(413, "The body is too large.");
  if (name.starts_with("HPE_CB_header") || name.starts_with("HPE_HEADER_OVERFLOW"))
    return plain_error(431, "The header is too large.");
  if (name.starts_with("HPE_CB_body") || name.starts_with("HPE_CB_chunk"))
    return plain_error(413, "The body is too large.");
  if (name.starts_with("HPE_INVALID_METHOD")) {
    auto out = plain_error(405, "Method Not Allowed");
    out.headers.emplace_back("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    return out;
  }
  return plain_error(400, "The request is not valid HTTP.");
}

namespace {

// Bytes; room for the headers of most answers.
constexpr std::size_t typical_head = 192;

}  // namespace

std::string head_of(const response& what, const head_options& with) {
  std::string out;
  out.reserve(typical_head + with.room);
  out += "HTTP/1.1 ";
  out += status_line(what.status);
  out += "\r\nServer: troupe\r\nDate: ";
  out += with.date;
  if (!with.keep_alive)
    out += "\r\nConnection: close";
  else if (with.say_keep_alive)
    out += "\r\nConnection: keep-alive";
  for (const auto& [name, value] : what.headers) {
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  if (!what.media_type.empty()) {
    out += "\r\nContent-Type: ";
    out += what.media_type;
  }
  // RFC 9110, 8.6: no Content-Length with 204; with HEAD the one of the GET.
  if (what.status != 204) {
    out += "\r\nContent-Length: ";
    out += std::to_string(what.body.size());
  }
  out += "\r\n\r\n";
  return out;
}

}  // namespace troupe::http
