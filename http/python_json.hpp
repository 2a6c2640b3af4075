// JSON as Python's json module reads and writes it, down to its error messages and positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::http {

struct json_member;

/// A JSON value, as a tree that owns its parts.
class json_value {
 public:
  using null = std::monostate;
  /// An integer beyond 64 bits, in decimal digits, with a minus sign if it is negative.
  struct big_integer {
    std::string digits;
    friend bool operator==(const big_integer&, const big_integer&) = default;
  };
  using array = std::vector<json_value>;
  /// Members in order of appearance, each key once: of a repeated key the last value counts.
  using object = std::vector<json_member>;

  json_value() = default;
  template <class T>
    requires(!std::is_same_v<std::remove_cvref_t<T>, json_value>)
  explicit json_value(T&& value)
      : storage_(std::in_place_type<std::remove_cvref_t<T>>, std::forward<T>(value)) {}

  /// The value, if it is of exactly this type: null, bool, std::int64_t, big_integer, double,
  /// std::string (UTF-8, a lone surrogate as its three bytes), array or object; else nullptr.
  template <class T>
  const T* as() const noexcept {
    return std::get_if<T>(&storage_);
  }

  bool is_null() const noexcept { return as<null>() != nullptr; }

 private:
  std::variant<null, bool, std::int64_t, big_integer, double, std::string, array, object> storage_;
};

struct json_member {
  std::string key;
  json_value value;
};

/// The value of a key in an object; nullptr if there is none.
const json_value* find(const json_value::object& object, std::string_view key) noexcept;

/// Why a document could not be read.
struct json_error {
  /// Python's message; empty if the document is not text, nested too deep, or has an integer of
  /// more digits than Python converts: faults for which Python has no position.
  std::string_view message;
  /// Where, in characters from the start, without a byte order mark.
  std::size_t position = 0;

  bool is_syntax_error() const noexcept { return !message.empty(); }
};

/// Arrays and objects within each other; a document that is deeper is refused.
inline constexpr std::size_t max_json_depth = 64;

/// Digits of the longest integer that Python converts.
inline constexpr std::size_t max_integer_digits = 4300;

/// Reads a whole document from bytes in UTF-8, UTF-16 or UTF-32.
tl::expected<json_value, json_error> parse_json(std::string_view bytes);

/// Appends a value as the reference prints it in an error: compact, not escaped beyond need,
/// without members whose key starts with "_sa". What has no JSON form is replaced: NaN and
/// infinities by null, lone surrogates by U+FFFD.
void append_json(std::string& out, const json_value& value);

/// Appends a text as a JSON string, with quotes; `utf8` must be valid.
void append_json_string(std::string& out, std::string_view utf8);

/// Appends a number in decimal.
void append_json_integer(std::string& out, std::int64_t value);

}  // namespace troupe::http
