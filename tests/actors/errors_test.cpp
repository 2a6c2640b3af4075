// Our errors as CAF's and back, and CAF's own errors as ours.
#include "actors/errors.hpp"

#include <gtest/gtest.h>

#include <caf/exit_reason.hpp>
#include <caf/make_message.hpp>
#include <caf/sec.hpp>
#include <string>

namespace troupe::actors {
namespace {

TEST(errors, every_code_and_its_sentence_come_back) {
  int code = 1;
  for (; db::to_string(static_cast<db::errc>(code)) != db::to_string(static_cast<db::errc>(255)); ++code) {
    const db::error original{static_cast<db::errc>(code),
                             "sentence " + std::to_string(code) + " äöü \"quoted\"\n"};
    EXPECT_EQ(from_caf(to_caf(original)), original);
  }
  EXPECT_GT(code, static_cast<int>(db::errc::answer_too_large));
}

TEST(errors, an_empty_and_a_long_sentence_come_back) {
  const db::error empty{db::errc::not_found, ""};
  EXPECT_EQ(from_caf(to_caf(empty)), empty);
  const db::error large{db::errc::invalid_value, std::string(100000, 'x')};
  EXPECT_EQ(from_caf(to_caf(large)), large);
}

TEST(errors, an_error_of_ours_is_one_for_caf_in_our_category) {
  const auto it = to_caf({db::errc::overloaded, "full"});
  EXPECT_TRUE(static_cast<bool>(it));
  EXPECT_EQ(it.category(), error_category);
  EXPECT_EQ(it.code(), static_cast<std::uint8_t>(db::errc::overloaded));
}

TEST(errors, an_error_of_ours_without_a_sentence_keeps_its_code) {
  const caf::error bare{static_cast<std::uint8_t>(db::errc::unavailable), error_category};
  EXPECT_EQ(from_caf(bare), (db::error{db::errc::unavailable, ""}));
  const caf::error odd{static_cast<std::uint8_t>(db::errc::unavailable), error_category,
                       caf::make_message(1)};
  EXPECT_EQ(from_caf(odd), (db::error{db::errc::unavailable, ""}));
}

TEST(errors, a_receiver_that_is_gone_counts_as_a_lost_connection) {
  const auto gone = from_caf(caf::make_error(caf::sec::request_receiver_down));
  EXPECT_EQ(gone.code, db::errc::connection_lost);
  EXPECT_EQ(gone.message, "The actor asked did not answer: request_receiver_down.");
  EXPECT_EQ(from_caf(caf::make_error(caf::sec::remote_linking_failed)).code, db::errc::connection_lost);
}

TEST(errors, a_request_that_timed_out_exceeded_its_deadline) {
  EXPECT_EQ(from_caf(caf::make_error(caf::sec::request_timeout)).code, db::errc::deadline_exceeded);
}

TEST(errors, any_other_error_of_caf_is_a_failure_of_ours_with_its_name) {
  const auto unexpected = from_caf(caf::make_error(caf::sec::unexpected_message));
  EXPECT_EQ(unexpected.code, db::errc::internal);
  EXPECT_NE(unexpected.message.find("unexpected_message"), std::string::npos);
  // The same number in another category is another error.
  const caf::error exit = caf::exit_reason::kill;
  EXPECT_EQ(from_caf(exit).code, db::errc::internal);
  const caf::error foreign{static_cast<std::uint8_t>(caf::sec::request_receiver_down), caf::atom("foreign")};
  EXPECT_EQ(from_caf(foreign).code, db::errc::internal);
  EXPECT_NE(from_caf(foreign).message.find("foreign"), std::string::npos);
}

TEST(errors, an_end_without_a_reason_is_a_failure_too) {
  EXPECT_TRUE(static_cast<bool>(from_caf(caf::error{})));
}

}  // namespace
}  // namespace troupe::actors
