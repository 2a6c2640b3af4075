// Routes to operations: parameters, bodies and every status that can come back.
#include "http/openapi.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "http/errors.hpp"
#include "http/idempotency.hpp"
#include "http/openapi_schemas.hpp"
#include "http/parameters.hpp"
#include "http/resource_api.hpp"
#include "http/status.hpp"

namespace troupe::http {

namespace {

using json = nlohmann::ordered_json;

constexpr auto service_description =
    "A REST service for PostgreSQL.\n\n"
    "Every error is JSON: `detail` is a sentence or, with status 422, the list of what is wrong. "
    "HEAD is answered wherever GET is, OPTIONS everywhere with the methods allowed. "
    "A URL that is too long is answered 414, headers that are too long 431.";

/// What can be done with a resource, by method and kind of path.
struct operation {
  std::string_view method;
  /// Whether the path names one row.
  bool on_row;
  std::string_view verb;
  std::string_view description;
  int success;
  /// The suffix of the body's schema; empty for no body.
  std::string_view body = {};
};

constexpr std::array operations{
    operation{"POST", false, "create", "Adds a row; the database gives it its key.", 201, "Create"},
    operation{"GET", false, "read", "Lists rows in the order of their keys.", 200},
    operation{"GET", true, "read", "Returns the row with this key.", 200},
    operation{"PUT", true, "replace", "Sets all fields; one that may be null becomes null if it is absent.",
              200, "Create"},
    operation{"PATCH", true, "update", "Sets the fields that are given and leaves the others as they are.",
              200, "Update"},
    operation{"DELETE", true, "delete", "Removes the row with this key.", 204},
};

/// A route that belongs to a resource, and what it does.
struct described_route {
  const route* at;
  const operation* does;
};

std::string collection_path(const described_resource& resource) { return "/" + resource.name + "/"; }

std::vector<described_route> routes_of(const described_resource& resource, const std::vector<route>& routes) {
  const auto collection = collection_path(resource);
  std::vector<described_route> out;
  for (const auto& each : routes) {
    const bool on_row = each.path.starts_with(collection + "{");
    if (!on_row && each.path != collection) continue;
    const auto* does = std::find_if(operations.begin(), operations.end(), [&](const operation& candidate) {
      return candidate.method == each.method && candidate.on_row == on_row;
    });
    if (does != operations.end()) out.push_back({&each, does});
  }
  return out;
}

// create_item, read_items
std::string function_name(const described_resource& resource, const operation& does) {
  const bool many = !does.on_row && does.method == "GET";
  return std::string{does.verb} + "_" + (many ? resource.name : resource.singular);
}

// As FastAPI does: create_item_items__post
std::string operation_id(const described_resource& resource, const described_route& where) {
  auto out = function_name(resource, *where.does) + where.at->path + "_" + std::string{where.does->method};
  for (char& c : out) {
    const auto letter = static_cast<unsigned char>(c);
    c = std::isalnum(letter) != 0 ? static_cast<char>(std::tolower(letter)) : '_';
  }
  return out;
}

bool changes(const operation& does) { return does.method != "GET"; }

json json_content(json schema) { return {{"application/json", {{"schema", std::move(schema)}}}}; }

std::string parameter_of(const std::string& path) {
  const auto brace = path.find('{');
  return path.substr(brace + 1, path.size() - brace - 2);
}

json key_parameter(const std::string& path) {
  const auto name = parameter_of(path);
  auto schema = integer_schema();
  schema["title"] = title_of(name);
  return {{"name", name}, {"in", "path"}, {"required", true}, {"schema", std::move(schema)}};
}

json query_parameter(const integer_parameter& parameter) {
  auto schema = integer_schema();
  schema.update({{"minimum", parameter.minimum},
                 {"maximum", parameter.maximum},
                 {"default", parameter.fallback},
                 {"title", title_of(parameter.name)}});
  return {{"name", parameter.name},
          {"in", "query"},
          {"required", false},
          {"description", parameter.description},
          {"schema", std::move(schema)}};
}

json idempotency_parameter() {
  return {
      {"name", idempotency_header},
      {"in", "header"},
      {"required", false},
      {"description",
       "With a key of the client's choice the change is made once, however often it is sent; a repeat "
       "gets the first answer, with " +
           std::string{idempotency_replayed_header} + ": true."},
      {"schema", {{"type", "string"}, {"maxLength", max_idempotency_key}, {"title", idempotency_header}}}};
}

json error_response(int status) {
  return {{"description", status_line(status).substr(4)},
          {"content", json_content(schema_reference("Error"))}};
}

// Described by the very answer that a client would get.
json error_response(const db::error& what) {
  const auto answer = response_for(what);
  auto out = error_response(answer.status);
  out["content"]["application/json"]["example"] = json::parse(answer.body);
  for (const auto& [name, value] : answer.headers)
    out["headers"][std::string{name}] = {{"description", "Seconds to wait before another try."},
                                         {"required", true},
                                         {"schema", {{"type", "integer"}}},
                                         {"example", json::parse(value)}};
  return out;
}

json success_response(const described_resource& resource, const described_route& where) {
  json out{{"description", "Successful Response"}};
  const auto row = schema_reference(schema_name(resource, "Response"));
  if (where.does->success == 204) return out;
  if (where.does->on_row || where.does->method != "GET") {
    out["content"] = json_content(row);
  } else {
    out["content"] = json_content({{"type", "array"},
                                   {"items", row},
                                   {"title", "Response " + title_of(operation_id(resource, where))}});
  }
  return out;
}

// What can be done with a row that was just created.
json links_to_row(const described_resource& resource, const std::vector<described_route>& routes) {
  const auto key = std::find_if(resource.columns.begin(), resource.columns.end(),
                                [](const described_column& column) { return column.is_key; });
  auto out = json::object();
  for (const auto& each : routes)
    if (each.does->on_row)
      out[function_name(resource, *each.does)] = {
          {"operationId", operation_id(resource, each)},
          {"parameters", {{parameter_of(each.at->path), "$response.body#/" + std::string{key->name}}}}};
  return out;
}

json responses(const described_resource& resource, const described_route& where,
               const std::vector<described_route>& all) {
  const auto& does = *where.does;
  json out;
  auto& success = out[std::to_string(does.success)] = success_response(resource, where);
  if (does.success == 201) success["links"] = links_to_row(resource, all);
  if (changes(does)) out["400"] = error_response(400);
  if (does.on_row) out["404"] = error_response(resource.missing);
  if (!does.body.empty()) out["413"] = error_response(413);
  out["422"] = {{"description", "Validation Error"},
                {"content", json_content(schema_reference("HTTPValidationError"))}};
  out["503"] = error_response(db::error{db::errc::unavailable, {}});
  out["504"] =
      error_response(db::error{changes(does) ? db::errc::deadline_unknown : db::errc::deadline_exceeded, {}});
  return out;
}

json describe_operation(const described_resource& resource, const described_route& where,
                        const std::vector<described_route>& all, const settings& settings) {
  const auto& does = *where.does;
  json out{{"tags", json::array({resource.name})},
           {"summary", title_of(function_name(resource, does))},
           {"description", does.description},
           {"operationId", operation_id(resource, where)}};
  if (does.on_row) out["parameters"].push_back(key_parameter(where.at->path));
  if (changes(does)) {
    out["parameters"].push_back(idempotency_parameter());
  } else if (!does.on_row) {
    for (const auto& each : list_parameters(settings)) out["parameters"].push_back(query_parameter(each));
  }
  if (!does.body.empty())
    out["requestBody"] = {{"required", true},
                          {"content", json_content(schema_reference(schema_name(resource, does.body)))}};
  out["responses"] = responses(resource, where, all);
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::string openapi_document(const std::vector<described_resource>& resources,
                             const std::vector<route>& routes, const settings& settings) {
  auto tags = json::array();
  auto paths = json::object();
  auto schemas = error_schemas();
  for (const auto& resource : resources) {
    tags.push_back(
        {{"name", resource.name}, {"description", "The rows of the table " + resource.name + "."}});
    add_schemas(schemas, resource);
    const auto own = routes_of(resource, routes);
    for (const auto& each : own)
      paths[each.at->path][lower(each.at->method)] = describe_operation(resource, each, own, settings);
  }
  return json{{"openapi", "3.1.0"},
              {"info",
               {{"title", "Troupe"},
                {"description", service_description},
                {"license", {{"name", "MIT"}, {"identifier", "MIT"}}},
                {"version", TROUPE_VERSION}}},
              {"servers", json::array({{{"url", "/"}}})},
              // Says that no operation asks for credentials.
              {"security", json::array()},
              {"tags", std::move(tags)},
              {"paths", std::move(paths)},
              {"components", {{"schemas", std::move(schemas)}}}}
      .dump();
}

}  // namespace troupe::http
