// Writes JSON as the reference does: compact, characters beyond ASCII as they are, Python's numbers.
#include <array>
#include <charconv>
#include <cmath>

#include "http/json_scan.hpp"
#include "http/python_float.hpp"
#include "http/python_json.hpp"
#include "http/utf8.hpp"

namespace troupe::http {
namespace {

void append_escape(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default:
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[c & 0xF];
  }
}

void append_any_string(std::string& out, std::string_view text) {
  if (has_surrogate(text)) {
    append_json_string(out, replace_surrogates(text));
  } else {
    append_json_string(out, text);
  }
}

void append_array(std::string& out, const json_value::array& values) {
  out += '[';
  for (bool first = true; const auto& value : values) {
    if (!first) out += ',';
    first = false;
    append_json(out, value);
  }
  out += ']';
}

void append_object(std::string& out, const json_value::object& members) {
  out += '{';
  for (bool first = true; const auto& [key, value] : members) {
    // FastAPI's encoder takes such a key for a trace of SQLAlchemy.
    if (key.starts_with("_sa")) continue;
    if (!first) out += ',';
    first = false;
    append_any_string(out, key);
    out += ':';
    append_json(out, value);
  }
  out += '}';
}

}  // namespace

void append_json_string(std::string& out, std::string_view utf8) {
  out += '"';
  for (std::size_t at = 0;;) {
    const auto stop = find_json_special(utf8, at);
    out.append(utf8.substr(at, stop - at));
    if (stop == utf8.size()) break;
    append_escape(out, utf8[stop]);
    at = stop + 1;
  }
  out += '"';
}

void append_json_integer(std::string& out, std::int64_t value) {
  std::array<char, 20> buffer;
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  out.append(buffer.data(), written.ptr);
}

void append_json(std::string& out, const json_value& value) {
  if (const auto* boolean = value.as<bool>()) {
    out += *boolean ? "true" : "false";
  } else if (const auto* integer = value.as<std::int64_t>()) {
    append_json_integer(out, *integer);
  } else if (const auto* big = value.as<json_value::big_integer>()) {
    out += big->digits;
  } else if (const auto* real = value.as<double>()) {
    if (std::isfinite(*real)) {
      append_float(out, *real);
    } else {
      out += "null";
    }
  } else if (const auto* text = value.as<std::string>()) {
    append_any_string(out, *text);
  } else if (const auto* array = value.as<json_value::array>()) {
    append_array(out, *array);
  } else if (const auto* object = value.as<json_value::object>()) {
    append_object(out, *object);
  } else {
    out += "null";
  }
}

}  // namespace troupe::http
