// Keeps what others can repeat at will from filling the log.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

namespace troupe::actors {

/// Lets a line through if none was wanted for so long before it: a flood of the same is one line, whether it
/// lasts for seconds or for days. Used by one thread at a time.
class log_limit {
 public:
  using clock = std::chrono::steady_clock;

  explicit log_limit(clock::duration quiet) : quiet_{quiet} {}

  bool lets_through() {
    const auto now = clock::now();
    const auto last = std::exchange(last_, now);
    return !last || now - *last >= quiet_;
  }

 private:
  clock::duration quiet_;
  std::optional<clock::time_point> last_;
};

}  // namespace troupe::actors
