// Fuzzes the way from a request target to a route. Input: method, target and Host, a line each.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "http/location.hpp"
#include "http/parameters.hpp"
#include "http/router.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/fuzz/valid_json.hpp"
#include "tests/http/fake_exchange.hpp"

namespace troupe::test {
namespace {

const http::router& routes() {
  static const auto all = [] {
    http::router out;
    for (const auto* method : {"GET", "POST"}) out.add({method, "/items/", {}});
    for (const auto* method : {"GET", "PUT", "PATCH", "DELETE"}) out.add({method, "/items/{item_id}", {}});
    for (const auto* path : {"/openapi.json", "/", "/docs", "/redoc"}) out.add({"GET", path, {}});
    return out;
  }();
  return all;
}

// Also what keeps a client from adding headers of its own.
void require_url(std::string_view url) {
  require(std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7F'; }),
          "a URL has visible ASCII only");
}

void check_found(const http::found& match, const fake_exchange& what, std::string_view path) {
  require(match.to->method == what.method() || (match.to->method == "GET" && what.method() == "HEAD"),
          "the route has the method");
  const std::string_view pattern = match.to->path;
  if (const auto brace = pattern.find('{'); brace != pattern.npos) {
    require(path == std::string{pattern.substr(0, brace)} + match.parameter, "the route has the path");
    require(!match.parameter.empty() && match.parameter.find('/') == std::string::npos,
            "a parameter is one segment");
  } else {
    // As Python's $ has it, a newline may follow.
    const bool fits = path == pattern || path == std::string{pattern} + "\n";
    require(fits && match.parameter.empty(), "the route has the fixed path");
  }
}

void check_redirect(const http::redirect& elsewhere, const fake_exchange& what, std::string_view path) {
  auto shorter = elsewhere.path.size() < path.size() ? std::string_view{elsewhere.path} : path;
  auto rest = (elsewhere.path.size() < path.size() ? path : std::string_view{elsewhere.path});
  require(rest.starts_with(shorter) && rest.size() > shorter.size(), "a redirect changes the end of a path");
  require(rest.find_first_not_of('/', shorter.size()) == rest.npos, "a redirect changes slashes only");
  const auto next = routes().resolve(what.method(), elsewhere.path);
  require(std::holds_alternative<http::found>(next) || std::holds_alternative<http::wrong_method>(next),
          "a redirect leads to a route");
  const auto url = http::location_of(what, elsewhere.path);
  require_url(url);
  require(url.starts_with(what.header("Host").empty() ? "/" : "http://"),
          "a redirect names the host there is");
  const auto query = http::query_of(what.target());
  require(query.empty() || url.find('?') != url.npos, "a redirect keeps the query");
}

void check_wrong_method(const http::wrong_method& refused, const fake_exchange& what) {
  require(refused.allow.ends_with("OPTIONS"), "OPTIONS is allowed");
  if (what.method() == "OPTIONS") return;
  const auto list = ", " + refused.allow + ",";
  require(list.find(", " + std::string{what.method()} + ",") == list.npos, "what is refused is not allowed");
}

void check(const fake_exchange& what) {
  const auto raw = http::path_of(what.target());
  require(raw.find('?') == raw.npos, "a path ends before the query");
  const auto path = http::decode_path(raw);
  require(is_utf8(path), "a decoded path is valid UTF-8");
  require_url(http::location_of(what, path));

  const auto where = routes().resolve(what.method(), path);
  if (const auto* match = std::get_if<http::found>(&where)) {
    check_found(*match, what, path);
  } else if (const auto* elsewhere = std::get_if<http::redirect>(&where)) {
    check_redirect(*elsewhere, what, path);
  } else if (const auto* refused = std::get_if<http::wrong_method>(&where)) {
    check_wrong_method(*refused, what);
  }

  // The last segment as a key, wherever it stands.
  const auto key = http::read_path_integer("item_id", path.substr(path.rfind('/') + 1));
  if (!key) require_refusal({422, {}, {key.error()}}, "path");
}

std::string take_line(std::string_view& input) {
  const auto end = std::min(input.find('\n'), input.size());
  std::string out{input.substr(0, end)};
  input.remove_prefix(std::min(end + 1, input.size()));
  return out;
}

}  // namespace
}  // namespace troupe::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input{reinterpret_cast<const char*>(data), size};
  auto method = troupe::test::take_line(input);
  auto target = troupe::test::take_line(input);
  troupe::test::fake_exchange what{std::move(method), std::move(target)};
  what.headers["Host"] = input;
  troupe::test::check(what);
  return 0;
}
