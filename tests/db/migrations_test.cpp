// The steps of a migration run, without a database.
#include "db/migrations.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace troupe::db {
namespace {

constexpr std::array<migration, 2> two{migration{1, "0001_first", "CREATE TABLE first ()"},
                                       migration{2, "0002_second", "CREATE TABLE second ()"}};

const outcome done{result{}};
const outcome refused{tl::unexpected{error{errc::statement_failed, "permission denied"}}};

// Executes everything and succeeds; returns what was executed.
std::vector<std::string> all_statements(migration_run& run) {
  std::vector<std::string> out{run.begin()};
  for (auto next = run.next(done); !next.empty(); next = run.next(done)) out.push_back(next);
  return out;
}

TEST(Migrations, AreNumberedFromOneWithoutGaps) {
  int expected = 0;
  for (const auto& each : migrations()) EXPECT_EQ(each.version, ++expected) << each.name;
  EXPECT_GE(expected, 2);
}

TEST(MigrationRun, LocksFirstAndRecordsEachInItsTransaction) {
  migration_run run{two};
  const auto statements = all_statements(run);
  ASSERT_EQ(statements.size(), 11U);
  EXPECT_NE(statements[0].find("pg_advisory_lock"), std::string::npos);
  EXPECT_EQ(statements[3], "BEGIN");
  EXPECT_EQ(statements[4], "CREATE TABLE first ()");
  EXPECT_NE(statements[5].find("INSERT INTO troupe_migrations"), std::string::npos);
  EXPECT_EQ(statements[6], "COMMIT");
  EXPECT_EQ(statements[8], "CREATE TABLE second ()");
  EXPECT_EQ(run.applied(), (std::vector<std::string>{"0001_first", "0002_second"}));
  EXPECT_FALSE(run.failure());
}

TEST(MigrationRun, StopsAtTheFirstFailureAndNamesTheMigration) {
  migration_run run{two};
  auto statement = run.begin();
  while (statement != "CREATE TABLE first ()") statement = run.next(done);
  EXPECT_EQ(run.next(refused), "");
  EXPECT_EQ(run.failure().message, "Migration 0001_first failed: permission denied");
  EXPECT_TRUE(run.applied().empty());
}

TEST(MigrationRun, LeavesTheSchemaAloneWithoutTheRightToCreate) {
  migration_run run{two};
  auto statement = run.begin();
  while (statement.find("CREATE TABLE IF NOT EXISTS troupe_migrations") == std::string::npos)
    statement = run.next(done);
  EXPECT_EQ(run.next(refused), "");
  EXPECT_FALSE(run.failure());
  EXPECT_EQ(run.skipped(), "The schema is left alone: permission denied.");
}

TEST(MigrationRun, AFailedCommitIsNotApplied) {
  migration_run run{two};
  auto statement = run.begin();
  while (statement != "COMMIT") statement = run.next(done);
  EXPECT_EQ(run.next(refused), "");
  EXPECT_TRUE(run.failure());
  EXPECT_TRUE(run.applied().empty());
}

}  // namespace
}  // namespace troupe::db
