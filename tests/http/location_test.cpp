// The parts of a request target, and the URL of a redirect.
#include "http/location.hpp"

#include <gtest/gtest.h>

#include "tests/http/fake_exchange.hpp"

namespace troupe::http {
namespace {

std::string location(const std::string& target, std::string_view path,
                     const std::string& host = "example.org:8080") {
  test::fake_exchange what{"GET", target};
  what.headers["Host"] = host;
  return location_of(what, path);
}

TEST(location, the_path_ends_at_the_query) {
  EXPECT_EQ(path_of("/items/"), "/items/");
  EXPECT_EQ(path_of("/items/?skip=1?2"), "/items/");
  EXPECT_EQ(path_of("/items/a%20b%3F"), "/items/a%20b%3F");
  EXPECT_EQ(path_of("?skip=1"), "");
  EXPECT_EQ(path_of("*"), "*");
  EXPECT_EQ(path_of(""), "");
}

TEST(location, an_absolute_target_has_a_path_too) {
  EXPECT_EQ(path_of("http://example.org/items/7?x=/"), "/items/7");
  EXPECT_EQ(path_of("http://example.org"), "/");
  EXPECT_EQ(path_of("http://example.org?x=1"), "/");
  EXPECT_EQ(path_of("/redirect/http://other/"), "/redirect/http://other/");
}

TEST(location, the_query_begins_after_the_first_question_mark) {
  EXPECT_EQ(query_of("/items/?skip=1&limit=2"), "skip=1&limit=2");
  EXPECT_EQ(query_of("/items/?a?b"), "a?b");
  EXPECT_EQ(query_of("/items/?"), "");
  EXPECT_EQ(query_of("/items/"), "");
}

TEST(location, a_url_is_absolute_on_the_host_that_was_asked) {
  EXPECT_EQ(location("/items", "/items/"), "http://example.org:8080/items/");
  EXPECT_EQ(location("/items", "/items/", "[::1]:80"), "http://[::1]:80/items/");
}

TEST(location, a_url_keeps_the_query) {
  EXPECT_EQ(location("/items?skip=1&limit=%20", "/items/"),
            "http://example.org:8080/items/?skip=1&limit=%20");
  EXPECT_EQ(location("/items?", "/items/"), "http://example.org:8080/items/");
}

TEST(location, a_url_quotes_what_must_not_stand_in_one) {
  EXPECT_EQ(location("/", "/a b\"<>\\^`{|}"), "http://example.org:8080/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D");
  EXPECT_EQ(location("/", "/\xC3\xA4\r\nX: y"), "http://example.org:8080/%C3%A4%0D%0AX:%20y");
  EXPECT_EQ(location("/?\xC3\xA4 ", "/x"), "http://example.org:8080/x?%C3%A4%20");
  EXPECT_EQ(location("/", "/", "evil\r\nX: y"), "http://evil%0D%0AX:%20y/");
  EXPECT_EQ(location("/", "/\x7F"), "http://example.org:8080/%7F");
}

TEST(location, a_url_leaves_alone_what_python_leaves_alone) {
  constexpr auto safe = "/_.-~:/%#?=@[]!$&'()*+,;azAZ09";
  EXPECT_EQ(location("/", safe), std::string{"http://example.org:8080"} + safe);
}

}  // namespace
}  // namespace troupe::http
