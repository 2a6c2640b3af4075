// Compares what has moved with what was asked.
#include "http/progress_watch.hpp"

#include <algorithm>
#include <utility>

namespace troupe::http {

void progress_watch::begin(time_point now, std::uint64_t moved, const pace& asked) noexcept {
  last_look_ = last_progress_ = now;
  moved_ = moved;
  credit_ = asked.first_credit;
}

bool progress_watch::goes_on(time_point now, std::uint64_t moved, const pace& asked) noexcept {
  const auto progress = moved - std::exchange(moved_, moved);
  const auto passed = now - std::exchange(last_look_, now);
  if (progress > 0) last_progress_ = now;
  if (now - last_progress_ >= asked.max_silence) return false;
  if (asked.min_rate == 0) return true;
  credit_ += seconds{static_cast<double>(progress) / static_cast<double>(asked.min_rate)} - passed;
  credit_ = std::min(credit_, seconds{asked.max_credit});
  return credit_ > seconds{0};
}

}  // namespace troupe::http
