// Reads the body of a request into a row, or says all that is wrong with it.
#include "http/body.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "http/parameters.hpp"
#include "http/utf8.hpp"

namespace troupe::http::detail {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return lower(a) == b; });
}

/// What Python strips off a header, which it reads as Latin-1.
bool is_header_space(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x09 && byte <= 0x0D) || (byte >= 0x1C && byte <= 0x20) || byte == 0x85 || byte == 0xA0;
}

/// application/json and application/*+json, with any parameter.
bool is_json(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && is_header_space(type.front())) type.remove_prefix(1);
  while (!type.empty() && is_header_space(type.back())) type.remove_suffix(1);
  const auto slash = type.find('/');
  if (slash == type.npos || !equals_ignoring_case(type.substr(0, slash), "application")) return false;
  const auto subtype = type.substr(slash + 1);
  if (subtype.find('/') != subtype.npos) return false;
  constexpr std::string_view suffix = "+json";
  return equals_ignoring_case(subtype, "json") ||
         (subtype.size() >= suffix.size() &&
          equals_ignoring_case(subtype.substr(subtype.size() - suffix.size()), suffix));
}

std::string as_json(const json_value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

problem body_problem(const char* type, const char* msg, std::string input) {
  return {.type = type, .loc = {"body"}, .msg = msg, .input = std::move(input), .ctx = {}};
}

rejection refuse(problem fault) {
  rejection out;
  out.problems.push_back(std::move(fault));
  return out;
}

rejection missing_body() { return refuse(body_problem("missing", "Field required", "null")); }

rejection not_an_object(std::string input) {
  return refuse(body_problem("model_attributes_type",
                             "Input should be a valid dictionary or object to extract fields from",
                             std::move(input)));
}

rejection unreadable(const json_error& error) {
  if (!error.is_syntax_error()) {
    return {.status = 400, .detail = "There was an error parsing the body", .problems = {}};
  }
  auto fault = body_problem("json_invalid", "JSON decode error", "{}");
  fault.loc.emplace_back(static_cast<std::int64_t>(error.position));
  fault.ctx = R"({"error":)";
  append_json_string(fault.ctx, error.message);
  fault.ctx += '}';
  return refuse(std::move(fault));
}

problem field_problem(const field& field, const json_value& value, const char* type, const char* msg) {
  auto out = body_problem(type, msg, as_json(value));
  out.loc.emplace_back(std::string(field.name));
  return out;
}

problem at_field(const field& field, problem fault) {
  fault.loc = {"body", std::string(field.name)};
  return fault;
}

problem not_unicode(const field& field, const json_value& value) {
  return field_problem(field, value, "string_unicode",
                       "Input should be a valid string, unable to parse raw data as a unicode string");
}

problem length_problem(const field& field, const json_value& value, bool too_short) {
  const auto bound = static_cast<std::int64_t>(too_short ? field.min_length : field.max_length);
  auto out = field_problem(field, value, too_short ? "string_too_short" : "string_too_long",
                           too_short ? "String should have at least " : "String should have at most ");
  append_json_integer(out.msg, bound);
  out.msg += bound == 1 ? " character" : " characters";
  out.ctx = too_short ? R"({"min_length":)" : R"({"max_length":)";
  append_json_integer(out.ctx, bound);
  out.ctx += '}';
  return out;
}

/// A float as an integer, if it has no fraction and lies within 64 bits, the lowest excluded.
std::optional<std::int64_t> whole_number(double value) {
  constexpr double limit = 9223372036854775808.0;
  if (!(std::abs(value) < limit) || std::trunc(value) != value) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

problem float_problem(const field& field, const json_value& value, double number) {
  if (!std::isfinite(number)) {
    return field_problem(field, value, "finite_number", "Input should be a finite number");
  }
  if (std::trunc(number) != number) {
    return field_problem(field, value, "int_from_float",
                         "Input should be a valid integer, got a number with a fractional part");
  }
  return at_field(field, problem_of(integer_fault::size, as_json(value)));
}

problem beyond_64_bits(const field& field, const json_value& value, bool negative) {
  using limits = std::numeric_limits<std::int64_t>;
  return at_field(field, negative ? below_minimum(limits::min(), as_json(value))
                                  : above_maximum(limits::max(), as_json(value)));
}

std::optional<bool> bool_from(std::string_view text) {
  constexpr std::array<std::string_view, 6> yes{"1", "t", "y", "on", "yes", "true"};
  constexpr std::array<std::string_view, 6> no{"0", "f", "n", "off", "no", "false"};
  const auto is_text = [&](std::string_view word) { return equals_ignoring_case(text, word); };
  if (std::any_of(yes.begin(), yes.end(), is_text)) return true;
  if (std::any_of(no.begin(), no.end(), is_text)) return false;
  return std::nullopt;
}

}  // namespace

tl::expected<json_value, rejection> read_object(std::string_view content_type, std::string_view body) {
  if (body.empty()) return tl::unexpected(missing_body());
  if (!is_json(content_type)) {
    std::string input;
    append_json_string(input, replace_invalid_utf8(body));
    return tl::unexpected(not_an_object(std::move(input)));
  }
  auto value = parse_json(body);
  if (!value) return tl::unexpected(unreadable(value.error()));
  if (value->is_null()) return tl::unexpected(missing_body());
  if (value->as<json_value::object>() == nullptr) return tl::unexpected(not_an_object(as_json(*value)));
  return std::move(*value);
}

void read_field(const json_value& value, const field& field, std::string& out,
                std::vector<problem>& problems) {
  const auto* text = value.as<std::string>();
  if (text == nullptr) {
    problems.push_back(field_problem(field, value, "string_type", "Input should be a valid string"));
    return;
  }
  if (has_surrogate(*text)) {
    problems.push_back(not_unicode(field, value));
    return;
  }
  if (field.min_length != 0 || field.max_length != 0) {
    const auto length = count_characters(*text);
    if (length < field.min_length) {
      problems.push_back(length_problem(field, value, true));
      return;
    }
    if (field.max_length != 0 && length > field.max_length) {
      problems.push_back(length_problem(field, value, false));
      return;
    }
  }
  // Valid for Pydantic, but PostgreSQL has no such text.
  if (text->find('\0') != text->npos) {
    problems.push_back(not_unicode(field, value));
    return;
  }
  out = *text;
}

void read_field(const json_value& value, const field& field, std::int64_t& out,
                std::vector<problem>& problems) {
  if (const auto* integer = value.as<std::int64_t>()) {
    out = *integer;
  } else if (const auto* big = value.as<json_value::big_integer>()) {
    problems.push_back(beyond_64_bits(field, value, big->digits.starts_with('-')));
  } else if (const auto* boolean = value.as<bool>()) {
    out = *boolean ? 1 : 0;
  } else if (const auto* real = value.as<double>()) {
    if (const auto whole = whole_number(*real)) {
      out = *whole;
    } else {
      problems.push_back(float_problem(field, value, *real));
    }
  } else if (const auto* text = value.as<std::string>()) {
    if (has_surrogate(*text)) {
      problems.push_back(not_unicode(field, value));
      return;
    }
    const auto number = parse_integer(*text);
    if (!number) {
      problems.push_back(at_field(field, problem_of(number.error(), as_json(value))));
    } else if (number->saturated) {
      problems.push_back(beyond_64_bits(field, value, number->value < 0));
    } else {
      out = number->value;
    }
  } else {
    problems.push_back(field_problem(field, value, "int_type", "Input should be a valid integer"));
  }
}

void read_field(const json_value& value, const field& field, bool& out, std::vector<problem>& problems) {
  std::optional<std::int64_t> number;
  if (const auto* boolean = value.as<bool>()) {
    out = *boolean;
    return;
  }
  if (const auto* text = value.as<std::string>()) {
    if (has_surrogate(*text)) {
      problems.push_back(not_unicode(field, value));
      return;
    }
    const auto meaning = bool_from(*text);
    number = meaning ? *meaning : 2;
  } else if (const auto* integer = value.as<std::int64_t>()) {
    number = *integer;
  } else if (const auto* real = value.as<double>()) {
    number = whole_number(*real);
  }
  if (!number) {
    problems.push_back(field_problem(field, value, "bool_type", "Input should be a valid boolean"));
  } else if (*number != 0 && *number != 1) {
    problems.push_back(field_problem(field, value, "bool_parsing",
                                     "Input should be a valid boolean, unable to interpret input"));
  } else {
    out = *number == 1;
  }
}

problem missing_field(const field& field, const json_value& object) {
  return field_problem(field, object, "missing", "Field required");
}

}  // namespace troupe::http::detail
