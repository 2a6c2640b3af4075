// The pool and the migrator: no connection is made before the schema is up to date.
#include <gtest/gtest.h>

#include <caf/sec.hpp>

#include "actors/pool.hpp"
#include "tests/actors/mock_connections.hpp"

namespace troupe::actors {
namespace {

class pool_schema : public test::pool_fixture {
 protected:
  static pool_settings sized(std::size_t size) {
    pool_settings out;
    out.size = size;
    return out;
  }

  /// A migrator that answers when it gets another request, which it fails.
  migrator_actor start_migrator(const db::error& outcome) { return spawn(behavior, outcome); }

 private:
  struct migrator_state {
    const char* name = "mock migrator";
    std::vector<caf::typed_response_promise<migrated>> askers;
  };

  static migrator_actor::behavior_type behavior(migrator_actor::stateful_pointer<migrator_state> self,
                                                const db::error& outcome) {
    return {[self, outcome](const migrate_request&) {
              auto to = self->make_response_promise<migrated>();
              self->state.askers.push_back(to);
              if (self->state.askers.size() < 2) return to;
              for (auto& each : self->state.askers)
                if (outcome)
                  each.deliver(to_caf(outcome));
                else
                  each.deliver(migrated{"1"});
              return to;
            },
            [](const schema_status_request&) { return schema_status{"it refuses the login"}; }};
  }
};

TEST_F(pool_schema, connects_only_when_the_schema_is_up_to_date) {
  const auto migrator = start_migrator({});
  start_pool(sized(2), migrator);
  advance(std::chrono::minutes{1});
  EXPECT_EQ(connections.size(), 0u);
  EXPECT_EQ(execute(read())->code(), db::errc::unavailable);
  EXPECT_EQ(status().size, 2u);
  // Who asks why it is not ready is told why the schema is not.
  EXPECT_EQ(status().last_failure, "it refuses the login");
  ask<migrated>(migrator, migrate_request{});
  EXPECT_EQ(status().last_failure, "");
  EXPECT_EQ(connections.size(), 2u);
  make_ready(0);
  EXPECT_TRUE(execute(read())->pending());
}

TEST_F(pool_schema, ends_without_connecting_when_the_schema_cannot_be_brought_up_to_date) {
  const auto migrator = start_migrator(db::error{db::errc::unavailable, "no"});
  start_pool(sized(2), migrator);
  ask<migrated>(migrator, migrate_request{});
  EXPECT_EQ(connections.size(), 0u);
  EXPECT_EQ(execute(read())->raw_error, caf::sec::request_receiver_down);
}

}  // namespace
}  // namespace troupe::actors
