// The bodies of refusals, to the byte.
#include "http/problem.hpp"

#include <gtest/gtest.h>

namespace troupe::http {
namespace {

TEST(problem, a_sentence_stands_alone) {
  EXPECT_EQ(body_of({.status = 404, .detail = "Item not found", .problems = {}}),
            R"({"detail":"Item not found"})");
  EXPECT_EQ(body_of({.status = 400, .detail = "a \"b\"\né", .problems = {}}), R"({"detail":"a \"b\"\né"})");
}

TEST(problem, problems_keep_the_order_of_their_keys) {
  const problem missing{
      .type = "missing", .loc = {"body", "name"}, .msg = "Field required", .input = "{}", .ctx = ""};
  const problem invalid{.type = "json_invalid",
                        .loc = {"body", 12},
                        .msg = "JSON decode error",
                        .input = "{}",
                        .ctx = R"({"error":"Expecting value"})"};
  EXPECT_EQ(body_of({.status = 422, .detail = "", .problems = {missing}}),
            R"({"detail":[{"type":"missing","loc":["body","name"],"msg":"Field required","input":{}}]})");
  EXPECT_EQ(
      body_of({.status = 422, .detail = "", .problems = {invalid, missing}}),
      R"({"detail":[{"type":"json_invalid","loc":["body",12],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting value"}},)"
      R"({"type":"missing","loc":["body","name"],"msg":"Field required","input":{}}]})");
}

}  // namespace
}  // namespace troupe::http
