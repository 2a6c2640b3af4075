// Looks for the few things that libpq tells by text alone.
#include "db/driver_text.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <system_error>

namespace troupe::db {

namespace {

// As in "FATAL:  28P01: password authentication failed"; empty if no server refused.
std::string_view sqlstate_in(std::string_view message) {
  constexpr std::string_view before = ":  ";
  constexpr std::size_t size = 5;
  for (auto at = message.rfind(before); at != std::string_view::npos && at > 0;
       at = message.rfind(before, at - 1)) {
    const auto code = message.substr(at + before.size(), size + 1);
    if (code.size() == size + 1 && code.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == size &&
        code.back() == ':')
      return code.substr(0, size);
  }
  return {};
}

// A shorter secret is hidden where it stands alone only.
constexpr std::size_t shortest_hidden = 4;

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool space = c == '\n' || c == '\t' || c == ' ';
    if (!space)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string without_location(std::string text) {
  constexpr std::string_view begin = "LOCATION:  ";
  for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin))
    text.erase(at, std::min(text.find('\n', at), text.size()) - at);
  return text;
}

std::string hide(std::string text, std::string_view secret) {
  constexpr std::string_view hidden = "***";
  if (secret.empty()) return text;
  // One or two letters stand within any word, and stars in their place would tell them.
  const bool is_short = secret.size() < shortest_hidden;
  const auto in_word = [&](std::size_t at) {
    return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
  };
  for (auto at = text.find(secret); at != std::string::npos;) {
    if (is_short && ((at > 0 && in_word(at - 1)) || in_word(at + secret.size()))) {
      at = text.find(secret, at + 1);
      continue;
    }
    text.replace(at, secret.size(), hidden);
    at = text.find(secret, at + hidden.size());
  }
  return text;
}

errc why_not_connected(std::string_view message) {
  const auto sqlstate = sqlstate_in(message);
  if (sqlstate.starts_with("28")) return errc::login_refused;
  if (sqlstate == "3D000") return errc::no_database;
  if (sqlstate.starts_with("57P") || sqlstate == "53300") return errc::not_accepting;
  if (!sqlstate.empty()) return errc::unavailable;
  const auto has = [&](std::string_view part) { return message.find(part) != std::string_view::npos; };
  const auto failed_with = [&](int number) { return has(std::generic_category().message(number)); };
  // Before files that do not exist: certificates are some.
  if (has("SSL") || has("certificate")) return errc::tls_failed;
  if (failed_with(ECONNREFUSED) || failed_with(ENOENT)) return errc::connection_refused;
  if (failed_with(ETIMEDOUT) || failed_with(EHOSTUNREACH) || failed_with(ENETUNREACH)) return errc::no_answer;
  if (has("password")) return errc::login_refused;
  return errc::unavailable;
}

}  // namespace troupe::db
