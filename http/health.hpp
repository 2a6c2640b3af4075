// What probes ask: /healthz, whether the process lives, and /readyz, whether it can serve.
#pragma once

#include "actors/directory.hpp"
#include "actors/local_messages.hpp"
#include "http/front.hpp"

namespace troupe::http {

/// The routes. A null handle stands for a part that this process does not have.
///
/// /readyz answers 200 {"ready":true}, or 503 with the reasons, in words of ours alone (see
/// db::public_reason): {"ready":false,"reasons":["PostgreSQL: it refuses the login"]}.
route_source health(const actors::pool_actor& pool, const actors::directory_actor& workers);

}  // namespace troupe::http
