// Connection strings: libpq's, SQLAlchemy's, lists of hosts, resolved names.
#include "db/conninfo.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace troupe::db {
namespace {

conninfo parsed(const std::string& text) {
  auto out = conninfo::parse(text);
  EXPECT_TRUE(out) << (out ? "" : out.error().message);
  return out ? *out : conninfo{};
}

std::string value(const conninfo& of, const std::string& keyword) {
  const auto found = of.keywords().find(keyword);
  return found == of.keywords().end() ? "(absent)" : found->second;
}

TEST(Conninfo, TakesAUriApart) {
  const auto it = parsed("postgresql://ann:s%20cret@db.example:6543/shop");
  EXPECT_EQ(value(it, "user"), "ann");
  EXPECT_EQ(value(it, "password"), "s cret");
  EXPECT_EQ(value(it, "dbname"), "shop");
  EXPECT_EQ(it.servers(), (std::vector<server_address>{{"db.example", "6543"}}));
}

TEST(Conninfo, TakesKeywords) { EXPECT_EQ(value(parsed("host=/run/pg dbname=shop"), "host"), "/run/pg"); }

TEST(Conninfo, TakesSqlalchemysSpelling) {
  const auto it = parsed("postgresql+asyncpg://ann@db.example/shop?ssl=require");
  EXPECT_EQ(value(it, "dbname"), "shop");
  EXPECT_EQ(value(it, "sslmode"), "require");
}

TEST(Conninfo, LeavesAPlusElsewhereAlone) {
  EXPECT_EQ(value(parsed("postgresql://ann:a+b@db.example/shop"), "password"), "a+b");
}

TEST(Conninfo, SaysWhatIsWrongAndRepeatsNothing) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"postgresql://db.example/shop?hunter2=red", "a parameter that PostgreSQL does not know"},
      {"host=db.example hunter2=red", "a parameter that PostgreSQL does not know"},
      {"mysql://ann:hunter2@db.example/shop", "neither postgresql:// nor postgres://"},
      {"hunter2", "nor keyword=value"},
      // A password with a blank, or a quote.
      {"host=db.example password=my hunter2", "nor keyword=value"},
      {"password='hunter2 host=db.example", "nor keyword=value"},
      {"password='it's hunter2' host=db.example", "nor keyword=value"},
      {"host=db.example password=a port=hunter2", "a port is no number"},
      {"dbname=postgresql://ann:hunter2@db.example/shop", "is a URI"},
      {"", "it is empty"},
      {" \n", "it is empty"}};
  for (const auto& [text, sentence] : cases) {
    const auto bad = conninfo::parse(text);
    ASSERT_FALSE(bad) << text;
    EXPECT_EQ(bad.error().code, errc::invalid_value);
    EXPECT_TRUE(bad.error().message.starts_with("The database URI cannot be read: ")) << bad.error().message;
    EXPECT_NE(bad.error().message.find(sentence), std::string::npos) << bad.error().message;
    EXPECT_EQ(bad.error().message.find("hunter2"), std::string::npos) << bad.error().message;
    EXPECT_EQ(bad.error().message.find('\n'), std::string::npos);
  }
}

TEST(Conninfo, APasswordThatIsNotEncodedIsRefusedBeforePartsOfItBecomeAHost) {
  for (const std::string scheme : {"postgresql", "postgres", "postgresql+asyncpg"})
    for (const std::string password :
         {"pa@hunter2", "pa@@hunter2", "@hunter2", "pa/hunter2", "12/hunter2", "12/@hunter2", "/hunter2",
          "hunter2%", "%hunter2", "%zzhunter2", "hunter2%4", "12/a?hunter2", "a@b/hunter2?x=y"}) {
      const auto bad = conninfo::parse(scheme + "://ann:" + password + "@127.0.0.1/shop");
      ASSERT_FALSE(bad) << password;
      EXPECT_NE(bad.error().message.find("percent-encoded: @ is %40"), std::string::npos);
      EXPECT_EQ(bad.error().message.find("hunter2"), std::string::npos);
    }
}

TEST(Conninfo, WhatLibpqTakesInAPasswordIsTaken) {
  for (const std::string password :
       {"hunter2#", "hunter2?", "hunter2?ssl=1", "hun:ter2", "hunter2[", "hunter2 "})
    for (const std::string scheme : {"postgresql", "postgresql+asyncpg"}) {
      const auto it = parsed(scheme + "://ann:" + password + "@db.example/shop?sslmode=require");
      EXPECT_EQ(value(it, "password"), password);
      EXPECT_EQ(value(it, "host"), "db.example");
      EXPECT_EQ(value(it, "sslmode"), "require");
    }
  EXPECT_EQ(value(parsed("postgresql://ann:hun%40ter%2F%252@db.example/shop"), "password"), "hun@ter/%2");
  EXPECT_EQ(value(parsed("host=@abstract password=hun@ter/2"), "password"), "hun@ter/2");
  EXPECT_EQ(value(parsed("host='/home/ann@example/run'"), "host"), "/home/ann@example/run");
  EXPECT_EQ(value(parsed("postgresql:///shop?host=@abstract&user=ann@server"), "user"), "ann@server");
}

TEST(Conninfo, DefaultsGiveWayToWhatIsGiven) {
  EXPECT_EQ(value(parsed("host=a"), "keepalives_idle"), "11");
  EXPECT_EQ(value(parsed("host=a"), "keepalives_interval"), "3");
  EXPECT_EQ(value(parsed("host=a"), "keepalives_count"), "3");
  EXPECT_EQ(value(parsed("host=a"), "tcp_user_timeout"), "20000");
  EXPECT_EQ(value(parsed("host=a keepalives_idle=60"), "keepalives_idle"), "60");
  EXPECT_EQ(value(parsed("host=a tcp_user_timeout=7"), "tcp_user_timeout"), "7");
  EXPECT_EQ(value(*conninfo::parse("host=a", std::chrono::milliseconds{0}), "keepalives"), "0");
  EXPECT_EQ(value(*conninfo::parse("host=a", std::chrono::seconds{6}), "tcp_user_timeout"), "6000");
  EXPECT_EQ(value(parsed("host=a"), "client_encoding"), "UTF8");
}

TEST(Conninfo, OnlyNamesNeedResolution) {
  EXPECT_TRUE(needs_resolution({"db.example", "5432"}));
  EXPECT_TRUE(needs_resolution({"localhost", "5432"}));
  EXPECT_FALSE(needs_resolution({"127.0.0.1", "5432"}));
  EXPECT_FALSE(needs_resolution({"::1", "5432"}));
  EXPECT_FALSE(needs_resolution({"fe80::1%eth0", "5432"}));
  EXPECT_FALSE(needs_resolution({"/run/postgresql", "5432"}));
  EXPECT_FALSE(needs_resolution({"", "5432"}));
}

TEST(Conninfo, SpreadsAddressesOverServers) {
  const auto it = parsed("host=db.example,/run/pg port=1,2").with_addresses({{"10.0.0.1", "10.0.0.2"}, {}});
  EXPECT_EQ(value(it, "host"), "db.example,db.example,/run/pg");
  EXPECT_EQ(value(it, "hostaddr"), "10.0.0.1,10.0.0.2,");
  EXPECT_EQ(value(it, "port"), "1,1,2");
}

TEST(Conninfo, LeavesOutAServerThatHasNoAddress) {
  const auto it = parsed("host=nowhere.example,/run/pg port=1,2").with_addresses({{}, {}});
  EXPECT_EQ(value(it, "host"), "/run/pg");
  EXPECT_EQ(value(it, "port"), "2");
}

TEST(Conninfo, OnePortServesAllHosts) {
  EXPECT_EQ(parsed("host=a,b port=7").servers(), (std::vector<server_address>{{"a", "7"}, {"b", "7"}}));
}

TEST(Conninfo, HostMayComeFromTheEnvironment) {
  setenv("PGHOST", "from.environment", 1);
  const auto it = parsed("dbname=shop");
  unsetenv("PGHOST");
  EXPECT_EQ(it.servers().front().host, "from.environment");
}

TEST(Conninfo, DescriptionHoldsNoPassword) {
  const auto text = parsed("postgresql://ann:hunter2@db.example/shop").describe();
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_NE(text.find("db.example"), std::string::npos);
  EXPECT_NE(text.find("shop"), std::string::npos);
}

}  // namespace
}  // namespace troupe::db
