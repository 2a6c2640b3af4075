// The schemas in the OpenAPI description: what bodies hold.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "http/openapi.hpp"

namespace troupe::http {

/// The title that FastAPI makes of a name: item_id gives Item Id.
std::string title_of(std::string_view name);

/// The name of a resource's schema: item and Create give ItemCreate.
std::string schema_name(const described_resource& resource, std::string_view suffix);

/// A reference to a schema by its name.
nlohmann::ordered_json schema_reference(const std::string& name);

/// The type of a 64-bit integer.
nlohmann::ordered_json integer_schema();

/// Adds the schemas of a resource: <Name>Create, <Name>Update, <Name>Response.
void add_schemas(nlohmann::ordered_json& schemas, const described_resource& resource);

/// The schemas of refusals: HTTPValidationError, ValidationError and Error.
nlohmann::ordered_json error_schemas();

}  // namespace troupe::http
