// The one place that turns an error value into a status, a body and headers.
#pragma once

#include <exception>
#include <utility>

#include "db/error.hpp"
#include "http/exchange.hpp"
#include "http/problem.hpp"

namespace troupe::http {

/// The answer to a request that failed below HTTP. What a client cannot mend is logged in full and
/// answered without inner details.
response response_for(const db::error& what);

/// The same to one request: to a change it says whether it may have been made, and that repeating it is safe
/// if it has an Idempotency-Key.
response response_for(const db::error& what, const exchange& asked);

/// The answer to a request that is refused.
response response_for(const rejection& what);

/// An answer of a status and one sentence: {"detail": ...}.
response plain_error(int status, std::string detail);

/// To be called while an exception is handled that came up at a request: logs it with the method and the
/// path, and answers 500 if nothing was answered yet.
void answer_fault(exchange& what) noexcept;

/// Runs `handle` for a request that is not answered yet. If it throws, that is a 500 for this request alone.
template <class F>
void contain(exchange& what, F&& handle) noexcept {
  if (what.answered()) return;
  try {
    std::forward<F>(handle)();
  } catch (...) {
    answer_fault(what);
  }
}

}  // namespace troupe::http
