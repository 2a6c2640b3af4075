// Matches paths the way Starlette does: exact but for one parameter, redirecting a wrong trailing slash.
#include "http/router.hpp"

#include <optional>

namespace troupe::http {

namespace {

// The parameter if the path fits the route's, empty for a fixed one.
std::optional<std::string_view> match(const route& candidate, std::string_view path) {
  const std::string_view pattern = candidate.path;
  // Python's $ matches before a newline at the end, too.
  const auto without_newline = path.ends_with('\n') ? path.substr(0, path.size() - 1) : path;
  const auto brace = pattern.find('{');
  if (brace == std::string_view::npos)
    return pattern == without_newline ? std::optional{std::string_view{}} : std::nullopt;
  if (!path.starts_with(pattern.substr(0, brace))) return std::nullopt;
  const auto parameter = path.substr(brace);
  if (parameter.empty() || parameter.find('/') != std::string_view::npos) return std::nullopt;
  return parameter;
}

}  // namespace

resolution router::resolve(std::string_view method, std::string_view path) const {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const auto& each : routes_)
    if (each.method == wanted)
      if (const auto parameter = match(each, path)) return found{&each, std::string{*parameter}};
  if (knows(path)) return wrong_method{allowed(path)};

  std::string other{path};
  if (!other.empty() && other.back() == '/')
    while (!other.empty() && other.back() == '/') other.pop_back();
  else
    other += '/';
  if (knows(other)) return redirect{std::move(other)};
  return nothing_found{};
}

bool router::knows(std::string_view path) const {
  for (const auto& each : routes_)
    if (match(each, path)) return true;
  return false;
}

std::string router::allowed(std::string_view path) const {
  std::string out;
  for (const auto& each : routes_)
    if (match(each, path)) out += each.method == "GET" ? "GET, HEAD, " : each.method + ", ";
  return out + "OPTIONS";
}

}  // namespace troupe::http
