// The Idempotency-Key header: with it a client may repeat a change, which is made once.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "http/problem.hpp"

namespace troupe::http {

/// draft-ietf-httpapi-idempotency-key-header.
inline constexpr std::string_view idempotency_header = "Idempotency-Key";
/// "true" where the answer is that of an earlier request with the same key.
inline constexpr std::string_view idempotency_replayed_header = "Idempotency-Replayed";

/// Characters. As other services have it; a UUID has 36.
inline constexpr std::size_t max_idempotency_key = 255;

/// What is wrong with a key; nothing if it can be used: so many printable ASCII characters at most.
std::optional<rejection> check_idempotency_key(std::string_view key);

}  // namespace troupe::http
