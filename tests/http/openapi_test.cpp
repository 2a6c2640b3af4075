// The OpenAPI document: all that the reference has, all routes, and whatever a table declares.
#include "http/openapi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "db/item.hpp"
#include "http/resource_api.hpp"

namespace troupe::http {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

struct shelf_table {
  static constexpr const char* name = "shelves";
  static constexpr const char* singular = "book_shelf";
  static constexpr auto columns = std::tuple{
      db::generated_key{.name = "shelf_no"},
      db::column<std::string>{.name = "label", .min_length = 1, .max_length = 20},
      db::column<std::int64_t>{.name = "width", .description = "In millimetres.", .example = "800"},
      db::column<std::optional<bool>>{{.name = "is_full"}},
  };
};

std::vector<route> item_routes(const settings& with) {
  router routes;
  resource_api<db::item_table>({}, with)(routes, nullptr);
  return routes.routes();
}

json item_document(const settings& with = {}) {
  return json::parse(openapi_document({describe<db::item_table>()}, item_routes(with), with));
}

json shelf_document() {
  const handler nothing = [](const exchange_ptr&, const std::string&) {};
  auto routes = item_routes({});
  routes.push_back({"POST", "/shelves/", nothing});
  routes.push_back({"GET", "/shelves/{book_shelf_id}", nothing});
  return json::parse(openapi_document({describe<db::item_table>(), describe<shelf_table>()}, routes, {}));
}

std::string path_to(const std::string& where, const std::string& step) {
  return std::string{where}.append("/").append(step);
}

// Adds to `missing` where the reference has something that the document has not.
void compare(const json& reference, const json& document, const std::string& where,
             std::set<std::string>& missing) {
  if (reference.is_object() && document.is_object()) {
    for (const auto& [key, value] : reference.items()) {
      if (document.contains(key)) {
        compare(value, document[key], path_to(where, key), missing);
      } else {
        missing.insert(path_to(where, key));
      }
    }
  } else if (reference.is_array() && document.is_array() && reference.size() == document.size()) {
    for (std::size_t i = 0; i < reference.size(); ++i)
      compare(reference[i], document[i], path_to(where, std::to_string(i)), missing);
  } else if (reference != document) {
    missing.insert(where + ": " + reference.dump() + " is " + document.dump());
  }
}

TEST(openapi, holds_all_that_the_reference_holds) {
  std::ifstream file{TROUPE_OPENAPI_REFERENCE};
  auto reference = json::parse(file);
  // Title and version of the application, which are its own.
  reference.erase("info");
  std::set<std::string> missing;
  compare(reference, item_document(), "", missing);
  EXPECT_THAT(missing, IsEmpty());
}

TEST(openapi, describes_every_route_and_nothing_else) {
  std::set<std::pair<std::string, std::string>> routes;
  for (const auto& each : item_routes({})) routes.emplace(each.path, each.method);
  std::set<std::pair<std::string, std::string>> described;
  const auto document = item_document();
  for (const auto& [path, operations] : document["paths"].items())
    for (const auto& [name, operation] : operations.items()) {
      std::string method;
      for (const char c : name) method += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      described.emplace(path, method);
    }
  EXPECT_EQ(described, routes);
  EXPECT_EQ(described.size(), 6U);
}

TEST(openapi, names_operations_as_fastapi_does) {
  const auto document = item_document();
  std::set<std::string> ids;
  for (const auto& path : document["paths"])
    for (const auto& operation : path) ids.insert(operation["operationId"].get<std::string>());
  EXPECT_THAT(
      ids, UnorderedElementsAre("create_item_items__post", "read_items_items__get",
                                "read_item_items__item_id__get", "replace_item_items__item_id__put",
                                "update_item_items__item_id__patch", "delete_item_items__item_id__delete"));
}

TEST(openapi, states_every_status_of_an_operation) {
  const auto document = item_document();
  const auto statuses = [&](const char* path, const char* method) {
    std::set<std::string> out;
    for (const auto& [status, response] : document["paths"][path][method]["responses"].items())
      out.insert(status);
    return out;
  };
  using all = std::set<std::string>;
  EXPECT_EQ(statuses("/items/", "get"), (all{"200", "422", "503", "504"}));
  EXPECT_EQ(statuses("/items/", "post"), (all{"201", "400", "413", "422", "503", "504"}));
  EXPECT_EQ(statuses("/items/{item_id}", "get"), (all{"200", "404", "422", "503", "504"}));
  EXPECT_EQ(statuses("/items/{item_id}", "put"), (all{"200", "400", "404", "413", "422", "503", "504"}));
  EXPECT_EQ(statuses("/items/{item_id}", "patch"), (all{"200", "400", "404", "413", "422", "503", "504"}));
  EXPECT_EQ(statuses("/items/{item_id}", "delete"), (all{"204", "400", "404", "422", "503", "504"}));
}

TEST(openapi, offers_a_key_with_each_change) {
  const auto document = item_document();
  for (const auto& path : document["paths"])
    for (const auto& [method, operation] : path.items()) {
      const auto parameters = operation.value("parameters", nlohmann::json::array());
      const bool offered = std::any_of(parameters.begin(), parameters.end(), [](const auto& each) {
        return each["name"] == "Idempotency-Key" && each["in"] == "header" && each["required"] == false;
      });
      EXPECT_EQ(offered, method != "get") << method;
    }
}

TEST(openapi, shows_the_errors_that_are_sent) {
  const auto responses = item_document()["paths"]["/items/{item_id}"]["get"]["responses"];
  EXPECT_EQ(responses["404"]["content"]["application/json"]["example"],
            json::parse(R"({"detail":"Item not found"})"));
  const auto of_change = item_document()["paths"]["/items/"]["post"]["responses"];
  const std::string late = of_change["504"]["content"]["application/json"]["example"]["detail"];
  EXPECT_TRUE(late.starts_with("outcome_unknown:")) << late;
  EXPECT_EQ(responses["504"]["content"]["application/json"]["example"]["detail"],
            "The database did not answer in time.");
  EXPECT_EQ(responses["503"]["headers"]["Retry-After"]["schema"]["type"], "integer");
  EXPECT_EQ(responses["503"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Error");
}

TEST(openapi, gives_the_bounds_of_parameters_as_set) {
  settings with;
  with.max_limit = 7;
  const auto document = item_document(with);
  const auto& parameters = document["paths"]["/items/"]["get"]["parameters"];
  EXPECT_EQ(parameters[0]["schema"]["minimum"], 0);
  EXPECT_EQ(parameters[0]["schema"]["maximum"], std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parameters[1]["schema"]["maximum"], 7);
  EXPECT_EQ(parameters[1]["schema"]["default"], 7);
  EXPECT_EQ(document["paths"]["/items/{item_id}"]["get"]["parameters"][0]["schema"]["format"], "int64");
}

TEST(openapi, asks_for_no_field_in_an_update) {
  const auto document = item_document();
  const auto& update = document["components"]["schemas"]["ItemUpdate"];
  EXPECT_FALSE(update.contains("required"));
  EXPECT_TRUE(update["properties"].contains("name"));
  EXPECT_FALSE(update["properties"].contains("id"));
}

TEST(openapi, excludes_nul_from_texts) {
  EXPECT_EQ(item_document()["components"]["schemas"]["ItemCreate"]["properties"]["name"]["pattern"],
            R"(^[^\u0000]*$)");
}

TEST(openapi, describes_a_second_table_by_its_own_declaration) {
  const auto document = shelf_document();
  const auto& schemas = document["components"]["schemas"];
  EXPECT_EQ(schemas["BookShelfCreate"], json::parse(R"({
    "properties": {
      "label": {"type": "string", "pattern": "^[^\\u0000]*$", "minLength": 1, "maxLength": 20, "title": "Label"},
      "width": {"type": "integer", "format": "int64", "minimum": -9223372036854775808,
                "maximum": 9223372036854775807, "title": "Width", "description": "In millimetres.",
                "examples": [800]},
      "is_full": {"anyOf": [{"type": "boolean"}, {"type": "null"}], "title": "Is Full"}
    },
    "type": "object",
    "required": ["label", "width"],
    "title": "BookShelfCreate"
  })"));
  EXPECT_EQ(schemas["BookShelfResponse"]["required"], json::parse(R"(["shelf_no", "label", "width"])"));
  EXPECT_TRUE(schemas.contains("ItemCreate"));

  const auto& create = document["paths"]["/shelves/"]["post"];
  EXPECT_EQ(create["operationId"], "create_book_shelf_shelves__post");
  EXPECT_EQ(create["tags"], json::parse(R"(["shelves"])"));
  EXPECT_EQ(create["responses"]["201"]["links"]["read_book_shelf"]["parameters"]["book_shelf_id"],
            "$response.body#/shelf_no");
  const auto& read = document["paths"]["/shelves/{book_shelf_id}"]["get"];
  EXPECT_EQ(read["parameters"][0]["schema"]["title"], "Book Shelf Id");
  EXPECT_EQ(document["tags"].size(), 2U);
}

}  // namespace
}  // namespace troupe::http
