// Whether bytes move: tells a slow connection from a silent one, and a slow one from one that is too slow.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace troupe::http {

/// What is asked of a transfer. It has a credit of time, which passes, and which each byte that moves adds
/// to: 1 s for `min_rate` of them. So it may pause as long as what it moved before was worth.
struct pace {
  /// Not a byte for so long ends it, whatever the credit.
  std::chrono::milliseconds max_silence{};
  /// Bytes a second; 0 asks for none.
  std::size_t min_rate = 0;
  /// The credit that it begins with.
  std::chrono::milliseconds first_credit{};
  /// The credit that it can have.
  std::chrono::milliseconds max_credit{};
};

/// Follows one transfer by looks at how many bytes have moved so far.
class progress_watch {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// A transfer begins, or begins anew.
  void begin(time_point now, std::uint64_t moved, const pace& asked) noexcept;

  /// Whether the transfer goes on as asked, as of now. `moved` never falls.
  bool goes_on(time_point now, std::uint64_t moved, const pace& asked) noexcept;

 private:
  using seconds = std::chrono::duration<double>;

  time_point last_look_;
  time_point last_progress_;
  std::uint64_t moved_ = 0;
  seconds credit_{};
};

}  // namespace troupe::http
