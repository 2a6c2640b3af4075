// Compares what has moved with what was asked.
#include "http/progress_watch.hpp"

namespace troupe::http {

void progress_watch::begin(time_point now, std::uint64_t moved) noexcept {
  last_progress_ = window_since_ = now;
  last_moved_ = window_moved_ = moved;
}

bool progress_watch::goes_on(time_point now, std::uint64_t moved, const pace& asked) noexcept {
  if (moved != last_moved_) {
    last_moved_ = moved;
    last_progress_ = now;
  }
  if (now - last_progress_ >= asked.max_silence) return false;
  const auto passed = now - window_since_;
  if (asked.min_rate == 0 || passed < asked.window) return true;
  const double seconds = std::chrono::duration<double>(passed).count();
  if (static_cast<double>(moved - window_moved_) < static_cast<double>(asked.min_rate) * seconds)
    return false;
  window_since_ = now;
  window_moved_ = moved;
  return true;
}

}  // namespace troupe::http
