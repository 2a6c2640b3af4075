// The pages of the description: their routes, headers and files, with assets and without.
#include "http/docs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "db/item.hpp"
#include "http/resource_api.hpp"
#include "tests/http/fake_exchange.hpp"

namespace troupe::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::array assets{
    docs_asset{"swagger-ui.css", "/docs/assets/swagger-ui.1.css", "text/css", "plain css", "packed css"},
    docs_asset{"swagger-ui-bundle.js", "/docs/assets/swagger-ui-bundle.2.js", "text/javascript", "js",
               "packed js"},
    docs_asset{"redoc.standalone.js", "/docs/assets/redoc.standalone.3.js", "text/javascript", "js",
               "packed js"},
};

class docs_test : public ::testing::Test {
 protected:
  void start(std::span<const docs_asset> with) {
    resource_api<db::item_table>({}, {})(routes_, nullptr);
    docs({describe<db::item_table>()}, {}, with)(routes_, nullptr);
  }

  // The answer to a GET with these headers beside the usual.
  test::fake_ptr get(const std::string& path, const std::map<std::string, std::string>& headers = {}) {
    auto what = std::make_shared<test::fake_exchange>("GET", path);
    for (const auto& [name, value] : headers) what->headers[name] = value;
    const auto where = routes_.resolve("GET", path);
    const auto* match = std::get_if<found>(&where);
    if (match == nullptr) throw std::out_of_range{path};
    match->to->handle(what, match->parameter);
    return what;
  }

  router routes_;
};

TEST_F(docs_test, serves_the_description_of_the_routes_before_it) {
  start(assets);
  const auto answer = get("/openapi.json");
  EXPECT_EQ(answer->status(), 200);
  EXPECT_EQ(answer->written->media_type, json_media_type);
  const auto document = nlohmann::json::parse(answer->answer_body());
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_TRUE(document["paths"].contains("/items/{item_id}"));
}

TEST_F(docs_test, pages_name_their_assets) {
  start(assets);
  const auto swagger = get("/docs");
  EXPECT_EQ(swagger->status(), 200);
  EXPECT_EQ(swagger->written->media_type, "text/html; charset=utf-8");
  EXPECT_THAT(swagger->answer_body(), HasSubstr("<title>"));
  EXPECT_THAT(swagger->answer_body(), HasSubstr(R"(href="/docs/assets/swagger-ui.1.css")"));
  EXPECT_THAT(swagger->answer_body(), HasSubstr(R"(src="/docs/assets/swagger-ui-bundle.2.js")"));
  const auto redoc = get("/redoc");
  EXPECT_THAT(redoc->answer_body(), HasSubstr(R"(src="/docs/assets/redoc.standalone.3.js")"));
  EXPECT_THAT(redoc->answer_body(), HasSubstr("/openapi.json"));
}

TEST_F(docs_test, pages_load_nothing_from_elsewhere) {
  start(assets);
  for (const auto* path : {"/docs", "/redoc"}) {
    const auto answer = get(path);
    EXPECT_THAT(answer->answer_body(), Not(HasSubstr("//")));
    EXPECT_THAT(answer->answer_header("Content-Security-Policy"),
                HasSubstr("default-src 'none'; script-src 'self'"));
  }
}

TEST_F(docs_test, assets_may_be_cached_for_ever) {
  start(assets);
  const auto answer = get("/docs/assets/swagger-ui.1.css");
  EXPECT_EQ(answer->status(), 200);
  EXPECT_EQ(answer->written->media_type, "text/css");
  EXPECT_EQ(answer->answer_body(), "plain css");
  EXPECT_EQ(answer->answer_header("Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(answer->answer_header("Content-Encoding"), "(none)");
  EXPECT_EQ(answer->answer_header("Vary"), "Accept-Encoding");
}

TEST_F(docs_test, assets_are_compressed_for_who_takes_it) {
  start(assets);
  const auto body = [&](const std::string& accepted) {
    const auto answer = get("/docs/assets/swagger-ui.1.css", {{"Accept-Encoding", accepted}});
    EXPECT_EQ(answer->answer_header("Content-Encoding") == "gzip", answer->answer_body() == "packed css");
    return answer->answer_body();
  };
  for (const auto* yes : {"gzip", "deflate, gzip, br", "br;q=1, gzip;q=0.5", "gzip;q=1"})
    EXPECT_EQ(body(yes), "packed css") << yes;
  for (const auto* no : {"", "br", "identity", "gzip;q=0", "gzip;q=0.0, br"})
    EXPECT_EQ(body(no), "plain css") << no;
}

TEST_F(docs_test, root_leads_a_browser_to_the_pages) {
  start(assets);
  const auto browser = get("/", {{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}});
  EXPECT_EQ(browser->status(), 307);
  EXPECT_EQ(browser->answer_header("Location"), "http://example.org:8080/docs");
  EXPECT_EQ(browser->answer_body(), "");
}

TEST_F(docs_test, root_is_not_found_by_programs) {
  start(assets);
  for (const auto* accept : {"", "*/*", "application/json"}) {
    const auto program = get("/", {{"Accept", accept}});
    EXPECT_EQ(program->status(), 404);
    EXPECT_EQ(program->answer_body(), R"({"detail":"Not Found"})");
  }
}

TEST_F(docs_test, router_refuses_and_redirects_as_elsewhere) {
  start(assets);
  EXPECT_EQ(std::get<wrong_method>(routes_.resolve("POST", "/openapi.json")).allow, "GET, HEAD, OPTIONS");
  EXPECT_EQ(std::get<redirect>(routes_.resolve("GET", "/docs/")).path, "/docs");
  EXPECT_TRUE(std::holds_alternative<found>(routes_.resolve("HEAD", "/docs/assets/swagger-ui.1.css")));
  EXPECT_TRUE(std::holds_alternative<nothing_found>(routes_.resolve("GET", "/docs/assets/other.css")));
}

TEST_F(docs_test, without_assets_the_pages_say_how_to_get_them) {
  start({});
  for (const auto* path : {"/docs", "/redoc"}) {
    const auto answer = get(path);
    EXPECT_EQ(answer->status(), 200);
    EXPECT_THAT(answer->answer_body(), HasSubstr("npm"));
    EXPECT_THAT(answer->answer_body(), HasSubstr(R"(href="/openapi.json")"));
  }
}

TEST_F(docs_test, built_in_assets_fill_the_pages) {
  const auto built_in = docs_assets();
  if (built_in.empty()) GTEST_SKIP() << "built without assets";
  start(built_in);
  for (const auto* path : {"/docs", "/redoc"}) EXPECT_THAT(get(path)->answer_body(), Not(HasSubstr("\"{")));
  for (const auto& each : built_in) {
    EXPECT_EQ(get(std::string{each.path})->answer_body(), each.content);
    EXPECT_THAT(std::string{each.gzipped}, ::testing::StartsWith("\x1f\x8b")) << each.name;
  }
}

}  // namespace
}  // namespace troupe::http
