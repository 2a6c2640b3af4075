// Bodies of requests as the reference judges them; the expectations were recorded from it.
#include "http/body.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>

#include "db/item.hpp"

namespace troupe::http {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::string_view json = "application/json";

/// Every type that a column can have, to show that nothing is tied to the item.
struct ticket_table {
  static constexpr auto columns = std::tuple{
      db::generated_key{.name = "id"},
      db::column<std::int64_t>{.name = "count"},
      db::column<bool>{.name = "flag"},
      db::column<std::string>{.name = "code", .min_length = 1, .max_length = 5},
      db::column<std::optional<std::string>>{{.name = "note", .min_length = 2, .max_length = 3}},
      db::column<std::optional<std::int64_t>>{{.name = "extra"}},
  };
};

template <class T>
std::string body_or_nothing(const tl::expected<T, rejection>& result) {
  return result ? "" : std::to_string(result.error().status) + " " + body_of(result.error());
}

std::string item_refusal(std::string_view body, std::string_view content_type = json) {
  return body_or_nothing(read_whole<db::item_table>(content_type, body));
}

std::string ticket_refusal(std::string_view body) {
  return body_or_nothing(read_whole<ticket_table>(json, body));
}

std::string detail(std::string_view problems) { return R"(422 {"detail":[)" + std::string(problems) + "]}"; }

TEST(body, reads_an_item) {
  const auto item = read_whole<db::item_table>(
      json, R"( {"id":9,"x":[{"name":1}],"description":"d","name":"old","name":"é\n\ud83d\ude00"} )");
  ASSERT_TRUE(item);
  EXPECT_EQ(item->get<"name">(), "é\n😀");
  EXPECT_EQ(item->get<"description">(), "d");
  EXPECT_EQ(item->key(), 0);
  const auto bare =
      read_whole<db::item_table>(json, "\xEF\xBB\xBF{\"name\":\"\",\"x\":NaN,\"y\":\"\\u0000\\ud800\"}");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->get<"description">(), std::nullopt);
}

TEST(body, lists_problems_in_the_order_of_the_fields) {
  EXPECT_EQ(
      item_refusal(R"({"description":[1.50,{"a":null}],"_sa":1})"),
      detail(
          R"({"type":"missing","loc":["body","name"],"msg":"Field required","input":{"description":[1.5,{"a":null}]}},)"
          R"({"type":"string_type","loc":["body","description"],"msg":"Input should be a valid string","input":[1.5,{"a":null}]})"));
  EXPECT_EQ(
      ticket_refusal(R"({"note":"x","flag":[],"code":7})"),
      detail(
          R"({"type":"missing","loc":["body","count"],"msg":"Field required","input":{"note":"x","flag":[],"code":7}},)"
          R"({"type":"bool_type","loc":["body","flag"],"msg":"Input should be a valid boolean","input":[]},)"
          R"({"type":"string_type","loc":["body","code"],"msg":"Input should be a valid string","input":7},)"
          R"({"type":"string_too_short","loc":["body","note"],"msg":"String should have at least 2 characters","input":"x","ctx":{"min_length":2}})"));
}

TEST(body, refuses_what_is_no_object) {
  const auto missing = detail(R"({"type":"missing","loc":["body"],"msg":"Field required","input":null})");
  EXPECT_EQ(item_refusal(""), missing);
  EXPECT_EQ(item_refusal("", "text/plain"), missing);
  EXPECT_EQ(item_refusal("null"), missing);
  for (const std::string value : {"5", "-0.0", "[]", "\"x\"", "true", "[null]", "12345678901234567890"}) {
    EXPECT_EQ(
        item_refusal(value),
        detail(
            R"({"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":)" +
            value + "}"));
  }
}

TEST(body, refuses_broken_json) {
  EXPECT_EQ(
      item_refusal(R"({"name":"a",})"),
      detail(
          R"({"type":"json_invalid","loc":["body",12],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting property name enclosed in double quotes"}})"));
  EXPECT_EQ(
      item_refusal(R"({"name":"\u12"})"),
      detail(
          R"({"type":"json_invalid","loc":["body",10],"msg":"JSON decode error","input":{},"ctx":{"error":"Invalid \\uXXXX escape"}})"));
  const auto unreadable = R"(400 {"detail":"There was an error parsing the body"})";
  EXPECT_EQ(item_refusal("{\"name\":\"\xFF\"}"), unreadable);
  EXPECT_EQ(item_refusal(std::string(65, '[')), unreadable);
}

TEST(body, parses_json_types_only) {
  const std::string_view parsed[] = {
      "application/json",
      "application/json;",
      "application/json ;q",
      " application/json\t",
      "APPLICATION/Json; charset=x",
      "application/+json",
      "application/vnd.a+JSON",
      "application/ +json",
      "\xA0"
      "application/json\x85",
  };
  for (const auto type : parsed) EXPECT_EQ(item_refusal(R"({"name":"a"})", type), "") << type;
  const std::string_view raw[] = {
      "",
      "text/plain",
      "text/json",
      "json",
      "application",
      "/json",
      ";application/json",
      "application/ json",
      "application /json",
      "application/jsonx",
      "application/json/x",
      "application/json,application/json",
  };
  for (const auto type : raw) {
    EXPECT_EQ(
        item_refusal("{\"é\":\"\\\xFF\"}", type),
        detail(
            R"({"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":"{\"é\":\"\\)"
            "\uFFFD\\\"}\"}"))
        << type;
  }
}

TEST(body, refuses_text_that_postgresql_cannot_hold) {
  const auto refusal = [](std::string_view input) {
    return detail(
        R"({"type":"string_unicode","loc":["body","name"],"msg":"Input should be a valid string, unable to parse raw data as a unicode string","input":)" +
        std::string(input) + "}");
  };
  EXPECT_EQ(item_refusal(R"({"name":"a\u0000"})"), refusal(R"("a\u0000")"));
  EXPECT_EQ(item_refusal(R"({"name":"a\ud800"})"), refusal("\"a\uFFFD\""));
}

TEST(body, reads_integers_in_lax_mode) {
  struct {
    const char* text;
    std::int64_t value;
  } const rows[] = {
      {"-7", -7},  {"1.0", 1},        {"-0.0", 0},  {"1e3", 1000},
      {"true", 1}, {"\" 1_0 \"", 10}, {"\"0\"", 0}, {"9223372036854774784.0", 9223372036854774784}};
  for (const auto& row : rows) {
    const auto ticket = read_whole<ticket_table>(
        json, R"({"flag":1,"code":"a","count":)"s + row.text + ",\"extra\":" + row.text + "}");
    ASSERT_TRUE(ticket) << row.text;
    EXPECT_EQ(ticket->get<"count">(), row.value) << row.text;
    EXPECT_EQ(ticket->get<"extra">(), row.value) << row.text;
  }
}

TEST(body, reads_booleans_in_lax_mode) {
  for (const auto text : {"true", "1", "1.0", "\"Yes\"", "\"oN\"", "\"t\"", "\"1\"", "\"y\"", "\"TRUE\""}) {
    const auto ticket = read_whole<ticket_table>(json, R"({"count":1,"code":"a","flag":)"s + text + "}");
    EXPECT_TRUE(ticket && ticket->get<"flag">()) << text;
  }
  for (const auto text :
       {"false", "0", "-0.0", "\"No\"", "\"oFF\"", "\"f\"", "\"0\"", "\"n\"", "\"false\""}) {
    const auto ticket = read_whole<ticket_table>(json, R"({"count":1,"code":"a","flag":)"s + text + "}");
    EXPECT_TRUE(ticket && !ticket->get<"flag">()) << text;
  }
}

TEST(body, names_what_is_wrong_with_a_value) {
  struct {
    const char* field;
    const char* value;
    const char* type;
    const char* msg;
    const char* ctx;
  } const rows[] = {
      {"count", "null", "int_type", "Input should be a valid integer", ""},
      {"count", "{}", "int_type", "Input should be a valid integer", ""},
      {"count", "1.5", "int_from_float",
       "Input should be a valid integer, got a number with a fractional part", ""},
      {"count", "1e+20", "int_parsing_size",
       "Unable to parse input string as an integer, exceeded maximum size", ""},
      {"count", "-9.223372036854776e+18", "int_parsing_size",
       "Unable to parse input string as an integer, exceeded maximum size", ""},
      {"count", "\"x\"", "int_parsing",
       "Input should be a valid integer, unable to parse string as an integer", ""},
      {"count", "9223372036854775808", "less_than_equal",
       "Input should be less than or equal to 9223372036854775807", R"({"le":9223372036854775807})"},
      {"count", "\"-9223372036854775809\"", "greater_than_equal",
       "Input should be greater than or equal to -9223372036854775808", R"({"ge":-9223372036854775808})"},
      {"flag", "null", "bool_type", "Input should be a valid boolean", ""},
      {"flag", "1.5", "bool_type", "Input should be a valid boolean", ""},
      {"flag", "9223372036854775808", "bool_type", "Input should be a valid boolean", ""},
      {"flag", "2", "bool_parsing", "Input should be a valid boolean, unable to interpret input", ""},
      {"flag", "\" yes\"", "bool_parsing", "Input should be a valid boolean, unable to interpret input", ""},
      {"code", "null", "string_type", "Input should be a valid string", ""},
      {"code", "\"\"", "string_too_short", "String should have at least 1 character", R"({"min_length":1})"},
      {"code", "\"éééééé\"", "string_too_long", "String should have at most 5 characters",
       R"({"max_length":5})"},
      {"note", "\"😀\"", "string_too_short", "String should have at least 2 characters",
       R"({"min_length":2})"},
  };
  for (const auto& row : rows) {
    // The field comes last and so counts.
    const auto body = R"({"count":1,"flag":true,"code":"ab",")"s + row.field + "\":" + row.value + "}";
    const auto ctx = *row.ctx == '\0' ? "" : ",\"ctx\":"s + row.ctx;
    EXPECT_EQ(ticket_refusal(body),
              detail(R"({"type":")"s + row.type + R"(","loc":["body",")" + row.field + R"("],"msg":")" +
                     row.msg + R"(","input":)" + row.value + ctx + "}"));
  }
  EXPECT_EQ(
      ticket_refusal(R"({"count":Infinity,"flag":true,"code":"ab"})"),
      detail(
          R"({"type":"finite_number","loc":["body","count"],"msg":"Input should be a finite number","input":null})"));
}

TEST(body, reads_the_given_columns_of_a_part) {
  const auto none = read_partial<ticket_table>(json, R"({"id":5,"x":1})");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->given, 0U);
  const auto some = read_partial<ticket_table>(json, R"({"note":null,"code":"abc"})");
  ASSERT_TRUE(some);
  EXPECT_EQ(some->given, db::column_set{1} << db::column_index<ticket_table>("code") |
                             db::column_set{1} << db::column_index<ticket_table>("note"));
  EXPECT_EQ(some->row.get<"code">(), "abc");
  EXPECT_EQ(some->row.get<"note">(), std::nullopt);
  EXPECT_EQ(
      body_or_nothing(read_partial<db::item_table>(json, R"({"name":null})")),
      detail(
          R"({"type":"string_type","loc":["body","name"],"msg":"Input should be a valid string","input":null})"));
  EXPECT_EQ(body_or_nothing(read_partial<db::item_table>(json, "")),
            detail(R"({"type":"missing","loc":["body"],"msg":"Field required","input":null})"));
}

TEST(body, refuses_any_bytes_in_valid_json) {
  std::mt19937 random(11);
  const std::string_view pieces[] = {"{",
                                     "}",
                                     "\"count\":",
                                     "\"flag\":",
                                     "\"code\":",
                                     "\"note\":",
                                     "\"name\":",
                                     "\"",
                                     "\\u0000",
                                     "\\ud800",
                                     "NaN",
                                     "1e999",
                                     "-1",
                                     "null",
                                     "[",
                                     "]",
                                     ",",
                                     ":",
                                     "\xFF",
                                     "\xED\xA0\x80",
                                     "\0"sv,
                                     "é",
                                     "12345678901234567890"};
  for (int i = 0; i < 20000; ++i) {
    std::string body = i % 3 == 0 ? "" : i % 3 == 1 ? "{\"count\":" : "{\"code\":\"";
    for (auto left = random() % 8; left > 0; --left) body += pieces[random() % std::size(pieces)];
    if (i % 3 != 0) body += i % 3 == 1 ? "}" : "\"}";
    const auto type = i % 10 == 0 ? "text/plain" : json;
    const auto whole = read_whole<ticket_table>(type, body);
    if (!whole) {
      EXPECT_TRUE(nlohmann::json::accept(body_of(whole.error()))) << body;
    }
    const auto part = read_partial<ticket_table>(type, body);
    if (!part) {
      EXPECT_TRUE(nlohmann::json::accept(body_of(part.error()))) << body;
    }
  }
}

}  // namespace
}  // namespace troupe::http
