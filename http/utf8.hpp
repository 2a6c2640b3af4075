// Text encodings at the edge of the service: checking, repairing and converting what clients send.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

/// One decoding step: the code point at the front of a text, or the bytes that spoil it.
struct utf8_step {
  /// The code point; U+FFFD if the bytes are not valid.
  char32_t code_point;
  /// Bytes taken, at least 1; for a fault the bytes that one U+FFFD stands for.
  std::size_t length;
  bool valid;
};

/// Decodes the first character of `text`, which must not be empty. Surrogates are faults.
utf8_step decode_utf8(std::string_view text) noexcept;

/// Appends a code point as UTF-8; a surrogate becomes the three bytes ED A0..BF 80..BF.
void append_utf8(std::string& out, char32_t code_point);

/// `bytes` as valid UTF-8: each faulty sequence becomes one U+FFFD, as Python's errors="replace".
std::string replace_invalid_utf8(std::string_view bytes);

/// Whether a text from `decode_json_bytes` or a JSON string holds a lone surrogate.
bool has_surrogate(std::string_view text) noexcept;

/// A text with lone surrogates as valid UTF-8: each becomes one U+FFFD.
std::string replace_surrogates(std::string_view text);

/// The number of characters in valid UTF-8; lone surrogates count as one each.
std::size_t count_characters(std::string_view text) noexcept;

/// Reads the bytes of a JSON document as Python's json module does: UTF-8, UTF-16 or UTF-32,
/// guessed from the first bytes, with or without a byte order mark, lone surrogates allowed.
/// The answer is UTF-8 (surrogates as three bytes) and points into `bytes`, or into `storage` after
/// a conversion. Nothing, if the bytes are not valid in their encoding.
std::optional<std::string_view> decode_json_bytes(std::string_view bytes, std::string& storage);

}  // namespace troupe::http
