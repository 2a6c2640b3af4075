// The order of the statements of a migration run.
#include "db/migrations.hpp"

#include <algorithm>

namespace troupe::db {

namespace {

// Any constant will do as long as every node uses the same: "troupe" in ASCII.
constexpr auto lock_statement = "SELECT pg_advisory_lock(x'74726f757065'::bigint)";

constexpr auto create_statement =
    "CREATE TABLE IF NOT EXISTS troupe_migrations ("
    "version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())";

constexpr auto versions_statement = "SELECT version::bigint FROM troupe_migrations";

}  // namespace

std::string migration_run::begin() {
  step_ = step::lock;
  return lock_statement;
}

std::string migration_run::next(const outcome& previous) {
  if (!previous && step_ == step::create_table && previous.error().code == errc::statement_failed) {
    skipped_ = "The schema is left alone: " + previous.error().message + ".";
    step_ = step::done;
    return {};
  }
  if (!previous) {
    failure_ = previous.error();
    if (step_ == step::apply)
      failure_.message = "Migration " + std::string{all_[current_].name} + " failed: " + failure_.message;
    else
      failure_.message = "The schema cannot be brought up to date: " + failure_.message;
    step_ = step::done;
    return {};
  }
  switch (step_) {
    case step::lock: step_ = step::create_table; return create_statement;
    case step::create_table: step_ = step::read_versions; return versions_statement;
    case step::read_versions:
      for (int i = 0; i < previous->size(); ++i)
        if (std::int64_t version = 0; decode(previous->get(), i, 0, version)) known_.push_back(version);
      return begin_pending();
    case step::begin: step_ = step::apply; return std::string{all_[current_].sql};
    case step::apply: {
      step_ = step::record;
      const auto& done = all_[current_];
      return "INSERT INTO troupe_migrations (version, name) VALUES (" + std::to_string(done.version) + ", '" +
             std::string{done.name} + "')";
    }
    case step::record: step_ = step::commit; return "COMMIT";
    case step::commit:
      applied_.emplace_back(all_[current_].name);
      ++current_;
      return begin_pending();
    case step::done: break;
  }
  return {};
}

std::string migration_run::begin_pending() {
  while (current_ < all_.size() &&
         std::find(known_.begin(), known_.end(), all_[current_].version) != known_.end())
    ++current_;
  step_ = current_ < all_.size() ? step::begin : step::done;
  return step_ == step::begin ? "BEGIN" : "";
}

}  // namespace troupe::db
