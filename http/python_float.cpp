// Floats as Python reads and prints them.
#include "http/python_float.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <system_error>

namespace troupe::http {
namespace {

/// A float beyond the range of double: an infinity or a zero, by the place of its first digit.
double out_of_range_float(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto mantissa_end = std::min(text.find_first_of("eE"), text.size());
  const auto mantissa = text.substr(negative ? 1 : 0, mantissa_end - (negative ? 1 : 0));
  const auto point = std::min(mantissa.find('.'), mantissa.size());
  const auto first_digit = std::min(mantissa.find_first_of("123456789"), mantissa.size());
  auto magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first_digit);
  if (mantissa_end < text.size()) {
    auto exponent_text = text.substr(mantissa_end + 1);
    if (exponent_text.starts_with('+')) exponent_text.remove_prefix(1);
    std::int64_t exponent = 0;
    const auto [end, fault] =
        std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
    constexpr std::int64_t beyond_any_body = std::int64_t{1} << 40;
    if (fault != std::errc{}) exponent = exponent_text.starts_with('-') ? -beyond_any_body : beyond_any_body;
    magnitude += std::clamp(exponent, -beyond_any_body, beyond_any_body);
  }
  const double size = magnitude > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -size : size;
}

}  // namespace

double parse_float(std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc{} ? value : out_of_range_float(text);
}

void append_float(std::string& out, double value) {
  const double size = std::abs(value);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  std::array<char, 32> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                     plain ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
  out += text;
  if (plain && text.find('.') == text.npos) out += ".0";
}

}  // namespace troupe::http
