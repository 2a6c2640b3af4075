// How many clients a server has: what a stop has to know of them.
#pragma once

#include <cstddef>
#include <functional>

namespace troupe::http {

struct client_count {
  std::size_t connected = 0;
  /// Those of them that send a request, or have not got all of an answer.
  std::size_t transferring = 0;
};

/// To be called on the server's lane.
using client_counter = std::function<client_count()>;

}  // namespace troupe::http
