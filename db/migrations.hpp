// The schema's history: numbered SQL files compiled into the binary, and the steps that apply them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "db/connection.hpp"
#include "db/error.hpp"

namespace troupe::db {

/// One file of db/migrations: NNNN_name.sql, exactly one SQL statement (a DO block if it needs more).
struct migration {
  int version;
  std::string_view name;
  std::string_view sql;
};

/// All migrations in order of version.
std::span<const migration> migrations();

/// Applies what a database has not seen yet, each in a transaction of its own together with its entry
/// in the table troupe_migrations. An advisory lock makes sure that of many nodes that start at once
/// one works and the others wait. It does no input or output itself: the owner executes each
/// statement and reports how it ended.
class migration_run {
 public:
  /// `all` must outlive the run.
  explicit migration_run(std::span<const migration> all = migrations()) : all_{all} {}

  /// The first statement to execute.
  std::string begin();

  /// The statement to execute after `previous` ended so; empty when there is nothing left to do:
  /// then either failure() says why, or the schema is up to date. The owner closes the connection
  /// afterwards, which gives back the lock and undoes an open transaction.
  std::string next(const outcome& previous);

  /// Why the schema was left alone: this role may not create anything, so somebody else keeps the schema.
  /// Empty otherwise.
  const std::string& skipped() const noexcept { return skipped_; }

  /// Why the run ended early; empty if it did not.
  const error& failure() const noexcept { return failure_; }
  /// The names of the migrations that this run applied.
  const std::vector<std::string>& applied() const noexcept { return applied_; }

 private:
  enum class step { lock, create_table, read_versions, begin, apply, record, commit, done };

  std::string begin_pending();

  std::span<const migration> all_;
  std::size_t current_ = 0;
  step step_ = step::lock;
  std::vector<std::int64_t> known_;
  std::vector<std::string> applied_;
  error failure_;
  std::string skipped_;
};

}  // namespace troupe::db
