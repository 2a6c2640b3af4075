// How a fuzz target says that something does not hold, and what holds for every refusal.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "http/problem.hpp"

namespace troupe::test {

/// Ends the program if a condition does not hold; libFuzzer then keeps the input.
void require(bool holds, std::string_view what);

/// The value of a text, which must be valid JSON in UTF-8.
nlohmann::json require_json(std::string_view text);

/// A refusal must be answerable: status, and a body as FastAPI's. All its problems are in that part of
/// the request.
void require_refusal(const http::rejection& refusal, std::string_view part);

}  // namespace troupe::test
