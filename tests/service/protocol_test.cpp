// What is not the HTTP that a client library would send: limits, bad syntax, slow and sudden clients.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/service/service.hpp"

namespace troupe::test {
namespace {

class ProtocolTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    database_ = new test_database{postgres::instance().create_database()};
    service_ = new running_service{{"--db.uri=" + database_->uri}};
  }
  static void TearDownTestSuite() {
    delete service_;
    delete database_;
  }

  // The answer to raw bytes; the service must work on afterwards.
  http_response answer(const std::string& bytes) {
    auto client = service_->client();
    client.send_raw(bytes);
    auto out = client.read_response();
    EXPECT_TRUE(nlohmann::json::accept(out.body)) << out.body;
    EXPECT_EQ(service_->client().request("GET", "/items/").status, 200);
    return out;
  }

  // The Location of an answer, which has no body.
  std::string answer_of_redirect(const std::string& bytes) {
    auto client = service_->client();
    client.send_raw(bytes);
    return client.read_response().header("Location").value_or("(none)");
  }

  static inline test_database* database_;
  static inline running_service* service_;
};

std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

TEST_F(ProtocolTest, AUrlHasALimit) {
  const std::string path = "/items/?limit=1&x=";
  const auto url_of = [&](std::size_t size) { return path + std::string(size - path.size(), 'a'); };
  EXPECT_EQ(answer(get(url_of(8192))).status, 200);
  EXPECT_EQ(answer(get(url_of(8193))).status, 414);
  EXPECT_EQ(answer(get(url_of(200'000))).status, 414);
}

TEST_F(ProtocolTest, AHeaderHasALimit) {
  const auto header_of = [](std::size_t size) { return "X: " + std::string(size, 'a') + "\r\n"; };
  EXPECT_EQ(answer(get("/items/", header_of(16'384))).status, 200);
  EXPECT_EQ(answer(get("/items/", header_of(16'385))).status, 431);
  const auto named = [](std::size_t size) { return std::string(size, 'x') + ": 1\r\n"; };
  EXPECT_EQ(answer(get("/items/", named(256))).status, 200);
  EXPECT_EQ(answer(get("/items/", named(257))).status, 431);
}

TEST_F(ProtocolTest, HeadersHaveALimitOfNumber) {
  // Host is the first.
  const auto others = [](int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += "X-" + std::to_string(i) + ": 1\r\n";
    return out;
  };
  EXPECT_EQ(answer(get("/items/", others(99))).status, 200);
  EXPECT_EQ(answer(get("/items/", others(100))).status, 431);
}

TEST_F(ProtocolTest, TooLargeABodyByItsLength) {
  EXPECT_EQ(answer("POST /items/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n").status, 413);
  EXPECT_EQ(
      answer("POST /items/ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n").status,
      400);
}

TEST_F(ProtocolTest, TooLargeABodyLeavesTheConnectionUsableIfItIsRead) {
  auto client = service_->client();
  const std::string body = "{\"name\":\"" + std::string(1024 * 1024, 'a') + "\"}";
  EXPECT_EQ(client.request("POST", "/items/", json_content, body).status, 413);
  EXPECT_EQ(client.request("GET", "/items/").status, 200);
}

TEST_F(ProtocolTest, ABodyHasALimit) {
  auto client = service_->client();
  const std::string rest = "{\"name\":\"a\",\"description\":\"\"}";
  const std::string body =
      "{\"name\":\"a\",\"description\":\"" + std::string(1024 * 1024 - rest.size(), 'a') + "\"}";
  EXPECT_EQ(client.request("POST", "/items/", json_content, body).status, 201);
  EXPECT_EQ(client.request("POST", "/items/", json_content, body + " ").status, 413);
}

TEST_F(ProtocolTest, TooLargeABodyInChunks) {
  std::string chunks;
  for (int i = 0; i < 40; ++i) chunks += "8000\r\n" + std::string(0x8000, 'a') + "\r\n";
  EXPECT_EQ(answer("POST /items/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks).status,
            413);
}

TEST_F(ProtocolTest, AChunkedBodyIsRead) {
  EXPECT_EQ(answer("POST /items/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"name\"\r\n5\r\n:\"c\"}\r\n0\r\n\r\n")
                .status,
            201);
}

TEST_F(ProtocolTest, NoHttpAtAll) {
  for (const auto* bytes : {"GET / FTP/1.0\r\n\r\n", "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n"})
    EXPECT_EQ(answer(bytes).status, 400) << bytes;
}

TEST_F(ProtocolTest, AMethodThatDoesNotExist) {
  for (const std::string& bytes :
       {std::string("QUERY /items/ HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("hello\r\n\r\n"),
        // The hello of TLS.
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15)}) {
    const auto refused = answer(bytes);
    EXPECT_EQ(refused.status, 405) << bytes;
    EXPECT_TRUE(refused.header("Allow"));
  }
}

// One answer, and none to what another reader would take for the next request.
TEST_F(ProtocolTest, WhatAProxyCouldReadOtherwiseIsRefusedAndClosed) {
  const std::string post = "POST /items/ HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& bytes : {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                   post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
                                   post + "Content-Length: +5\r\n\r\nabcde",
                                   std::string("GET /items/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
                                   post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                                   post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                                   post + "X y: z\r\nContent-Length: 0\r\n\r\n"}) {
    SCOPED_TRACE(bytes);
    auto client = service_->client();
    client.send_raw(bytes + get("/items/1"));
    const auto refused = client.read_response();
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.header("Connection"), "close");
    EXPECT_TRUE(client.wait_for_close());
  }
}

TEST_F(ProtocolTest, ARedirectWithoutAHostNamesThePathAlone) {
  EXPECT_EQ(answer_of_redirect("GET /items HTTP/1.0\r\n\r\n"), "/items/");
}

TEST_F(ProtocolTest, Http10StaysOpenIfAsked) {
  auto client = service_->client();
  for (int i = 0; i < 2; ++i) {
    client.send_raw("GET /items/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto kept = client.read_response();
    EXPECT_EQ(kept.status, 200);
    EXPECT_EQ(kept.header("Connection"), "keep-alive");
  }
}

TEST_F(ProtocolTest, AClientThatWaitsBeforeItsBodyIsToldToGoOn) {
  const std::string body = R"({"name":"waited"})";
  const auto head = [&](const std::string& version, std::size_t length) {
    return "POST /items/ HTTP/" + version +
           "\r\nHost: x\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
           "expect: 100-Continue\r\nContent-Length: " +
           std::to_string(length) + "\r\n\r\n";
  };
  auto client = service_->client();
  for (int i = 0; i < 2; ++i) {
    client.send_raw(head("1.1", body.size()));
    EXPECT_EQ(client.read_response(true).status, 100);
    client.send_raw(body);
    EXPECT_EQ(client.read_response().status, 201);
  }
  // Not when the body is there, to a client that knows no such answer, or for a body that is not taken.
  client.send_raw(head("1.1", body.size()) + body);
  EXPECT_EQ(client.read_response().status, 201);
  client.send_raw(head("1.0", body.size()));
  EXPECT_FALSE(client.has_data(std::chrono::milliseconds{200}));
  client.send_raw(body);
  EXPECT_EQ(client.read_response().status, 201);
  client.send_raw(head("1.1", 99'999'999));
  EXPECT_EQ(client.read_response().status, 413);
  // Nor to another client, when the body that was waited for is bad from the start.
  auto bad = service_->client();
  bad.send_raw(
      "POST /items/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_EQ(bad.read_response().status, 400);
  auto other = service_->client();
  other.send_raw("GET /items/1");
  EXPECT_FALSE(other.has_data(std::chrono::milliseconds{200}));
}

TEST_F(ProtocolTest, AnAbsoluteTargetIsAPath) {
  EXPECT_EQ(answer("GET http://x/items/ HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

}  // namespace
}  // namespace troupe::test
