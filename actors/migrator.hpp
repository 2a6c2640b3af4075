// The migrator: brings the schema up to date over a connection of its own.
#pragma once

#include <memory>

#include "actors/lanes.hpp"
#include "actors/local_messages.hpp"
#include "actors/session.hpp"
#include "actors/settings.hpp"

namespace troupe::actors {

/// What a migrator does when it fails.
enum class on_failure {
  /// Answers with the error.
  report,
  /// Logs it, tries again with the backoff of the pool, and answers once it worked.
  retry,
};

/// Spawns a migrator on a lane. It starts with the first request. An exit message ends what it does, and is
/// answered `unavailable` to all who wait.
migrator_actor spawn_migrator(lane& home, const std::shared_ptr<const session_settings>& settings,
                              const pool_settings& backoff, on_failure then);

}  // namespace troupe::actors
