// Takes request targets apart and puts redirect URLs together.
#include "http/location.hpp"

#include <array>

namespace troupe::http {

namespace {

// What Python's urllib.parse.quote() leaves alone with the `safe` argument that Starlette gives it.
bool stays(unsigned char c) {
  constexpr std::string_view safe = "_.-~:/%#?=@[]!$&'()*+,;";
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alphanumeric || safe.find(static_cast<char>(c)) != std::string_view::npos;
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (stays(byte)) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
}

}  // namespace

std::string_view path_of(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.starts_with('/')) return target;
  const auto authority = target.find("://");
  if (authority == std::string_view::npos) return target;
  const auto slash = target.find('/', authority + 3);
  return slash == std::string_view::npos ? "/" : target.substr(slash);
}

std::string_view query_of(std::string_view target) {
  const auto mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
}

std::string location_of(const exchange& what, std::string_view decoded_path) {
  std::string out;
  if (const auto host = what.header("Host"); !host.empty()) {
    out += "http://";
    append_quoted(out, host);
  }
  append_quoted(out, decoded_path);
  if (const auto query = query_of(what.target()); !query.empty()) {
    out += '?';
    append_quoted(out, query);
  }
  return out;
}

}  // namespace troupe::http
