// Whether bytes move: tells a slow connection from a silent one, and a slow one from one that is too slow.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe::http {

/// What is asked of a transfer.
struct pace {
  /// Not a byte for so long is silence.
  std::chrono::milliseconds max_silence{};
  /// Bytes a second, over each `window`; 0 asks for none.
  std::size_t min_rate = 0;
  std::chrono::milliseconds window{};
};

/// Follows one transfer by looks at how many bytes have moved so far.
class progress_watch {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A transfer begins, or begins anew.
  void begin(time_point now, std::uint64_t moved) noexcept;

  /// Whether the transfer goes on as asked, as of now. `moved` never falls.
  bool goes_on(time_point now, std::uint64_t moved, const pace& asked) noexcept;

 private:
  time_point last_progress_;
  std::uint64_t last_moved_ = 0;
  time_point window_since_;
  std::uint64_t window_moved_ = 0;
};

}  // namespace troupe::http
