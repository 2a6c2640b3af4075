// What is read out of libpq's texts: these are its own, with PQERRORS_VERBOSE.
#include "db/driver_text.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::db {
namespace {

TEST(DriverText, TellsWhyThereIsNoConnection) {
  const std::string at = "connection to server at \"127.0.0.1\", port 5432 failed: ";
  const std::vector<std::pair<std::string, errc>> cases{
      {at + "FATAL:  28P01: password authentication failed for user \"ann\"\nLOCATION:  auth_failed, "
            "auth.c:326\n",
       errc::login_refused},
      {at + "fe_sendauth: no password supplied\n", errc::login_refused},
      {at + "FATAL:  3D000: database \"shop\" does not exist\n", errc::no_database},
      {at + "FATAL:  57P03: the database system is starting up\n", errc::not_accepting},
      {at + "FATAL:  53300: sorry, too many clients already\n", errc::not_accepting},
      {at + "FATAL:  XX000: who knows\n", errc::unavailable},
      {at + "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n",
       errc::connection_refused},
      {"connection to server on socket \"/run/.s.PGSQL.5432\" failed: No such file or directory\n",
       errc::connection_refused},
      {at + "Connection timed out\n", errc::no_answer},
      {at + "No route to host\n", errc::no_answer},
      {at + "server does not support SSL, but SSL was required\n", errc::tls_failed},
      {at + "could not open certificate file \"c.pem\": No such file or directory\n", errc::tls_failed},
      // Of two servers, the one that refused.
      {at + "Connection refused\n" + at + "FATAL:  28000: no pg_hba.conf entry\n" + at +
           "Connection refused\n",
       errc::login_refused},
      {"", errc::unavailable}};
  for (const auto& [text, code] : cases)
    EXPECT_EQ(to_string(why_not_connected(text)), to_string(code)) << text;
}

TEST(DriverText, LeavesOutWherePostgresqlIsFromWithin) {
  EXPECT_EQ(
      one_line(without_location("FATAL:  28P01: no\nLOCATION:  auth_failed, auth.c:326\n and\nLOCATION:  x")),
      "FATAL: 28P01: no and");
}

TEST(DriverText, HidesEachOccurrence) {
  EXPECT_EQ(hide("hunter2, hunter2hunter2", "hunter2"), "***, ******");
  EXPECT_EQ(hide("nothing", ""), "nothing");
  EXPECT_EQ(hide("port p failed: 'p' p", "p"), "port *** failed: '***' ***");
  EXPECT_EQ(hide("***", "*"), "*********");
}

TEST(DriverText, EveryReasonHasWordsOfItsOwn) {
  std::set<std::string_view> all{public_reason(errc::unavailable)};
  for (const auto code :
       {errc::name_not_resolved, errc::connection_refused, errc::no_answer, errc::login_refused,
        errc::no_database, errc::not_accepting, errc::tls_failed, errc::connection_lost})
    EXPECT_TRUE(all.insert(public_reason(code)).second) << to_string(code);
}

}  // namespace
}  // namespace troupe::db
