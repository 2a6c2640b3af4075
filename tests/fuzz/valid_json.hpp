// JSON as another implementation than ours reads it: the judge of what the service answers.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::test {

/// Whether a text is valid UTF-8.
inline bool is_utf8(const std::string& text) {
  try {
    nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

/// The value of a JSON text in UTF-8 without a byte order mark; nothing if it is not valid. Of an integer
/// that a double cannot hold only the first digits count, as nlohmann takes it for a fault.
inline std::optional<nlohmann::json> parse_strictly(std::string_view text) {
  constexpr std::size_t digits_of_a_double = 308;
  // For nlohmann a text may begin with the mark, and ends at a NUL.
  if (text.starts_with("\xEF\xBB\xBF") || text.find('\0') != text.npos) return std::nullopt;
  std::string shortened;
  bool quoted = false;
  bool escaped = false;
  std::size_t digits = 0;
  for (const char c : text) {
    digits = !quoted && c >= '0' && c <= '9' ? digits + 1 : 0;
    if (c == '"' && !escaped) quoted = !quoted;
    escaped = quoted && c == '\\' && !escaped;
    if (digits <= digits_of_a_double) shortened += c;
  }
  auto value = nlohmann::json::parse(shortened, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

}  // namespace troupe::test
