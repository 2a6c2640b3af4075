// Create, list, read, change and delete over HTTP, and what surrounds them.
#include <gtest/gtest.h>

#include <string>

#include "tests/service/service.hpp"

namespace troupe::test {
namespace {

class CrudTest : public testing::Test {
 protected:
  http_response put(const std::string& target, const std::string& body) {
    return client_.request("PUT", target, json_content, body);
  }
  http_response patch(const std::string& target, const std::string& body) {
    return client_.request("PATCH", target, json_content, body);
  }

  test_database database_ = postgres::instance().create_database();
  running_service service_{{"--db.uri=" + database_.uri}};
  http_client client_ = service_.client();
};

TEST_F(CrudTest, AnItemsWholeLife) {
  const auto made =
      client_.request("POST", "/items/", json_content, R"({"name":"Lamp","description":"warm"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.body, R"({"name":"Lamp","description":"warm","id":1})");
  EXPECT_EQ(made.header("Content-Type"), "application/json");

  EXPECT_EQ(client_.request("GET", "/items/1").body, made.body);
  EXPECT_EQ(patch("/items/1", R"({"description":null})").body,
            R"({"name":"Lamp","description":null,"id":1})");
  EXPECT_EQ(patch("/items/1", R"({"name":"Light"})").body, R"({"name":"Light","description":null,"id":1})");
  EXPECT_EQ(patch("/items/1", "{}").body, R"({"name":"Light","description":null,"id":1})");
  EXPECT_EQ(put("/items/1", R"({"name":"Torch","description":"d"})").body,
            R"({"name":"Torch","description":"d","id":1})");
  // PUT is whole: what it leaves out is null.
  EXPECT_EQ(put("/items/1", R"({"name":"Torch"})").body, R"({"name":"Torch","description":null,"id":1})");
  EXPECT_EQ(put("/items/1", R"({"description":"d"})").status, 422);

  const auto removed = client_.request("DELETE", "/items/1");
  EXPECT_EQ(removed.status, 204);
  EXPECT_EQ(removed.body, "");
  EXPECT_EQ(removed.header("Content-Length"), std::nullopt);
  const auto gone = client_.request("GET", "/items/1");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.body, R"({"detail":"Item not found"})");
}

TEST_F(CrudTest, WhatIsNotThereCannotBeChanged) {
  for (const auto& answer : {put("/items/7", R"({"name":"a"})"), patch("/items/7", R"({"name":"a"})"),
                             patch("/items/7", "{}"), client_.request("DELETE", "/items/7")}) {
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.body, R"({"detail":"Item not found"})");
  }
}

TEST_F(CrudTest, ListsInOrderOfIdByPages) {
  for (int i = 1; i <= 12; ++i) create_item(client_, "n" + std::to_string(i));
  patch("/items/2", R"({"name":"changed"})");
  const auto page = client_.request("GET", "/items/?skip=1&limit=2");
  EXPECT_EQ(page.body,
            R"([{"name":"changed","description":null,"id":2},{"name":"n3","description":null,"id":3}])");
  const auto standard = client_.request("GET", "/items/").body;
  EXPECT_NE(standard.find(R"("id":10})"), std::string::npos);
  EXPECT_EQ(standard.find(R"("id":11})"), std::string::npos);
  EXPECT_EQ(client_.request("GET", "/items/?skip=99").body, "[]");
  EXPECT_EQ(client_.request("GET", "/items/?limit=0").body, "[]");
}

TEST_F(CrudTest, KeysBeyondTheColumnAreJustNotThere) {
  for (const std::string key :
       {"9223372036854775807", "-9223372036854775808", "9223372036854775808", "99999999999999999999"})
    EXPECT_EQ(client_.request("GET", "/items/" + key).status, 404) << key;
}

TEST_F(CrudTest, TextsComeBackAsTheyWent) {
  const std::string texts = R"({"name":"\u65e5 \"q\" \\ \ud83d\ude00 \u007f","description":""})";
  const auto made = client_.request("POST", "/items/", json_content, texts);
  EXPECT_EQ(made.body, "{\"name\":\"日 \\\"q\\\" \\\\ 😀 \x7f\",\"description\":\"\",\"id\":1}");
  EXPECT_EQ(client_.request("GET", "/items/1").body, made.body);
}

TEST_F(CrudTest, ANameThatItsIndexCannotHoldIsRefused) {
  std::string name;
  // Random enough that PostgreSQL cannot compress it below the 2704 bytes of an index entry.
  for (unsigned i = 0, x = 1; i < 20000; ++i)
    name += static_cast<char>('a' + ((x = x * 1103515245 + 12345) >> 16) % 26);
  const auto refused = create_item(client_, name);
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find("string_too_long"), std::string::npos) << refused.body;
  EXPECT_EQ(create_item(client_, "after").status, 201);
}

TEST_F(CrudTest, HeadAnswersAsGetWithoutTheBody) {
  create_item(client_, "a");
  client_.send_raw("HEAD /items/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto head = client_.read_response(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "38");
  EXPECT_EQ(client_.request("GET", "/items/1").body.size(), 38U);
}

TEST_F(CrudTest, PipelinedRequestsAreAnsweredInOrder) {
  create_item(client_, "a");
  std::string requests;
  for (int i = 0; i < 30; ++i) {
    requests += "GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n";
    // Answered at once, without the database.
    requests += "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  client_.send_raw(requests);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(client_.read_response().status, 200);
    EXPECT_EQ(client_.read_response().status, 404);
  }
}

TEST_F(CrudTest, AHalfClosedClientGetsItsAnswer) {
  create_item(client_, "a");
  client_.send_raw("GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  client_.half_close();
  EXPECT_EQ(client_.read_response().status, 200);
}

TEST_F(CrudTest, AnUpgradeIsIgnored) {
  const auto answer = client_.request("GET", "/items/", {{"Connection", "Upgrade"}, {"Upgrade", "h2c"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(client_.request("GET", "/items/").status, 200);
}

TEST_F(CrudTest, Http10IsAnsweredAndClosed) {
  client_.send_raw("GET /items/ HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client_.read_response().status, 200);
  EXPECT_TRUE(client_.wait_for_close());
}

}  // namespace
}  // namespace troupe::test
