// Random requests to the real service: whatever comes in, the answer is proper and never 5xx.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fuzz/valid_json.hpp"
#include "tests/service/service.hpp"
#include "tests/support/recorded_cases.hpp"
#include "tests/support/size.hpp"

namespace troupe::test {
namespace {

using namespace std::string_literals;
using nlohmann::json;

struct random_request {
  std::string method;
  std::string target;
  /// Absent for no such header.
  std::optional<std::string> content_type;
  std::string body;
  bool chunked = false;
  bool close = false;

  std::string bytes() const {
    auto out = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
    if (content_type) out += "Content-Type: " + *content_type + "\r\n";
    if (close) out += "Connection: close\r\n";
    if (!chunked) {
      if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
      return out + "\r\n" + body;
    }
    out += "Transfer-Encoding: chunked\r\n\r\n";
    constexpr std::string_view hex = "0123456789abcdef";
    for (std::size_t at = 0; at < body.size(); at += 15) {
      const auto part = body.substr(at, 15);
      out += hex[part.size()] + "\r\n"s + part + "\r\n";
    }
    return out + "0\r\n\r\n";
  }
};

class generator {
 public:
  generator(std::uint64_t seed, std::vector<recorded_request> cases)
      : random_{seed}, cases_{std::move(cases)} {}

  random_request next() {
    random_request out;
    out.method = one_in(3) ? pick(methods) : "POST";
    if (one_in(200)) out.method = "BREW";
    out.target = target(out.method);
    out.body = one_in(8) ? "" : body();
    if (!one_in(10)) out.content_type = one_in(6) ? content_type() : "application/json";
    out.chunked = one_in(10);
    out.close = one_in(20);
    return out;
  }

 private:
  static constexpr std::array<std::string_view, 8> methods{"GET",   "HEAD",   "POST",    "PUT",
                                                           "PATCH", "DELETE", "OPTIONS", "TRACE"};
  // What stands within the quotes of a JSON string: what is fine, and what mostly is not.
  static constexpr std::array<std::string_view, 12> fine_texts{"",
                                                               "a",
                                                               "Desk lamp",
                                                               "\\ud83d\\ude00",
                                                               "\\u00e9",
                                                               "\xC3\xA9",
                                                               "\xF0\x9F\x98\x80",
                                                               "\xEF\xBF\xBE",
                                                               "\\\"\\\\\\/\\b\\f\\n\\r\\t",
                                                               "\x7F",
                                                               "'; DROP TABLE items; --",
                                                               "%s%n\\u2028"};
  static constexpr std::array<std::string_view, 11> nasty_texts{
      "\\u0000", "\\ud800", "\\udc00\\ud800", "\xED\xA0\x80", "\xFF", "\xC3",
      "\\x",     "\\u12",   "\x01",           "\"a\":1",      "\\"};
  static constexpr std::array<std::string_view, 26> scalars{"null",
                                                            "true",
                                                            "false",
                                                            "0",
                                                            "-0",
                                                            "1",
                                                            "-1",
                                                            "1.0",
                                                            "1.5",
                                                            "1e5",
                                                            "1E-400",
                                                            "1e999",
                                                            "-1e999",
                                                            "NaN",
                                                            "Infinity",
                                                            "-Infinity",
                                                            "9223372036854775807",
                                                            "9223372036854775808",
                                                            "-9223372036854775809",
                                                            "01",
                                                            "1.",
                                                            ".5",
                                                            "+1",
                                                            "tru",
                                                            "",
                                                            "1e16"};
  static constexpr std::array<std::string_view, 8> spaces{"", "", "", "", " ", "\n", "\t \r", "\v"};
  static constexpr std::array<std::string_view, 9> keys{"name",      "name", "name", "description", "id",
                                                        "_sa_state", "",     "Name", "n\\u0061me"};
  static constexpr std::array<std::string_view, 22> values{"1",
                                                           "0",
                                                           "-1",
                                                           "10",
                                                           "1000",
                                                           "1001",
                                                           "abc",
                                                           "",
                                                           "1.0",
                                                           "1.5",
                                                           "+1",
                                                           "%2B1",
                                                           "%20%31",
                                                           "1_0",
                                                           "%00",
                                                           "%",
                                                           "%zz",
                                                           "%C3%A9",
                                                           "%FF",
                                                           "9223372036854775807",
                                                           "9223372036854775808",
                                                           "null"};
  static constexpr std::array<std::string_view, 8> types{"text/plain",
                                                         "application/JSON; charset=utf-8",
                                                         "json",
                                                         "application/vnd.a+json",
                                                         "multipart/form-data",
                                                         "",
                                                         "application/x-www-form-urlencoded",
                                                         "*/*"};

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random_);
  }
  bool one_in(std::size_t count) { return below(count) == 0; }
  std::string pick(std::span<const std::string_view> from) { return std::string{from[below(from.size())]}; }

  std::string bytes(std::size_t max_size) {
    std::string out(below(max_size + 1), '\0');
    for (auto& each : out) each = static_cast<char>(below(256));
    return out;
  }

  // A few bytes overwritten, left out, put in or repeated.
  std::string mutated(std::string text) {
    for (auto count = below(4) + 1; count > 0 && !text.empty(); --count) {
      const auto at = below(text.size());
      switch (below(4)) {
        case 0: text[at] = static_cast<char>(below(256)); break;
        case 1: text.erase(at, below(4) + 1); break;
        case 2: text.insert(at, bytes(3)); break;
        default: text.insert(at, text.substr(below(text.size()), below(8)));
      }
    }
    return text;
  }

  std::string quoted() {
    std::string out = "\"";
    for (auto count = below(3) + 1; count > 0; --count)
      out += one_in(12) ? pick(nasty_texts) : pick(fine_texts);
    if (one_in(50)) out.append(below(20'000), 'a');
    return out + "\"";
  }

  std::string tree(std::size_t depth) {
    const auto kind = below(depth == 0 ? 2 : 4);
    if (kind == 0) return one_in(30) ? std::string(below(5000), '7') : pick(scalars);
    if (kind == 1) return quoted();
    const bool is_object = kind == 2;
    std::string out = is_object ? "{" : "[";
    for (auto count = below(4); count > 0; --count) {
      if (is_object) out += pick(spaces) + "\"" + pick(keys) + "\"" + pick(spaces) + ":";
      out += pick(spaces) + tree(depth - 1) + pick(spaces) + (count > 1 ? "," : "");
    }
    return out + (is_object ? "}" : "]");
  }

  std::string item() {
    std::string out = "{\"name\":" + (one_in(6) ? tree(3) : quoted());
    for (auto count = below(3); count > 0; --count)
      out += ",\"" + (one_in(2) ? "description" : pick(keys)) + "\":" + (one_in(3) ? tree(3) : quoted());
    return out + "}";
  }

  std::string body() {
    switch (below(12)) {
      case 0: return bytes(200);
      case 1: return mutated(a_case().body);
      case 2: return mutated(item());
      case 3: return tree(5);
      case 4: {
        const auto whole = item();
        return whole.substr(0, below(whole.size()));
      }
      case 5: {
        const auto depth = below(200);
        return "{\"name\":" + std::string(depth, '[') + (one_in(2) ? std::string(depth, ']') : "") + "}";
      }
      case 6: {
        std::string wide = one_in(2) ? "\xFF\xFE" : "";
        for (const char c : item()) wide += {c, '\0'};
        return wide;
      }
      default: return item();
    }
  }

  const recorded_request& a_case() { return cases_[below(cases_.size())]; }

  std::string content_type() {
    if (one_in(2)) return pick(types);
    return header_value(one_in(2) ? bytes(20) : mutated("application/json"));
  }

  // Nothing that would end the line, or the request with it.
  static std::string header_value(std::string text) {
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return text;
  }

  // Mostly without what would not be HTTP at all.
  std::string url_part(std::string text) {
    text = header_value(std::move(text));
    if (one_in(30)) return text;
    std::replace_if(
        text.begin(), text.end(), [](char c) { return (c >= 0 && c <= ' ') || c == '\x7F'; }, '%');
    return text;
  }

  std::string key() {
    if (one_in(4)) return url_part(one_in(2) ? bytes(12) : mutated("1"));
    return one_in(3) ? pick(values) : std::to_string(below(300));
  }

  std::string query() {
    std::string out = "?";
    for (auto count = below(4); count > 0; --count) {
      out += one_in(5) ? url_part(bytes(8)) : one_in(2) ? "skip" : "limit";
      if (!one_in(10)) out += "=";
      out += one_in(5) ? url_part(bytes(8)) : pick(values);
      if (count > 1) out += '&';
    }
    return out;
  }

  std::string target(std::string_view method) {
    if (one_in(20)) return "/" + url_part(bytes(30));
    if (one_in(10)) return "/" + url_part(mutated(a_case().target.substr(1)));
    const bool one = method != "POST" && !one_in(4);
    auto out = one ? "/items/" + key() : one_in(20) ? "/items"s : "/items/"s;
    if (one_in(20)) out += "/";
    if (one_in(50)) out = "http://example.org" + out;
    if (one_in(4)) out += query();
    return out;
  }

  std::mt19937_64 random_;
  std::vector<recorded_request> cases_;
};

class PropertyTest : public testing::Test {
 protected:
  // Sends a request over the connection that the earlier ones left, if they did.
  http_response answer(const random_request& what) {
    client_.send_raw(what.bytes());
    auto out = client_.read_response(what.method == "HEAD");
    if (out.header("Connection") == "close") {
      // What is no HTTP is refused with a body, as its method does not count.
      const bool has_more = what.method == "HEAD" && out.status == 400;
      EXPECT_TRUE(has_more || client_.wait_for_close());
      client_.disconnect();
    } else {
      EXPECT_FALSE(what.close);
    }
    return out;
  }

  void expect_proper(const random_request& what, const http_response& got) {
    EXPECT_GE(got.status, 200);
    EXPECT_LT(got.status, 500);
    for (const auto& [name, value] : got.headers)
      EXPECT_TRUE(std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c < '\x7F'; }))
          << name;
    EXPECT_EQ(got.header("Location").has_value(), got.status == 307);
    EXPECT_EQ(got.header("Allow").has_value(),
              got.status == 405 || (got.status == 204 && what.method == "OPTIONS"));
    if (what.method == "HEAD" || got.status == 204 || got.status == 307) {
      EXPECT_EQ(got.body, "");
    } else if (got.status == 200 && got.header("Content-Type") == "text/html; charset=utf-8") {
      EXPECT_TRUE(is_utf8(got.body));
    } else {
      EXPECT_EQ(got.header("Content-Type"), "application/json");
      const auto value = parse_strictly(got.body);
      ASSERT_TRUE(value) << got.body;
      EXPECT_EQ(value->is_object() && value->contains("detail"), got.status >= 400) << got.body;
    }
  }

  // What a change answered is what is there.
  void expect_readable(const http_response& changed) {
    const auto row = json::parse(changed.body);
    const auto read = answer({"GET", "/items/" + row["id"].dump(), {}, {}});
    EXPECT_EQ(read.status, 200);
    EXPECT_EQ(read.body, changed.body);
  }

  test_database database_ = postgres::instance().create_database();
  running_service service_{{"--db.uri=" + database_.uri}};
  http_client client_ = service_.client();
};

TEST_F(PropertyTest, AnyRequestGetsAProperAnswer) {
  const int count = 3000 * size();
  // For other requests than the usual ones.
  const char* const wanted = std::getenv("TROUPE_PROPERTY_SEED");
  const std::uint64_t seed = wanted ? std::stoull(wanted) : 1;
  generator requests{seed, read_cases(TROUPE_CASES)};
  std::array<int, 6> by_class{};
  int created = 0;
  for (int i = 0; i < count && !HasFailure(); ++i) {
    const auto what = requests.next();
    SCOPED_TRACE("TROUPE_PROPERTY_SEED=" + std::to_string(seed) + ", request " + std::to_string(i) + ": " +
                 testing::PrintToString(what.bytes()));
    try {
      const auto got = answer(what);
      expect_proper(what, got);
      if (HasFailure()) break;
      ++by_class[static_cast<std::size_t>(got.status / 100)];
      const bool changed = what.method == "PUT" || what.method == "PATCH";
      if (got.status == 201 || (got.status == 200 && changed)) {
        ++created;
        expect_readable(got);
      }
    } catch (const std::exception& failed) {
      ADD_FAILURE() << failed.what();
    }
  }
  // All kinds of answers, or the generator is no good.
  if (HasFailure()) return;
  EXPECT_GT(created, count / 30);
  EXPECT_GT(by_class[2], count / 20);
  EXPECT_GT(by_class[3], count / 200);
  EXPECT_GT(by_class[4], count / 5);
}

}  // namespace
}  // namespace troupe::test
