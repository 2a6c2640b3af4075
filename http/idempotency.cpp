// Which keys are taken.
#include "http/idempotency.hpp"

#include <algorithm>
#include <cstddef>

namespace troupe::http {

namespace {

// As other services have it; a UUID has 36.
constexpr std::size_t max_key = 255;

}  // namespace

std::optional<rejection> check_idempotency_key(std::string_view key) {
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && key.size() <= max_key) return std::nullopt;
  return rejection{400, "The Idempotency-Key must be at most 255 printable ASCII characters.", {}};
}

}  // namespace troupe::http
