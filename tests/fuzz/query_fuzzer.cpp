// Fuzzes the reading of a query. Input: the raw query.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/parameters.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/fuzz/valid_json.hpp"

namespace troupe::test {
namespace {

using http::integer_parameter;

constexpr std::int64_t max_limit = 1000;
constexpr std::array<integer_parameter, 2> parameters{{{"skip", "", 0, 0}, {"limit", "", 10, 0, max_limit}}};

void check_values(std::string_view query) {
  const auto values = http::read_query(query, parameters);
  if (!values) return require_refusal(values.error(), "query");
  const auto [skip, limit] = *values;
  require(skip >= 0 && limit >= 0 && limit <= max_limit, "values lie within their bounds");
  const auto again =
      http::read_query("limit=" + std::to_string(limit) + "&skip=" + std::to_string(skip), parameters);
  require(again && *again == *values, "the same numbers written plainly are the same");
}

void check_value(const std::string& query, const char* name) {
  const auto value = http::query_value(query, name);
  require(!value || is_utf8(*value), "a value is valid UTF-8");
  require(http::query_value(query + "&other=1&&=", name) == value, "other parameters do not matter");
  require(http::query_value(query + "&" + name + "=%2B%37+", name) == "+7 ", "the last value counts");
  if (!value) return;
  const auto number = http::parse_integer(*value);
  if (!number) return;
  const auto spaced = http::parse_integer(" " + *value + "\xE3\x80\x80");
  require(spaced && spaced->value == number->value && spaced->saturated == number->saturated,
          "white space around a number does not matter");
  const auto plain = http::parse_integer(std::to_string(number->value));
  require(plain && plain->value == number->value && !plain->saturated, "a number is read as it is written");
}

}  // namespace
}  // namespace troupe::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string query{reinterpret_cast<const char*>(data), size};
  troupe::test::check_values(query);
  for (const auto& each : troupe::test::parameters) troupe::test::check_value(query, each.name);
  return 0;
}
