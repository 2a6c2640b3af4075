// The recorded answers of the FastAPI application that this service replaces, byte for byte.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>

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

}  // namespace
}  // namespace troupe::test
