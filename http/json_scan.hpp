// The search for the bytes that end or escape a JSON string, eight at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace troupe::http {

/// Whether a byte cannot stand for itself within a JSON string: a quote, a backslash or a control.
constexpr bool is_json_special(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// The index of the first special byte at or after `from`; the size of the text if there is none.
inline std::size_t find_json_special(std::string_view text, std::size_t from) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t tops = 0x8080808080808080U;
  for (; from + 8 <= text.size(); from += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + from, 8);
    const std::uint64_t quotes = word ^ ones * '"';
    const std::uint64_t slashes = word ^ ones * '\\';
    // A top bit is set for a byte below 0x20, or equal to a quote or backslash; a borrow can only
    // set one too many behind a true one, so the loop below has the last word.
    const std::uint64_t hits =
        ((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes);
    if ((hits & tops) != 0) break;
  }
  while (from < text.size() && !is_json_special(text[from])) ++from;
  return from;
}

}  // namespace troupe::http
