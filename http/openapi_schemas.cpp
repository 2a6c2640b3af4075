// Columns to JSON Schema, in the form that FastAPI gives it.
#include "http/openapi_schemas.hpp"

#include <cctype>
#include <limits>

namespace troupe::http {

namespace {

using json = nlohmann::ordered_json;

// PostgreSQL holds any character but NUL.
constexpr auto text_pattern = R"(^[^\u0000]*$)";

json type_of(const described_column& column) {
  using limits = std::numeric_limits<std::int64_t>;
  switch (column.of) {
    case described_column::type::boolean: return {{"type", "boolean"}};
    case described_column::type::integer: {
      auto out = integer_schema();
      if (!column.is_key) out.update({{"minimum", limits::min()}, {"maximum", limits::max()}});
      return out;
    }
    case described_column::type::text: break;
  }
  json out{{"type", "string"}, {"pattern", text_pattern}};
  if (column.min_length > 0) out["minLength"] = column.min_length;
  if (column.max_length > 0) out["maxLength"] = column.max_length;
  return out;
}

json property(const described_column& column) {
  json out;
  if (column.is_nullable) {
    out["anyOf"] = json::array({type_of(column), {{"type", "null"}}});
  } else {
    out = type_of(column);
  }
  out["title"] = title_of(column.name);
  const std::string_view description = column.description;
  if (!description.empty()) out["description"] = description;
  const std::string_view example = column.example;
  if (!example.empty()) out["examples"] = json::array({json::parse(example)});
  return out;
}

enum class keys { without, with };
enum class fields { may_be_absent, required };

json object_schema(const std::string& name, const described_resource& resource, keys which, fields rule) {
  auto properties = json::object();
  auto required = json::array();
  for (const auto& column : resource.columns) {
    if (column.is_key && which == keys::without) continue;
    properties[column.name] = property(column);
    if (!column.is_nullable && rule == fields::required) required.push_back(column.name);
  }
  json out{{"properties", std::move(properties)}, {"type", "object"}};
  if (!required.empty()) out["required"] = std::move(required);
  out["title"] = name;
  return out;
}

}  // namespace

std::string title_of(std::string_view name) {
  std::string out{name};
  bool starts_word = true;
  for (char& c : out) {
    const auto letter = static_cast<unsigned char>(c);
    if (starts_word) c = static_cast<char>(std::toupper(letter));
    starts_word = std::isalpha(letter) == 0;
    if (c == '_') c = ' ';
  }
  return out;
}

std::string schema_name(const described_resource& resource, std::string_view suffix) {
  auto out = title_of(resource.singular);
  std::erase(out, ' ');
  return out.append(suffix);
}

json schema_reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }

json integer_schema() { return {{"type", "integer"}, {"format", "int64"}}; }

void add_schemas(json& schemas, const described_resource& resource) {
  const auto add = [&](std::string_view suffix, keys which, fields rule) {
    const auto name = schema_name(resource, suffix);
    schemas[name] = object_schema(name, resource, which, rule);
  };
  add("Create", keys::without, fields::required);
  add("Update", keys::without, fields::may_be_absent);
  add("Response", keys::with, fields::required);
}

json error_schemas() {
  return json::parse(R"({
    "HTTPValidationError": {
      "properties": {
        "detail": {"items": {"$ref": "#/components/schemas/ValidationError"}, "type": "array", "title": "Detail"}
      },
      "type": "object",
      "title": "HTTPValidationError"
    },
    "ValidationError": {
      "properties": {
        "loc": {
          "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
          "type": "array",
          "title": "Location",
          "description": "Where: the part of the request, then names and positions within it."
        },
        "msg": {"type": "string", "title": "Message", "description": "One sentence for people."},
        "type": {"type": "string", "title": "Error Type", "description": "The name of the fault."},
        "input": {"title": "Input", "description": "The value at fault, as it came."},
        "ctx": {"type": "object", "title": "Context", "description": "Further facts, such as a bound."}
      },
      "type": "object",
      "required": ["loc", "msg", "type"],
      "title": "ValidationError"
    },
    "Error": {
      "properties": {
        "detail": {"type": "string", "title": "Detail", "description": "One sentence for people."}
      },
      "type": "object",
      "required": ["detail"],
      "title": "Error"
    }
  })");
}

}  // namespace troupe::http
