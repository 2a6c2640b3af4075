// The arithmetic of the backoff.
#include "actors/backoff.hpp"

#include <algorithm>

namespace troupe::actors {

backoff::backoff(std::chrono::milliseconds shortest, std::chrono::milliseconds longest, std::uint64_t seed)
    : shortest_{shortest}, longest_{longest}, random_{seed} {}

std::chrono::milliseconds backoff::after(unsigned failures) {
  if (failures == 0) return std::chrono::milliseconds{0};
  auto wait = shortest_;
  for (unsigned i = 1; i < failures && wait < longest_; ++i) wait *= 2;
  wait = std::min(wait, longest_);
  std::uniform_int_distribution<std::chrono::milliseconds::rep> jitter{wait.count() / 2, wait.count()};
  return std::chrono::milliseconds{jitter(random_)};
}

}  // namespace troupe::actors
