// Which keys are taken.
#include "http/idempotency.hpp"

#include <algorithm>
#include <string>

namespace troupe::http {

std::optional<rejection> check_idempotency_key(std::string_view key) {
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && key.size() <= max_idempotency_key) return std::nullopt;
  return rejection{400,
                   "The Idempotency-Key must be at most " + std::to_string(max_idempotency_key) +
                       " printable ASCII characters.",
                   {}};
}

}  // namespace troupe::http
