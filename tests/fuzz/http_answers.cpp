// Reads answers by the letter of RFC 9112, with no leniency.
#include "tests/fuzz/http_answers.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "http/status.hpp"
#include "tests/fuzz/check.hpp"

namespace troupe::test {

namespace {

std::string_view take_line(std::string_view& bytes) {
  const auto end = bytes.find("\r\n");
  const auto out = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  require(std::all_of(out.begin(), out.end(), [](char c) { return c >= ' ' && c <= '~'; }),
          "a head has visible ASCII only");
  return out;
}

std::optional<int> number_in(std::string_view text) {
  int out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc{} || end != text.data() + text.size() || out < 0) return std::nullopt;
  return out;
}

void take_headers(std::string_view& bytes, received_answer& into) {
  for (auto line = take_line(bytes); !line.empty(); line = take_line(bytes)) {
    const auto colon = line.find(": ");
    require(colon != line.npos && colon > 0, "a header has a name and a value");
    const auto name = line.substr(0, colon);
    require(name.find_first_of(" ()<>@,;:\\\"/[]?={}") == name.npos, "a header's name is a token");
    require(into.headers.emplace(name, line.substr(colon + 2)).second, "no header comes twice");
  }
}

}  // namespace

bool received_answer::ends_connection() const { return header("Connection") == "close"; }

std::string received_answer::header(const std::string& name) const {
  const auto at = headers.find(name);
  return at == headers.end() ? "" : at->second;
}

std::optional<received_answer> take_answer(std::string_view& bytes, bool of_head) {
  if (bytes.find("\r\n\r\n") == bytes.npos) return std::nullopt;
  auto rest = bytes;
  received_answer out;
  const auto line = take_line(rest);
  constexpr std::string_view version = "HTTP/1.1 ";
  require(line.starts_with(version), "an answer begins with the version");
  const auto status = number_in(line.substr(version.size(), 3));
  require(status.has_value(), "an answer has a status");
  out.status = *status;
  if (out.status == 100) {
    require(take_line(rest).empty(), "an interim answer has no headers");
    bytes = rest;
    return out;
  }
  require(line.substr(version.size()) == http::status_line(out.status), "a status has its own words");
  take_headers(rest, out);
  require(!out.header("Date").empty() && out.header("Server") == "troupe", "an answer says when, and who");
  std::size_t size = 0;
  if (out.status == 204) {
    require(!out.headers.contains("Content-Length"), "an answer without content has no length");
  } else {
    const auto told = number_in(out.header("Content-Length"));
    require(told.has_value(), "an answer says how long it is");
    if (!of_head || (out.ends_connection() && !rest.empty())) size = static_cast<std::size_t>(*told);
  }
  if (rest.size() < size) return std::nullopt;
  out.body = rest.substr(0, size);
  bytes = rest.substr(size);
  return out;
}

}  // namespace troupe::test
