// Which route a method and a path lead to.
#include "http/router.hpp"

#include <gtest/gtest.h>

namespace troupe::http {
namespace {

class router_test : public testing::Test {
 protected:
  router_test() {
    for (const auto& [method, path] :
         std::vector<std::pair<std::string, std::string>>{{"GET", "/items/"},
                                                          {"POST", "/items/"},
                                                          {"GET", "/items/{item_id}"},
                                                          {"PUT", "/items/{item_id}"},
                                                          {"DELETE", "/items/{item_id}"},
                                                          {"GET", "/docs"},
                                                          {"POST", "/jobs"}})
      routes.add({method, path, {}});
  }

  /// "METHOD path parameter" of the route found, "-> path" of a redirect, "allow: ..." or "nothing".
  std::string resolve(std::string_view method, std::string_view path) const {
    const auto where = routes.resolve(method, path);
    if (const auto* it = std::get_if<found>(&where))
      return it->to->method + " " + it->to->path + " " + it->parameter;
    if (const auto* it = std::get_if<redirect>(&where)) return "-> " + it->path;
    if (const auto* it = std::get_if<wrong_method>(&where)) return "allow: " + it->allow;
    return "nothing";
  }

  router routes;
};

TEST_F(router_test, finds_a_fixed_path_by_its_method) {
  EXPECT_EQ(resolve("GET", "/items/"), "GET /items/ ");
  EXPECT_EQ(resolve("POST", "/items/"), "POST /items/ ");
  EXPECT_EQ(resolve("GET", "/docs"), "GET /docs ");
}

TEST_F(router_test, hands_over_the_last_segment_as_it_is) {
  EXPECT_EQ(resolve("GET", "/items/7"), "GET /items/{item_id} 7");
  EXPECT_EQ(resolve("DELETE", "/items/a b?c{}"), "DELETE /items/{item_id} a b?c{}");
  EXPECT_EQ(resolve("PUT", "/items/{item_id}"), "PUT /items/{item_id} {item_id}");
}

TEST_F(router_test, answers_head_as_get) {
  EXPECT_EQ(resolve("HEAD", "/items/7"), "GET /items/{item_id} 7");
  EXPECT_EQ(resolve("HEAD", "/items/"), "GET /items/ ");
  EXPECT_EQ(resolve("HEAD", "/jobs"), "allow: POST, OPTIONS");
}

TEST_F(router_test, lists_every_method_of_a_path_that_has_not_this_one) {
  EXPECT_EQ(resolve("PATCH", "/items/"), "allow: GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(resolve("POST", "/items/7"), "allow: GET, HEAD, PUT, DELETE, OPTIONS");
  EXPECT_EQ(resolve("OPTIONS", "/jobs"), "allow: POST, OPTIONS");
  EXPECT_EQ(resolve("get", "/docs"), "allow: GET, HEAD, OPTIONS");
}

TEST_F(router_test, redirects_to_the_path_with_the_right_trailing_slash) {
  EXPECT_EQ(resolve("GET", "/items"), "-> /items/");
  EXPECT_EQ(resolve("GET", "/items/7/"), "-> /items/7");
  EXPECT_EQ(resolve("GET", "/items/7///"), "-> /items/7");
  EXPECT_EQ(resolve("GET", "/docs/"), "-> /docs");
  // Whatever the method: the answer there says what is allowed.
  EXPECT_EQ(resolve("DELETE", "/docs/"), "-> /docs");
}

TEST_F(router_test, knows_no_other_paths) {
  for (const auto* path : {"", "/", "//", "*", "/item/", "/items//", "/items//7", "/items/7/8", "/Items/",
                           "items/", "/items/7/8/", "/itemsx"})
    EXPECT_EQ(resolve("GET", path), "nothing") << path;
}

TEST_F(router_test, knows_nothing_without_routes) {
  routes = {};
  EXPECT_EQ(resolve("GET", "/items/"), "nothing");
}

}  // namespace
}  // namespace troupe::http
