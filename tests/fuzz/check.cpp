// How a fuzz target says that something does not hold, and what holds for every refusal.
#include "tests/fuzz/check.hpp"

#include <cstdlib>
#include <iostream>

#include "tests/fuzz/valid_json.hpp"

namespace troupe::test {

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::cerr << "does not hold: " << what << std::endl;
  std::abort();
}

nlohmann::json require_json(std::string_view text) {
  auto value = parse_strictly(text);
  if (!value) std::cerr << text << '\n';
  require(value.has_value(), "the text is valid JSON");
  return *std::move(value);
}

void require_refusal(const http::rejection& refusal, std::string_view part) {
  const auto body = require_json(http::body_of(refusal));
  require(body.is_object() && body.size() == 1 && body.contains("detail"), "a refusal has a detail only");
  const auto& detail = body["detail"];
  if (refusal.problems.empty()) {
    require(refusal.status == 400, "a refusal without problems has status 400");
    require(detail.is_string() && !detail.empty(), "a refusal without problems is a sentence");
    return;
  }
  require(refusal.status == 422, "problems have status 422");
  require(detail.is_array() && detail.size() == refusal.problems.size(), "all problems are told");
  for (const auto& each : detail) {
    require(each.is_object() && each.contains("input"), "a problem shows its input");
    require(each["type"].is_string() && !each["type"].empty(), "a problem has a type");
    require(each["msg"].is_string() && !each["msg"].empty(), "a problem has a message");
    require(each["loc"].is_array() && !each["loc"].empty() && each["loc"][0] == part,
            "a problem has a place");
    require(!each.contains("ctx") || each["ctx"].is_object(), "further facts are an object");
  }
}

}  // namespace troupe::test
