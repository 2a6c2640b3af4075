// Text encodings at the edge of the service: checking, repairing and converting what clients send.
#include "http/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace troupe::http {
namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr std::string_view replacement_bytes = "\xEF\xBF\xBD";

std::uint8_t byte_at(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }

constexpr bool is_continuation(std::uint8_t byte) { return (byte & 0xC0) == 0x80; }

/// The bounds of the second byte exclude overlong forms, surrogates and values above U+10FFFF.
struct lead_byte {
  std::size_t length = 1;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
};

constexpr lead_byte lead_of(std::uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {.length = 2};
  if (byte == 0xE0) return {.length = 3, .low = 0xA0};
  if (byte == 0xED) return {.length = 3, .high = 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {.length = 3};
  if (byte == 0xF0) return {.length = 4, .low = 0x90};
  if (byte == 0xF4) return {.length = 4, .high = 0x8F};
  if (byte >= 0xF1 && byte <= 0xF3) return {.length = 4};
  return {};
}

bool starts_with_surrogate(std::string_view text) {
  return text.size() >= 3 && byte_at(text, 0) == 0xED && byte_at(text, 1) >= 0xA0 &&
         is_continuation(byte_at(text, 1)) && is_continuation(byte_at(text, 2));
}

std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080U) != 0) break;
  }
  while (at < text.size() && byte_at(text, at) < 0x80) ++at;
  return at;
}

bool is_utf8_or_surrogates(std::string_view text) {
  for (;;) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) return true;
    const auto step = decode_utf8(text);
    if (!step.valid && !starts_with_surrogate(text)) return false;
    text.remove_prefix(step.valid ? step.length : 3);
  }
}

enum class byte_order { big, little };

char32_t unit_at(std::string_view bytes, std::size_t at, std::size_t width, byte_order order) {
  char32_t unit = 0;
  for (std::size_t i = 0; i < width; ++i) {
    unit = unit << 8 | byte_at(bytes, at + (order == byte_order::big ? i : width - 1 - i));
  }
  return unit;
}

bool utf16_to_utf8(std::string_view bytes, byte_order order, std::string& out) {
  if (bytes.size() % 2 != 0) return false;
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    char32_t unit = unit_at(bytes, at, 2, order);
    if (unit >= 0xD800 && unit <= 0xDBFF && at + 4 <= bytes.size()) {
      const char32_t low = unit_at(bytes, at + 2, 2, order);
      if (low >= 0xDC00 && low <= 0xDFFF) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        at += 2;
      }
    }
    append_utf8(out, unit);
  }
  return true;
}

bool utf32_to_utf8(std::string_view bytes, byte_order order, std::string& out) {
  if (bytes.size() % 4 != 0) return false;
  for (std::size_t at = 0; at < bytes.size(); at += 4) {
    const char32_t unit = unit_at(bytes, at, 4, order);
    if (unit > 0x10FFFF) return false;
    append_utf8(out, unit);
  }
  return true;
}

struct encoding {
  /// Bytes per unit; 1 is UTF-8.
  std::size_t width = 1;
  byte_order order = byte_order::big;
  std::size_t mark = 0;
};

encoding encoding_of(std::string_view bytes) {
  using namespace std::string_view_literals;
  // The order matters: a UTF-32 mark begins with a UTF-16 one.
  if (bytes.starts_with("\0\0\xFE\xFF"sv)) return {4, byte_order::big, 4};
  if (bytes.starts_with("\xFF\xFE\0\0"sv)) return {4, byte_order::little, 4};
  if (bytes.starts_with("\xFE\xFF"sv)) return {2, byte_order::big, 2};
  if (bytes.starts_with("\xFF\xFE"sv)) return {2, byte_order::little, 2};
  if (bytes.starts_with("\xEF\xBB\xBF"sv)) return {1, byte_order::big, 3};
  if (bytes.size() != 2 && bytes.size() < 4) return {};
  if (bytes[0] == '\0') {
    return bytes.size() > 2 && bytes[1] == '\0' ? encoding{4, byte_order::big} : encoding{2, byte_order::big};
  }
  if (bytes[1] == '\0') {
    const bool wide = bytes.size() > 2 && bytes[2] == '\0' && bytes[3] == '\0';
    return {wide ? std::size_t{4} : std::size_t{2}, byte_order::little};
  }
  return {};
}

}  // namespace

utf8_step decode_utf8(std::string_view text) noexcept {
  const auto first = byte_at(text, 0);
  if (first < 0x80) return {first, 1, true};
  const auto lead = lead_of(first);
  if (lead.length == 1) return {replacement, 1, false};
  char32_t code_point = first & (0x7FU >> lead.length);
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {replacement, i, false};
    const auto byte = byte_at(text, i);
    const bool fits = i == 1 ? byte >= lead.low && byte <= lead.high : is_continuation(byte);
    if (!fits) return {replacement, i, false};
    code_point = code_point << 6 | (byte & 0x3FU);
  }
  return {code_point, lead.length, true};
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | code_point >> 6);
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | code_point >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | code_point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto ascii = ascii_prefix(bytes);
    out.append(bytes.substr(0, ascii));
    bytes.remove_prefix(ascii);
    if (bytes.empty()) break;
    const auto step = decode_utf8(bytes);
    out.append(step.valid ? bytes.substr(0, step.length) : replacement_bytes);
    bytes.remove_prefix(step.length);
  }
  return out;
}

bool has_surrogate(std::string_view text) noexcept {
  for (auto at = text.find('\xED'); at != text.npos; at = text.find('\xED', at + 1)) {
    if (starts_with_surrogate(text.substr(at))) return true;
  }
  return false;
}

std::string replace_surrogates(std::string_view text) {
  std::string out(text);
  for (auto at = out.find('\xED'); at != out.npos; at = out.find('\xED', at + 1)) {
    if (starts_with_surrogate(std::string_view(out).substr(at))) {
      std::copy(replacement_bytes.begin(), replacement_bytes.end(),
                out.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return out;
}

std::size_t count_characters(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return !is_continuation(static_cast<std::uint8_t>(c)); }));
}

std::optional<std::string_view> decode_json_bytes(std::string_view bytes, std::string& storage) {
  const auto [width, order, mark] = encoding_of(bytes);
  bytes.remove_prefix(mark);
  if (width == 1) return is_utf8_or_surrogates(bytes) ? std::optional(bytes) : std::nullopt;
  storage.clear();
  const bool valid = width == 2 ? utf16_to_utf8(bytes, order, storage) : utf32_to_utf8(bytes, order, storage);
  return valid ? std::optional<std::string_view>(storage) : std::nullopt;
}

}  // namespace troupe::http
