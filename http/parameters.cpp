// Reads what stands in a URL: percent-decoding, the query, and integers as Pydantic takes them.
#include "http/parameters.hpp"

#include <algorithm>
#include <charconv>

#include "http/python_json.hpp"
#include "http/utf8.hpp"

namespace troupe::http {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The bytes behind the percent-encoding, whatever they are.
std::string unquote_to_bytes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      const int high = hex_value(text[at + 1]);
      const int low = hex_value(text[at + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        at += 2;
        continue;
      }
    }
    out += text[at];
  }
  return out;
}

/// One name or value of a query. The reference takes raw bytes beyond ASCII for Latin-1, and
/// never joins them with percent-encoded ones.
std::string decode_query_part(std::string_view raw) {
  std::string spaced(raw);
  for (char& c : spaced) {
    if (c == '+') c = ' ';
  }
  std::string out;
  std::string_view rest = spaced;
  while (!rest.empty()) {
    std::size_t ascii = 0;
    while (ascii < rest.size() && static_cast<unsigned char>(rest[ascii]) < 0x80) ++ascii;
    out += replace_invalid_utf8(unquote_to_bytes(rest.substr(0, ascii)));
    rest.remove_prefix(ascii);
    if (rest.empty()) break;
    append_utf8(out, static_cast<unsigned char>(rest.front()));
    rest.remove_prefix(1);
  }
  return out;
}

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

std::string_view trim(std::string_view text) {
  while (!text.empty()) {
    const auto step = decode_utf8(text);
    if (!is_white_space(step.code_point)) break;
    text.remove_prefix(step.length);
  }
  while (!text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
    if (!is_white_space(decode_utf8(text.substr(start)).code_point)) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// An integer as JSON writes it, at the front of a text.
struct plain_integer {
  parsed_integer number;
  /// Bytes taken; 0 if there is none.
  std::size_t length = 0;
};

plain_integer read_plain(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::size_t end = negative ? 1 : 0;
  if (end == text.size() || !is_digit(text[end])) return {};
  if (text[end] == '0') {
    ++end;
    if (end < text.size() && is_digit(text[end])) return {};
  } else {
    while (end < text.size() && is_digit(text[end])) ++end;
  }
  plain_integer out;
  out.length = end;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + end, out.number.value);
  if (fault == std::errc::result_out_of_range) {
    using limits = std::numeric_limits<std::int64_t>;
    out.number = {.value = negative ? limits::min() : limits::max(), .saturated = true};
  }
  return out;
}

/// The text from where leading zeros end, keeping one if no other digit follows. Underscores
/// among them do not count. Empty if the text does not begin as a number.
std::string_view without_leading_zeros(std::string_view text) {
  if (text.empty() || !is_digit(text[0])) return {};
  if (text[0] != '0') return text;
  const auto end = text.find_first_not_of("0_");
  if (end == text.npos) return text.substr(text.size() - 1);
  if (text[end] == '.') return text.substr(end - 1);
  // Pydantic takes a minus sign after leading zeros, too.
  return is_digit(text[end]) || text[end] == '-' ? text.substr(end) : std::string_view();
}

std::string_view without_zero_fraction(std::string_view text) {
  const auto point = text.find('.');
  if (point == text.npos || point + 1 == text.size()) return text;
  return text.find_first_not_of('0', point + 1) == text.npos ? text.substr(0, point) : text;
}

/// The text as JSON would write the integer; if it is none, something that JSON refuses.
std::string normalized(std::string_view text) {
  text = trim(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  text = without_zero_fraction(without_leading_zeros(text));
  std::string out(negative ? "-" : "");
  const bool may_have_underscores =
      !text.starts_with('_') && !text.ends_with('_') && text.find("__") == text.npos;
  for (const char c : text) {
    if (c != '_' || !may_have_underscores) out += c;
  }
  return out;
}

problem bound_problem(const char* type, const char* relation, const char* key, std::int64_t bound,
                      std::string input) {
  problem out{.type = type, .loc = {}, .msg = relation, .input = std::move(input), .ctx = R"({")"};
  append_json_integer(out.msg, bound);
  out.ctx.append(key).append(R"(":)");
  append_json_integer(out.ctx, bound);
  out.ctx += '}';
  return out;
}

std::string as_json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

std::string decode_path(std::string_view raw) {
  // Nearly every path stands for itself.
  if (std::ranges::none_of(raw, [](char c) { return c == '%' || static_cast<unsigned char>(c) >= 0x80; }))
    return std::string{raw};
  return replace_invalid_utf8(unquote_to_bytes(raw));
}

std::optional<std::string> query_value(std::string_view raw, std::string_view name) {
  std::optional<std::string_view> last;
  while (!raw.empty()) {
    const auto part = raw.substr(0, raw.find('&'));
    raw.remove_prefix(std::min(part.size() + 1, raw.size()));
    if (part.empty()) continue;
    const auto sign = std::min(part.find('='), part.size());
    const auto raw_name = part.substr(0, sign);
    if (raw_name != name &&
        (raw_name.find_first_of("%+") == raw_name.npos || decode_query_part(raw_name) != name)) {
      continue;
    }
    last = part.substr(std::min(sign + 1, part.size()));
  }
  if (!last) return std::nullopt;
  return decode_query_part(*last);
}

tl::expected<parsed_integer, integer_fault> parse_integer(std::string_view utf8) {
  const auto plain = read_plain(utf8);
  // Only an integer without decoration counts as too long; with it, it is no integer at all.
  if (plain.length > max_integer_digits) return tl::unexpected(integer_fault::size);
  if (plain.length == utf8.size() && plain.length > 0) return plain.number;
  const auto text = normalized(utf8);
  const auto mended = read_plain(text);
  if (mended.length != text.size() || mended.length == 0 || mended.length > max_integer_digits) {
    return tl::unexpected(integer_fault::syntax);
  }
  return mended.number;
}

problem problem_of(integer_fault fault, std::string input) {
  if (fault == integer_fault::size) {
    return {.type = "int_parsing_size",
            .loc = {},
            .msg = "Unable to parse input string as an integer, exceeded maximum size",
            .input = std::move(input),
            .ctx = {}};
  }
  return {.type = "int_parsing",
          .loc = {},
          .msg = "Input should be a valid integer, unable to parse string as an integer",
          .input = std::move(input),
          .ctx = {}};
}

problem below_minimum(std::int64_t minimum, std::string input) {
  return bound_problem("greater_than_equal", "Input should be greater than or equal to ", "ge", minimum,
                       std::move(input));
}

problem above_maximum(std::int64_t maximum, std::string input) {
  return bound_problem("less_than_equal", "Input should be less than or equal to ", "le", maximum,
                       std::move(input));
}

tl::expected<std::int64_t, problem> read_query_integer(std::string_view raw_query,
                                                       const integer_parameter& parameter) {
  const auto text = query_value(raw_query, parameter.name);
  if (!text) return parameter.fallback;
  const auto refuse = [&](problem fault) {
    fault.loc = {"query", parameter.name};
    return tl::unexpected(std::move(fault));
  };
  const auto number = parse_integer(*text);
  if (!number) return refuse(problem_of(number.error(), as_json(*text)));
  const bool beyond = number->saturated;
  if (number->value < parameter.minimum || (beyond && number->value < 0)) {
    return refuse(below_minimum(parameter.minimum, as_json(*text)));
  }
  if (number->value > parameter.maximum || beyond) {
    return refuse(above_maximum(parameter.maximum, as_json(*text)));
  }
  return number->value;
}

tl::expected<parsed_integer, problem> read_path_integer(std::string_view name, std::string_view decoded) {
  const auto number = parse_integer(decoded);
  if (number) return *number;
  auto fault = problem_of(number.error(), as_json(decoded));
  fault.loc = {"path", std::string(name)};
  return tl::unexpected(std::move(fault));
}

}  // namespace troupe::http
