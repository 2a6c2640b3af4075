// The recorded answers of the FastAPI application that this service replaces, byte for byte, and what
// CONTRACT.md says about `Allow`.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/service/service.hpp"
#include "tests/support/recorded_cases.hpp"

namespace troupe::test {
namespace {

using nlohmann::json;

std::string without_host(const std::string& url) {
  return std::regex_replace(url, std::regex{"^https?://[^/]+"}, "");
}

// The database chooses the key of a new row.
std::string without_key(const std::string& body) {
  return std::regex_replace(body, std::regex{R"("id":\d+\}$)"}, "\"id\":0}");
}

std::string media_type(const std::string& header) { return header.substr(0, header.find(';')); }

// Of a list as in an Allow header.
bool names(const std::string& list, std::string_view method) {
  return (", " + list + ",").find(", " + std::string{method} + ",") != std::string::npos;
}

// The reference names the methods of one route only, Troupe those of all: at least the same.
void expect_all_of(const std::string& reference, const std::string& allow) {
  const std::regex method{"[A-Z]+"};
  for (std::sregex_iterator each{reference.begin(), reference.end(), method}, end; each != end; ++each)
    EXPECT_TRUE(names(allow, each->str())) << each->str() << " is not in " << allow;
}

void replay(http_client& client, const json& recorded) {
  http_headers headers;
  for (const auto& [name, value] : recorded["headers"].items()) headers.emplace_back(name, value);
  std::optional<std::string> body;
  if (!recorded["body_b64"].is_null()) body = from_base64(recorded["body_b64"].get<std::string>());
  const auto& want = recorded["expect"];
  SCOPED_TRACE(recorded["group"].get<std::string>() + ": " + recorded["method"].get<std::string>() + " " +
               recorded["target"].get<std::string>() + " " + body.value_or(""));
  const auto got = client.request(recorded["method"].get<std::string>(),
                                  recorded["target"].get<std::string>(), headers, body);
  EXPECT_EQ(got.status, want["status"]);
  // The reference names the type of a content that is not there.
  const auto type = want["status"] == 204 ? "" : want["headers"].value("content-type", "");
  EXPECT_EQ(media_type(got.header("Content-Type").value_or("")), media_type(type));
  if (want["headers"].contains("location")) {
    EXPECT_EQ(without_host(got.header("Location").value_or("")), without_host(want["headers"]["location"]));
  }
  if (want["headers"].contains("allow")) {
    expect_all_of(want["headers"]["allow"], got.header("Allow").value_or(""));
  }
  const auto expected = want["body"].get<std::string>();
  const bool created = want["status"] == 201;
  EXPECT_EQ(created ? without_key(got.body) : got.body, created ? without_key(expected) : expected);
}

TEST(ContractTest, AnswersAsTheReferenceDid) {
  const auto database = postgres::instance().create_database();
  const running_service service{{"--db.uri=" + database.uri}};
  auto client = service.client();
  for (int i = 1; i <= 25; ++i) {
    const auto number = std::to_string(i);
    const json item{{"name", "item " + number},
                    {"description", i % 5 == 0 ? json{} : json("description of item " + number)}};
    ASSERT_EQ(client.request("POST", "/items/", json_content, item.dump()).status, 201);
  }
  const auto cases = json::parse(std::ifstream{TROUPE_CASES})["cases"];
  ASSERT_GE(cases.size(), 368U);
  // In the order of the file, as they were recorded: later ones see what earlier ones changed.
  for (const auto& each : cases) replay(client, each);
}

// The paths of CONTRACT.md's table of Allow, with the value that it gives each; "" is any path, after a
// first word that is no method.
std::vector<std::pair<std::string, std::string>> promised_allow() {
  std::ifstream contract{TROUPE_CONTRACT};
  const std::regex row{R"(\| (.+) \| `([A-Z]+(?:, [A-Z]+)+)` \|)"};
  const std::regex path{"`(/[^`]*)`"};
  std::vector<std::pair<std::string, std::string>> out;
  for (std::string line; std::getline(contract, line);) {
    std::smatch parts;
    if (!std::regex_match(line, parts, row)) continue;
    const auto paths = parts[1].str();
    if (paths.starts_with("any")) out.emplace_back("", parts[2].str());
    for (std::sregex_iterator each{paths.begin(), paths.end(), path}, end; each != end; ++each)
      out.emplace_back((*each)[1].str(), parts[2].str());
  }
  return out;
}

TEST(ContractTest, AllowsTheMethodsThatItSays) {
  const auto database = postgres::instance().create_database();
  const running_service service{{"--db.uri=" + database.uri}};
  auto client = service.client();
  const auto promised = promised_allow();
  ASSERT_GE(promised.size(), 9U);
  for (const auto& [pattern, allow] : promised) {
    if (pattern.empty()) {
      EXPECT_EQ(client.request("BREW", "/items/").header("Allow"), allow);
      continue;
    }
    const auto path = std::regex_replace(pattern, std::regex{R"(\{\w+\})"}, "1");
    for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}) {
      SCOPED_TRACE(method + " " + path);
      const auto got = client.request(method, path);
      const bool works = names(allow, method);
      EXPECT_EQ(got.status == 405, !works) << got.status;
      EXPECT_EQ(got.header("Allow"), works && method != "OPTIONS" ? std::nullopt : std::optional{allow});
    }
  }
}

}  // namespace
}  // namespace troupe::test
