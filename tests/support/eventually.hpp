// Waiting in tests: for a condition, with a deadline, never for a fixed time.
#pragma once

#include <chrono>
#include <thread>

namespace troupe::test {

/// Whether the condition, called again and again, becomes true before the timeout. The default covers
/// a crash recovery and the grace that a restart by hand is given, on a busy machine.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds timeout = std::chrono::seconds{30}) {
  constexpr std::chrono::milliseconds interval{10};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(interval);
  }
  return true;
}

}  // namespace troupe::test
