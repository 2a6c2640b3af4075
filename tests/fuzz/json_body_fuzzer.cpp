// Fuzzes the reading of a body. Input: the content type, a line feed, the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "db/item.hpp"
#include "http/body.hpp"
#include "http/row_json.hpp"
#include "tests/fuzz/check.hpp"

namespace troupe::test {
namespace {

using db::item_table;
using nlohmann::json;

std::string text_of(const db::item& row) {
  std::string out;
  http::append_json(out, row);
  return out;
}

// What was accepted comes back to the client, and could be sent again.
void require_survival(const db::item& row) {
  const auto text = text_of(row);
  const auto value = require_json(text);
  require(value["name"] == row.get<"name">(), "the name survives");
  const auto& description = row.get<"description">();
  require(value["description"] == (description ? json(*description) : json()), "the description survives");
  require(row.get<"name">().find('\0') == std::string::npos, "the name has no NUL");
  require(!description || description->find('\0') == std::string::npos, "the description has no NUL");
  const auto again = http::read_whole<item_table>("application/json", text);
  require(again.has_value(), "what was sent back is accepted");
  require(again->get<"name">() == row.get<"name">() && again->get<"description">() == description,
          "what was sent back is the same");
}

bool only_missing(const http::rejection& refusal) {
  return !refusal.problems.empty() && std::all_of(refusal.problems.begin(), refusal.problems.end(),
                                                  [](const auto& each) { return each.type == "missing"; });
}

void check_rows(std::string_view content_type, std::string_view body) {
  const auto whole = http::read_whole<item_table>(content_type, body);
  const auto partial = http::read_partial<item_table>(content_type, body);
  if (!partial) require_refusal(partial.error(), "body");
  if (whole) {
    require_survival(*whole);
    require(partial.has_value(), "what is a whole row is a partial one");
    require(partial->row.get<"name">() == whole->get<"name">(), "both find the same name");
    require(partial->row.get<"description">() == whole->get<"description">(),
            "both find the same description");
    require((partial->given & 1) != 0, "a whole row gives the name");
  } else {
    require_refusal(whole.error(), "body");
    require(!partial || only_missing(whole.error()), "a partial row may lack what a whole one may not");
  }
}

// The members that our writer leaves out.
void erase_sqlalchemy_keys(json& value) {
  if (value.is_object()) {
    for (auto at = value.begin(); at != value.end();)
      at = at.key().starts_with("_sa") ? value.erase(at) : ++at;
  }
  if (value.is_structured()) {
    for (auto& each : value) erase_sqlalchemy_keys(each);
  }
}

// Ours takes more than the strict parser, but nothing less and nothing else.
void check_against_strict_parser(std::string_view body) {
  const auto ours = http::parse_json(body);
  std::string text;
  if (ours) {
    http::append_json(text, *ours);
    require_json(text);
  }
  // For nlohmann a NUL ends the text.
  if (body.find('\0') != body.npos) return;
  auto theirs = json::parse(body, nullptr, false);
  if (theirs.is_discarded()) return;
  if (!ours) {
    require(!ours.error().is_syntax_error(), "valid JSON is no syntax error");
    return;
  }
  erase_sqlalchemy_keys(theirs);
  require(json::parse(text) == theirs, "both parsers find the same value");
}

}  // namespace
}  // namespace troupe::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const auto line = std::min(input.find('\n'), input.size());
  const auto body = input.substr(std::min(line + 1, input.size()));
  troupe::test::check_rows(input.substr(0, line), body);
  troupe::test::check_against_strict_parser(body);
  return 0;
}
