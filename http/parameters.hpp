// Reads what stands in a URL: percent-decoding, the query, and integers as Pydantic takes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "http/problem.hpp"

namespace troupe::http {

/// The path of a URL without its percent-encoding, as valid UTF-8: a faulty sequence becomes
/// U+FFFD, a malformed % stays.
std::string decode_path(std::string_view raw);

/// The value of a query parameter, decoded, as valid UTF-8; of a repeated one the last.
/// Nothing if it is absent; empty for `name` and `name=`. `raw` is without the question mark.
std::optional<std::string> query_value(std::string_view raw, std::string_view name);

/// An integer that was read from a text.
struct parsed_integer {
  /// The number, or the end of the range that it lies beyond.
  std::int64_t value = 0;
  /// Whether the number lies beyond 64 bits.
  bool saturated = false;
};

enum class integer_fault {
  /// Not the text of an integer: Pydantic's int_parsing.
  syntax,
  /// More digits than Python converts: Pydantic's int_parsing_size.
  size,
};

/// Reads an integer as Pydantic does in lax mode: white space around it, a plus sign, leading zeros,
/// single underscores and a fraction of zeros are all right.
tl::expected<parsed_integer, integer_fault> parse_integer(std::string_view utf8);

/// The problem for a fault of `parse_integer`, without location; `input` is JSON text.
problem problem_of(integer_fault fault, std::string input);

/// The problem of a number outside its bounds, without location; `input` is JSON text.
problem below_minimum(std::int64_t minimum, std::string input);
problem above_maximum(std::int64_t maximum, std::string input);

/// An integer in the query, as code and the API's description need it.
struct integer_parameter {
  const char* name;
  /// One sentence for the API's description.
  const char* description = "";
  /// The value of an absent parameter.
  std::int64_t fallback = 0;
  /// Bounds, both included.
  std::int64_t minimum = 0;
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();
};

/// The value of one parameter in a raw query.
tl::expected<std::int64_t, problem> read_query_integer(std::string_view raw_query,
                                                       const integer_parameter& parameter);

/// The values of some parameters, in their order; or all that is wrong with them.
template <std::size_t N>
tl::expected<std::array<std::int64_t, N>, rejection> read_query(
    std::string_view raw_query, const std::array<integer_parameter, N>& parameters) {
  std::array<std::int64_t, N> values{};
  rejection refusal;
  for (std::size_t i = 0; i < N; ++i) {
    auto value = read_query_integer(raw_query, parameters[i]);
    if (value) {
      values[i] = *value;
    } else {
      refusal.problems.push_back(std::move(value.error()));
    }
  }
  if (!refusal.problems.empty()) return tl::unexpected(std::move(refusal));
  return values;
}

/// A key in the path, from its decoded segment. A saturated one cannot exist: answer 404.
tl::expected<parsed_integer, problem> read_path_integer(std::string_view name, std::string_view decoded);

}  // namespace troupe::http
