// Serves the description as JSON and as pages whose every part comes from this program.
#include "http/docs.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "http/errors.hpp"
#include "http/location.hpp"

namespace troupe::http {

namespace {

// Both programs write style elements; Redoc searches in a worker made of a blob; icons are data URLs.
constexpr std::string_view content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

// A name in braces stands for the path of that asset.
constexpr std::string_view swagger_page = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Troupe - Swagger UI</title>
<link rel="icon" type="image/png" href="{favicon-32x32.png}">
<link rel="stylesheet" href="{swagger-ui.css}">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{swagger-ui-bundle.js}"></script>
<script src="{start-swagger-ui.js}"></script>
</body>
</html>
)";

constexpr std::string_view redoc_page = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Troupe - Redoc</title>
<link rel="icon" type="image/png" href="{favicon-32x32.png}">
<style>body { margin: 0; }</style>
</head>
<body>
<redoc spec-url="/openapi.json"></redoc>
<script src="{redoc.standalone.js}"></script>
</body>
</html>
)";

constexpr std::string_view plain_page = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Troupe</title>
</head>
<body>
<h1>Troupe</h1>
<p>The API is described by <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).</p>
<p>This program was built without the pages that show it: install npm, make sure that it reaches its
registry, and build again with <code>cmake -DTROUPE_DOCS=ON</code>, which says what is missing.</p>
</body>
</html>
)";

std::string with_paths(std::string_view page, std::span<const docs_asset> assets) {
  std::string out{page};
  for (const auto& each : assets) {
    const auto mark = "{" + std::string{each.name} + "}";
    if (const auto at = out.find(mark); at != std::string::npos) out.replace(at, mark.size(), each.path);
  }
  return out;
}

// Whether an Accept-Encoding header allows gzip: "gzip, br", but not "gzip;q=0".
bool takes_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const auto coding = accept_encoding.substr(0, accept_encoding.find(','));
    accept_encoding.remove_prefix(std::min(coding.size() + 1, accept_encoding.size()));
    if (coding.find("gzip") == std::string_view::npos) continue;
    const auto quality = coding.find("q=");
    return quality == std::string_view::npos ||
           coding.find_first_of("123456789", quality) != std::string_view::npos;
  }
  return false;
}

response asset_response(const docs_asset& asset, const exchange& what) {
  const bool gzip = takes_gzip(what.header("Accept-Encoding"));
  response out{200,
               asset.media_type,
               std::string{gzip ? asset.gzipped : asset.content},
               {{"Cache-Control", "public, max-age=31536000, immutable"}, {"Vary", "Accept-Encoding"}}};
  if (gzip) out.headers.emplace_back("Content-Encoding", "gzip");
  return out;
}

route page(std::string path, std::string html) {
  return {"GET", std::move(path), [html = std::move(html)](const exchange_ptr& what, const std::string&) {
            what->answer({200,
                          "text/html; charset=utf-8",
                          html,
                          {{"Cache-Control", "no-cache"},
                           {"Content-Security-Policy", std::string{content_security_policy}}}});
          }};
}

// People are shown the way; a program gets what any unknown path gives.
void answer_root(const exchange_ptr& what, const std::string&) {
  const bool reads = what->method() == "GET" || what->method() == "HEAD";
  if (!reads || what->header("Accept").find("text/html") == std::string_view::npos)
    return what->answer(plain_error(404, "Not Found"));
  what->answer({307, {}, {}, {{"Location", location_of(*what, "/docs")}, {"Vary", "Accept"}}});
}

}  // namespace

route_source docs(const std::vector<described_resource>& resources, const settings& settings,
                  std::span<const docs_asset> assets) {
  return [resources, settings, assets](router& routes, front_actor::pointer) {
    routes.add({"GET", "/openapi.json",
                [document = openapi_document(resources, routes.routes(), settings)](const exchange_ptr& what,
                                                                                    const std::string&) {
                  what->answer({200, json_media_type, document, {}});
                }});
    // For all but browsers there is nothing here, whatever the method.
    for (const auto* method : {"GET", "POST", "PUT", "PATCH", "DELETE"})
      routes.add({method, "/", answer_root});
    routes.add(page("/docs", assets.empty() ? std::string{plain_page} : with_paths(swagger_page, assets)));
    routes.add(page("/redoc", assets.empty() ? std::string{plain_page} : with_paths(redoc_page, assets)));
    for (const auto& each : assets)
      routes.add({"GET", std::string{each.path}, [each](const exchange_ptr& what, const std::string&) {
                    what->answer(asset_response(each, *what));
                  }});
  };
}

}  // namespace troupe::http
