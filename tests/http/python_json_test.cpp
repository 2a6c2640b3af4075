// JSON as the reference reads and writes it; the expectations were recorded from it.
#include "http/python_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>

namespace troupe::http {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

/// A document as it is echoed; nothing of it if it cannot be read.
std::string echo(std::string_view document) {
  const auto value = parse_json(document);
  std::string out;
  if (value) append_json(out, *value);
  return out;
}

TEST(python_json, names_a_fault_and_its_place_in_characters) {
  struct {
    std::string_view document;
    std::string_view message;
    std::size_t position;
  } const rows[] = {
      {"   ", "Expecting value", 3},
      {"nope", "Expecting value", 0},
      {"tru", "Expecting value", 0},
      {"[1,]", "Expecting value", 3},
      {R"({"name":"a",})", "Expecting property name enclosed in double quotes", 12},
      {R"({"a":1,,})", "Expecting property name enclosed in double quotes", 7},
      {"{'a':1}", "Expecting property name enclosed in double quotes", 1},
      {"{", "Expecting property name enclosed in double quotes", 1},
      {R"({"a")", "Expecting ':' delimiter", 4},
      {R"({"a" 1})", "Expecting ':' delimiter", 5},
      {R"({"a":)", "Expecting value", 5},
      {R"({"a":})", "Expecting value", 5},
      {R"({"a":1 "b":2})", "Expecting ',' delimiter", 7},
      {R"(["a")", "Expecting ',' delimiter", 4},
      {"[1 2]", "Expecting ',' delimiter", 3},
      {R"({"a":1}})", "Extra data", 7},
      {"1.", "Extra data", 1},
      {"1e", "Extra data", 1},
      {"01", "Extra data", 1},
      {"NaN2", "Extra data", 3},
      {"-", "Expecting value", 0},
      {"-Inf", "Expecting value", 0},
      {"+1", "Expecting value", 0},
      {".5", "Expecting value", 0},
      {R"("abc)", "Unterminated string starting at", 0},
      {R"("\)", "Unterminated string starting at", 0},
      {R"("\x")", "Invalid \\escape", 1},
      {R"("\u12")", "Invalid \\uXXXX escape", 2},
      {R"("\uZZZZ")", "Invalid \\uXXXX escape", 2},
      {R"("\u1234)", "Invalid \\uXXXX escape", 2},
      {R"("\ud83d\u")", "Invalid \\uXXXX escape", 8},
      {"\"a\nb\"", "Invalid control character at", 2},
      {"\"\0\""sv, "Invalid control character at", 1},
      {"\"é\t\"", "Invalid control character at", 2},
      {"{\"é\":é}", "Expecting value", 5},
      {"{\"😀\":1,}", "Expecting property name enclosed in double quotes", 7},
      {"\n\n{\"a\":\n\n}", "Expecting value", 9},
      {"\xEF\xBB\xBFx", "Expecting value", 0},
      {"\xEF\xBB\xBF\xEF\xBB\xBF"
       "1",
       "Expecting value", 0},
      {"\xFF\xFE[\0\xE9\0"sv, "Expecting value", 1},
      {"\0{\0\"\0a\0\"\0:\xD8=\xDE\0\0}"sv, "Expecting value", 5},
      {"[\0\0\0"
       "1\0\0\0,\0\0\0]\0\0\0"sv,
       "Expecting value", 3},
  };
  for (const auto& row : rows) {
    const auto value = parse_json(row.document);
    ASSERT_FALSE(value) << row.document;
    EXPECT_EQ(value.error().message, row.message) << row.document;
    EXPECT_EQ(value.error().position, row.position) << row.document;
  }
}

TEST(python_json, writes_what_it_read_as_python_does) {
  struct {
    std::string_view document;
    std::string_view written;
  } const rows[] = {
      {"-0", "0"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775809", "-9223372036854775809"},
      {"123456789012345678901234567890", "123456789012345678901234567890"},
      {"1.0", "1.0"},
      {"-0.0", "-0.0"},
      {"1e5", "100000.0"},
      {"1E+3", "1000.0"},
      {"1e15", "1000000000000000.0"},
      {"1e16", "1e+16"},
      {"1e-4", "0.0001"},
      {"1e-5", "1e-05"},
      {"123456789.125", "123456789.125"},
      {"1e23", "1e+23"},
      {"9007199254740993.0", "9007199254740992.0"},
      {"5e-324", "5e-324"},
      {"1.7976931348623157e308", "1.7976931348623157e+308"},
      {"1e-400", "0.0"},
      {"-1e-99999999999999999999", "-0.0"},
      {"0e999", "0.0"},
      {"[ null , true,false ]", "[null,true,false]"},
      {R"("\u0041\/\"\\\b\f\n\r\t\u0001\u001F")", R"("A/\"\\\b\f\n\r\t\u0001\u001f")"},
      {"\"\x7F é\u2028😀\"", "\"\x7F é\u2028😀\""},
      {R"("\ud83d\ude00")", "\"😀\""},
      {R"({"b":1,"a":2,"b":3})", R"({"b":3,"a":2})"},
      {R"({"_sa":1,"x":{"_sax":2}})", R"({"x":{}})"},
      {"\xFF\xFE\"\0\xE9\0\"\0"sv, "\"é\""},
      {"\0\0\xFE\xFF\0\0\0"
       "7"sv,
       "7"},
      {"7\0"sv, "7"},
  };
  for (const auto& row : rows) EXPECT_EQ(echo(row.document), row.written) << row.document;
}

TEST(python_json, replaces_what_json_cannot_hold) {
  EXPECT_EQ(echo("[NaN,Infinity,-Infinity,1e400,-1e99999999999999999999]"), "[null,null,null,null,null]");
  EXPECT_EQ(echo(R"({"\ud800":"a\udfffb"})"),
            "{\"\uFFFD\":\"a\uFFFD"
            "b\"}");
  EXPECT_EQ(echo("\"\xED\xA0\x80\""), "\"\uFFFD\"");
  EXPECT_EQ(echo(R"("\ud83d\ud83d\ude00")"), "\"\uFFFD😀\"");
}

TEST(python_json, refuses_what_python_has_no_position_for) {
  const std::string deepest = std::string(max_json_depth, '[') + std::string(max_json_depth, ']');
  EXPECT_EQ(echo(deepest), deepest);
  const std::string documents[] = {
      "[" + deepest + "]",
      std::string(1 << 20, '['),
      "\"\xFF\"",
      "\"\xC3(\"",
      "\"\xF4\x90\x80\x80\"",
      "\"\xC0\x80\"",
      "\xFF\xFE\"",
      "\0\0\0"s + "12",
      std::string(4301, '1'),
      "-" + std::string(4301, '1'),
  };
  for (const auto& document : documents) {
    const auto value = parse_json(document);
    ASSERT_FALSE(value) << document.substr(0, 80);
    EXPECT_FALSE(value.error().is_syntax_error()) << document.substr(0, 80);
  }
  const std::string longest = "-" + std::string(4300, '1');
  EXPECT_EQ(echo(longest), longest);
}

TEST(python_json, keeps_each_of_many_keys_once) {
  std::string document = "{";
  std::string expected = "{";
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) {
      document += (i + round == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + std::to_string(i + round);
      if (round == 1) expected += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + std::to_string(i + 1);
    }
  }
  EXPECT_EQ(echo(document + "}"), expected + "}");
}

TEST(python_json, escapes_at_any_place_of_a_text) {
  for (const auto& [special, escaped] : {std::pair{"\"", "\\\""}, {"\\", "\\\\"}, {"\x1F", "\\u001f"}}) {
    for (std::size_t before = 0; before < 20; ++before) {
      const std::string left(before, '\x7F');
      std::string out;
      append_json_string(out, left + special + "é!~ #");
      EXPECT_EQ(out, "\"" + left + escaped + "é!~ #\"");
    }
  }
}

TEST(python_json, echoes_valid_json_whatever_comes) {
  std::mt19937 random(20240817);
  const std::string_view pieces[] = {"{",    "}",       "[", "]",  ",",     ":",    "\"a\"",
                                     "\"",   "\\ud800", "1", "-",  "1e999", "null", "\xED\xA0\x80",
                                     "\xFF", "é",       " ", "\\u"};
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string document = i % 2 == 0 ? "[\"" : "[";
    for (auto left = random() % 6; left > 0; --left) document += pieces[random() % std::size(pieces)];
    document += i % 2 == 0 ? "\"]" : "]";
    const auto written = echo(document);
    if (written.empty()) continue;
    ++read;
    EXPECT_TRUE(nlohmann::json::accept(written)) << document;
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace troupe::http
