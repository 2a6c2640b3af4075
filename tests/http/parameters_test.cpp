// What stands in a URL, as the reference understands it; the expectations were recorded from it.
#include "http/parameters.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>

namespace troupe::http {
namespace {

using namespace std::string_view_literals;
using limits = std::numeric_limits<std::int64_t>;

constexpr std::array<integer_parameter, 2> page{
    integer_parameter{.name = "skip"}, integer_parameter{.name = "limit", .fallback = 10, .maximum = 1000}};

TEST(parameters, takes_integers_as_pydantic_does) {
  struct {
    std::string_view text;
    std::int64_t value;
  } const rows[] = {
      {"1", 1},
      {"+1", 1},
      {"-1", -1},
      {"01", 1},
      {"-01", -1},
      {"00", 0},
      {"-0", 0},
      {" 1", 1},
      {"\t1\n", 1},
      {"\v1\f", 1},
      {"\u00851", 1},
      {"\u00A01\u2003", 1},
      {"\u30001", 1},
      {"1_0", 10},
      {"0_1", 1},
      {"0__1", 1},
      {"-1_0", -10},
      {"1_000.000", 1000},
      {"1.0", 1},
      {"-1.0", -1},
      {"0.0", 0},
      {"0-1", -1},
      {"0-1_0", -10},
      {"9223372036854775807", limits::max()},
      {"-9223372036854775808", limits::min()},
  };
  for (const auto& row : rows) {
    const auto number = parse_integer(row.text);
    ASSERT_TRUE(number) << row.text;
    EXPECT_EQ(number->value, row.value) << row.text;
    EXPECT_FALSE(number->saturated) << row.text;
  }
}

TEST(parameters, refuses_other_integers_as_pydantic_does) {
  const std::string_view texts[] = {
      "",
      "-",
      "+",
      "_",
      "_1",
      "1_",
      "1__0",
      "-_1",
      "0_",
      "0_.0",
      "1_.0",
      "1.",
      ".0",
      "1.5",
      "1.0_0",
      "1e2",
      "0x1",
      "1 0",
      "+ 1",
      "+-1",
      "--1",
      "-+1",
      "٣",
      "NaN",
      "true",
      "\x1C"
      "1",
      "\u200B1",
      "１",
  };
  for (const auto text : texts) {
    const auto number = parse_integer(text);
    ASSERT_FALSE(number) << text;
    EXPECT_EQ(number.error(), integer_fault::syntax) << text;
  }
  EXPECT_FALSE(parse_integer("1\0"sv));
}

TEST(parameters, saturates_numbers_beyond_64_bits) {
  for (const auto text : {"9223372036854775808", "+9_223372036854775808.0", "99999999999999999999"}) {
    const auto number = parse_integer(text);
    ASSERT_TRUE(number && number->saturated) << text;
    EXPECT_EQ(number->value, limits::max());
  }
  const auto number = parse_integer("-9223372036854775809");
  ASSERT_TRUE(number && number->saturated);
  EXPECT_EQ(number->value, limits::min());
}

TEST(parameters, knows_how_many_digits_are_too_many) {
  const std::string most(4300, '1');
  EXPECT_TRUE(parse_integer(most));
  EXPECT_TRUE(parse_integer("+" + most));
  EXPECT_TRUE(parse_integer(most + ".0"));
  EXPECT_TRUE(parse_integer(std::string(9000, '0') + "1"));
  EXPECT_EQ(parse_integer(most + "1").error(), integer_fault::size);
  EXPECT_EQ(parse_integer(most + "1x").error(), integer_fault::size);
  EXPECT_EQ(parse_integer("-" + most).error(), integer_fault::size);
  EXPECT_EQ(parse_integer("+1" + most).error(), integer_fault::syntax);
  EXPECT_EQ(parse_integer(most + "x").error(), integer_fault::syntax);
}

TEST(parameters, decodes_paths) {
  EXPECT_EQ(decode_path("%31%2B+%C3%A9"), "1++é");
  EXPECT_EQ(decode_path("%FF%E0%A4%A%zz%"), "\uFFFD\uFFFD%A%zz%");
  EXPECT_EQ(decode_path("%ed%a0%80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(decode_path("a%00b"), "a\0b"sv);
}

TEST(parameters, finds_the_last_value_of_a_query_parameter) {
  struct {
    std::string_view query;
    std::optional<std::string_view> value;
  } const rows[] = {
      {"", std::nullopt},
      {"&&", std::nullopt},
      {"b=1", std::nullopt},
      {"aa=1", std::nullopt},
      {"a[]=1", std::nullopt},
      {"a", ""},
      {"a=", ""},
      {"a=1&a=2&b=3", "2"},
      {"&a=1&", "1"},
      {"a=1=2", "1=2"},
      {"a=1;b=2", "1;b=2"},
      {"%61=x", "x"},
      {"a=+%2B", " +"},
      {"a=%E0%A4%A", "\uFFFD%A"},
      {"a=\xE9%C3\xA9", "é\uFFFD©"},
      {"+a=1", std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(query_value(row.query, "a"), row.value) << row.query;
}

/// The body that refuses a query; empty if it is all right.
std::string refusal_of(std::string_view query) {
  const auto values = read_query(query, page);
  return values ? "" : body_of(values.error());
}

TEST(parameters, reads_the_integers_of_a_query) {
  EXPECT_EQ(read_query("", page), (std::array<std::int64_t, 2>{0, 10}));
  EXPECT_EQ(read_query("limit=%201&skip=+7&x=y", page), (std::array<std::int64_t, 2>{7, 1}));
  EXPECT_EQ(read_query("limit=1_000&skip=9223372036854775807", page),
            (std::array<std::int64_t, 2>{limits::max(), 1000}));
  EXPECT_EQ(
      refusal_of("limit=&skip=a%00"),
      R"({"detail":[{"type":"int_parsing","loc":["query","skip"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"a\u0000"},)"
      R"({"type":"int_parsing","loc":["query","limit"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":""}]})");
}

TEST(parameters, keeps_a_query_within_its_bounds) {
  for (const std::string below : {"-1", "-9223372036854775808", "-99999999999999999999"}) {
    EXPECT_EQ(
        refusal_of("skip=" + below),
        R"({"detail":[{"type":"greater_than_equal","loc":["query","skip"],"msg":"Input should be greater than or equal to 0","input":")" +
            below + R"(","ctx":{"ge":0}}]})");
  }
  for (const std::string above : {"1001", "9223372036854775807", "99999999999999999999"}) {
    EXPECT_EQ(
        refusal_of("limit=" + above),
        R"({"detail":[{"type":"less_than_equal","loc":["query","limit"],"msg":"Input should be less than or equal to 1000","input":")" +
            above + R"(","ctx":{"le":1000}}]})");
  }
  EXPECT_EQ(
      refusal_of("skip=9223372036854775808"),
      R"({"detail":[{"type":"less_than_equal","loc":["query","skip"],"msg":"Input should be less than or equal to 9223372036854775807","input":"9223372036854775808","ctx":{"le":9223372036854775807}}]})");
}

TEST(parameters, reads_a_key_in_the_path) {
  EXPECT_EQ(read_path_integer("item_id", "1\n")->value, 1);
  EXPECT_TRUE(read_path_integer("item_id", "99999999999999999999")->saturated);
  const auto number = read_path_integer("item_id", "é");
  ASSERT_FALSE(number);
  EXPECT_EQ(number.error(),
            (problem{.type = "int_parsing",
                     .loc = {"path", "item_id"},
                     .msg = "Input should be a valid integer, unable to parse string as an integer",
                     .input = "\"é\"",
                     .ctx = ""}));
}

TEST(parameters, refuses_any_bytes_in_valid_json) {
  std::mt19937 random(7);
  const std::string_view alphabet = "0123456789-+_. %%%%&=fF\xC3\xA9\xED\xFF";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (auto left = random() % 12; left > 0; --left) text += alphabet[random() % alphabet.size()];
    const auto refusal = refusal_of("skip=" + text + "&limit" + text);
    EXPECT_TRUE(refusal.empty() || nlohmann::json::accept(refusal)) << text;
    const auto key = read_path_integer("item_id", decode_path(text));
    if (!key) {
      EXPECT_TRUE(nlohmann::json::accept(body_of({.status = 422, .detail = "", .problems = {key.error()}})));
    }
  }
}

}  // namespace
}  // namespace troupe::http
