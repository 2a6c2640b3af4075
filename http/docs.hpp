// The pages that describe the service: /openapi.json, /docs (Swagger UI), /redoc, and the way to them.
#pragma once

#include <span>
#include <vector>

#include "http/docs_assets.hpp"
#include "http/front.hpp"
#include "http/openapi.hpp"
#include "http/settings.hpp"

namespace troupe::http {

/// The routes of the pages. They describe the routes added before them. Without assets the pages say
/// how to get them.
route_source docs(const std::vector<described_resource>& resources, const settings& settings,
                  std::span<const docs_asset> assets);

}  // namespace troupe::http
