// Reads the bytes of a client with http_parser, which is RESTinio's parser, too, but with nothing around it.
#include "tests/fuzz/http_model.hpp"

#include <http_parser.h>
#include <strings.h>

#include <algorithm>
#include <limits>

namespace troupe::test {

namespace {

// As the server has them.
constexpr std::size_t max_header_name = 256;
constexpr std::size_t max_headers = 100;
constexpr std::size_t body_slack = 64 * 1024;

bool is_equal(std::string_view one, std::string_view other) {
  return one.size() == other.size() && ::strncasecmp(one.data(), other.data(), one.size()) == 0;
}

struct reading {
  const http::settings& settings;
  sent_request request;
  bool in_value = true;
  std::size_t headers = 0;
  std::size_t size_of_name = 0;
  std::size_t size_of_value = 0;
  bool too_much = false;

  static reading& of(http_parser* parser) { return *static_cast<reading*>(parser->data); }
};

int on_url(http_parser* parser, const char* at, std::size_t size) {
  auto& it = reading::of(parser);
  it.request.target.append(at, size);
  if (it.request.target.size() > it.settings.max_target) it.too_much = true;
  return it.too_much ? -1 : 0;
}

int on_header_field(http_parser* parser, const char* at, std::size_t size) {
  auto& it = reading::of(parser);
  if (it.in_value) {
    ++it.headers;
    it.size_of_name = 0;
    it.size_of_value = 0;
    if (!it.request.has_head) it.request.headers.emplace_back();
  }
  it.in_value = false;
  it.size_of_name += size;
  if (!it.request.has_head) it.request.headers.back().first.append(at, size);
  if (it.headers > max_headers || it.size_of_name > max_header_name) it.too_much = true;
  return it.too_much ? -1 : 0;
}

int on_header_value(http_parser* parser, const char* at, std::size_t size) {
  auto& it = reading::of(parser);
  it.in_value = true;
  it.size_of_value += size;
  if (!it.request.has_head) it.request.headers.back().second.append(at, size);
  if (it.size_of_value >= it.settings.max_header) it.too_much = true;
  return it.too_much ? -1 : 0;
}

int on_headers_complete(http_parser* parser) {
  auto& it = reading::of(parser);
  it.request.has_head = true;
  it.request.method = http_method_str(static_cast<http_method>(parser->method));
  const bool announced = parser->content_length != std::numeric_limits<std::uint64_t>::max();
  if (announced && parser->content_length > it.settings.max_body + body_slack) it.too_much = true;
  it.request.waits = parser->http_major == 1 && parser->http_minor >= 1 &&
                     is_equal(it.request.header("Expect"), "100-continue");
  return it.too_much ? -1 : 0;
}

int on_body(http_parser* parser, const char* at, std::size_t size) {
  reading::of(parser).request.body.append(at, size);
  return 0;
}

int on_message_complete(http_parser* parser) {
  auto& request = reading::of(parser).request;
  request.is_complete = true;
  request.ends_connection = parser->upgrade != 0 || http_should_keep_alive(parser) == 0;
  http_parser_pause(parser, 1);
  return 0;
}

}  // namespace

std::string sent_request::header(std::string_view name) const {
  const auto at = std::find_if(headers.begin(), headers.end(),
                               [&](const auto& each) { return is_equal(each.first, name); });
  return at == headers.end() ? "" : at->second;
}

bool sent_request::is_ambiguous() const {
  int hosts = 0;
  for (const auto& [name, value] : headers) {
    if (name.find_first_of(" \t") != name.npos) return true;
    if (is_equal(name, "Transfer-Encoding") && !is_equal(value, "chunked")) return true;
    if (is_equal(name, "Host")) ++hosts;
  }
  return hosts > 1;
}

sent_requests read_requests(std::string_view bytes, const http::settings& settings) {
  http_parser_settings callbacks{};
  callbacks.on_url = on_url;
  callbacks.on_header_field = on_header_field;
  callbacks.on_header_value = on_header_value;
  callbacks.on_headers_complete = on_headers_complete;
  callbacks.on_body = on_body;
  callbacks.on_message_complete = on_message_complete;

  sent_requests out;
  while (!bytes.empty()) {
    reading it{settings, {}};
    http_parser parser;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &it;
    bytes.remove_prefix(http_parser_execute(&parser, &callbacks, bytes.data(), bytes.size()));
    const auto result = HTTP_PARSER_ERRNO(&parser);
    out.is_faulty = result != HPE_OK && result != HPE_PAUSED;
    out.all.push_back(std::move(it.request));
    const auto& last = out.all.back();
    if (!last.is_complete || last.ends_connection || last.is_ambiguous()) break;
  }
  return out;
}

}  // namespace troupe::test
