// How long to wait before the next attempt: doubling, bounded, with jitter.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace troupe::actors {

/// The waits of a series of attempts.
class backoff {
 public:
  /// The wait after the first failure is about `shortest` and doubles from there up to `longest`.
  /// Each is drawn between half of that and the whole, so that the many connections of many nodes do
  /// not come back all at once.
  backoff(std::chrono::milliseconds shortest, std::chrono::milliseconds longest, std::uint64_t seed);

  /// The wait after `failures` failures in a row; nothing for 0.
  std::chrono::milliseconds after(unsigned failures);

 private:
  std::chrono::milliseconds shortest_;
  std::chrono::milliseconds longest_;
  std::mt19937_64 random_;
};

}  // namespace troupe::actors
