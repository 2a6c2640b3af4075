// Each error code as an answer: status, headers, JSON to the byte.
#include "http/errors.hpp"

#include <gtest/gtest.h>

#include "tests/http/fake_exchange.hpp"

namespace troupe::http {
namespace {

using db::errc;
using headers = std::vector<std::pair<std::string_view, std::string>>;

response answer(errc code, std::string message = "inner words") {
  return response_for(db::error{code, std::move(message)});
}

TEST(http_errors, a_missing_row_is_404_with_its_sentence) {
  const auto it = answer(errc::not_found, "Item not found");
  EXPECT_EQ(it.status, 404);
  EXPECT_EQ(it.body, R"({"detail":"Item not found"})");
  EXPECT_EQ(it.media_type, "application/json");
  EXPECT_EQ(it.headers, headers{});
}

TEST(http_errors, what_may_work_later_is_503_with_a_time_to_try_again) {
  for (const auto code : {errc::overloaded, errc::unavailable, errc::connection_lost, errc::outcome_unknown,
                          errc::name_not_resolved, errc::connection_refused, errc::no_answer,
                          errc::login_refused, errc::no_database, errc::not_accepting, errc::tls_failed}) {
    const auto it = answer(code);
    EXPECT_EQ(it.status, 503) << to_string(code);
    EXPECT_EQ(it.headers, (headers{{"Retry-After", "1"}})) << to_string(code);
    EXPECT_EQ(it.body.find("inner words"), std::string::npos) << it.body;
    EXPECT_TRUE(it.body.starts_with(R"({"detail":")")) << it.body;
  }
}

TEST(http_errors, the_503s_can_be_told_apart) {
  EXPECT_EQ(answer(errc::overloaded).body, R"({"detail":"The service is overloaded. Try again later."})");
  EXPECT_EQ(answer(errc::unavailable).body,
            R"({"detail":"The database is not available. Try again later."})");
  EXPECT_NE(answer(errc::connection_lost).body.find("nothing was changed"), std::string::npos);
  EXPECT_NE(answer(errc::outcome_unknown).body.find("outcome_unknown"), std::string::npos);
  EXPECT_EQ(answer(errc::outcome_unknown).body.find("nothing was changed"), std::string::npos);
}

TEST(http_errors, a_passed_deadline_is_504) {
  const auto it = answer(errc::deadline_exceeded);
  EXPECT_EQ(it.status, 504);
  EXPECT_EQ(it.body, R"({"detail":"The database did not answer in time."})");
}

TEST(http_errors, a_change_is_told_whether_it_may_have_been_made) {
  test::fake_exchange change{"PUT", "/"}, read{"GET", "/"};
  const auto told = [](errc code, const exchange& asked) { return response_for({code, "inner"}, asked); };
  EXPECT_EQ(told(errc::deadline_exceeded, change).body,
            R"({"detail":"The database did not answer in time; nothing was changed."})");
  EXPECT_EQ(told(errc::deadline_exceeded, read).body, R"({"detail":"The database did not answer in time."})");
  const auto late = told(errc::deadline_unknown, change), lost = told(errc::outcome_unknown, change);
  EXPECT_EQ(late.status, 504);
  EXPECT_TRUE(late.body.starts_with(R"({"detail":"outcome_unknown: )")) << late.body;
  EXPECT_EQ(late.body.find("Idempotency-Key"), std::string::npos) << late.body;
  EXPECT_EQ(lost.status, 503);
  change.headers["Idempotency-Key"] = "k";
  for (const auto code : {errc::deadline_unknown, errc::outcome_unknown}) {
    const auto it = told(code, change);
    EXPECT_TRUE(it.body.ends_with(R"(It is safe to repeat it with the same Idempotency-Key."})")) << it.body;
  }
  EXPECT_EQ(told(errc::unavailable, change).body, answer(errc::unavailable).body);
}

TEST(http_errors, a_value_that_postgresql_refuses_is_422_like_one_that_we_refuse) {
  const auto invalid = answer(errc::invalid_value, "no such \"thing\"");
  EXPECT_EQ(invalid.status, 422);
  EXPECT_EQ(
      invalid.body,
      R"({"detail":[{"type":"value_error","loc":["body"],"msg":"Value error, no such \"thing\"","input":null}]})");
  const auto large = answer(errc::value_too_long, "too much");
  EXPECT_EQ(large.status, 422);
  EXPECT_EQ(
      large.body,
      R"({"detail":[{"type":"string_too_long","loc":["body"],"msg":"Value too long, too much","input":null}]})");
}

TEST(http_errors, what_a_client_cannot_mend_is_500_without_inner_details) {
  for (const auto code : {errc::statement_failed, errc::schema_mismatch, errc::none, static_cast<errc>(99)}) {
    const auto it = answer(code, "SELECT secret FROM items");
    EXPECT_EQ(it.status, 500);
    EXPECT_EQ(it.body, R"({"detail":"Internal Server Error"})");
    EXPECT_EQ(it.media_type, "application/json");
    EXPECT_EQ(it.headers, headers{});
  }
}

TEST(http_errors, a_rejection_keeps_its_status) {
  const auto it = response_for(rejection{400, "There was an error parsing the body", {}});
  EXPECT_EQ(it.status, 400);
  EXPECT_EQ(it.media_type, "application/json");
  EXPECT_EQ(it.body, R"({"detail":"There was an error parsing the body"})");
}

TEST(http_errors, a_plain_error_quotes_its_sentence) {
  const auto it = plain_error(413, "say \"no\"");
  EXPECT_EQ(it.status, 413);
  EXPECT_EQ(it.body, R"({"detail":"say \"no\""})");
  EXPECT_EQ(it.media_type, "application/json");
}

}  // namespace
}  // namespace troupe::http
