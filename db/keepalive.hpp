// How soon a connection is noticed whose other side has gone without a word: TCP's keepalive, from one time.
#pragma once

#include <chrono>

namespace troupe::db {

/// Well below the 30 s that a caller may wait for a dead connection, and a packet in 11 s at most while idle.
inline constexpr std::chrono::milliseconds default_keepalive{20000};
/// What the kernel's granularity of a second allows: 1 s idle and three probes.
inline constexpr std::chrono::milliseconds min_keepalive{4000};
inline constexpr std::chrono::milliseconds max_keepalive{std::chrono::hours{1}};

/// The kernel's settings, see tcp(7).
struct keepalive_settings {
  /// Silence before the first probe; 0 for no probes at all.
  std::chrono::seconds idle{0};
  /// Between two probes.
  std::chrono::seconds interval{0};
  /// Probes without an answer after which the connection is given up.
  int count = 0;
  /// Time for sent bytes to be confirmed; it counts for probes, too, instead of `count`.
  std::chrono::milliseconds user_timeout{0};
};

/// The settings with which a peer that has gone is noticed within `time`: 0 (never), or from min_keepalive
/// to max_keepalive.
keepalive_settings keepalive_within(std::chrono::milliseconds time);

/// Which peers a socket is given up for.
enum class given_up {
  /// Those that answer nothing, and those that take nothing for so long: Linux counts the time of a closed
  /// receive window to the user timeout, even if every probe of it is answered.
  silent_or_stalled,
  /// Those that answer nothing while the connection is idle. A slow reader is kept.
  silent,
};

/// Sets a TCP socket up. What the kernel refuses stays as it is: the socket may be dead already.
void set_keepalive(int socket, const keepalive_settings& how, given_up whom) noexcept;

}  // namespace troupe::db
