// Floats as Python reads and prints them.
#pragma once

#include <string>
#include <string_view>

namespace troupe::http {

/// The value of a float in JSON's form; beyond the range of double an infinity or a zero.
double parse_float(std::string_view text);

/// Appends a finite float as Python's repr: the shortest digits that give it back, with an
/// exponent below 1e-4 and from 1e16 on.
void append_float(std::string& out, double value);

}  // namespace troupe::http
