// How much tests do whose requests, faults or seeds are generated.
#pragma once

#include <cstdlib>

namespace troupe::test {

/// So many times what they do as a rule: TROUPE_TEST_SIZE, 1 if it is not set.
inline int size() {
  const char* const wanted = std::getenv("TROUPE_TEST_SIZE");
  return wanted == nullptr ? 1 : std::atoi(wanted);
}

}  // namespace troupe::test
