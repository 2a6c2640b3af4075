// Writes a row as JSON, straight into the answer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "db/table.hpp"
#include "http/json_scan.hpp"
#include "http/python_json.hpp"

namespace troupe::http {
namespace detail {

/// What stands before the value of column I: a brace or comma, the quoted name and a colon.
template <class Table, std::size_t I>
struct json_key {
  static constexpr std::string_view name = std::get<I>(Table::columns).name;
  static_assert(std::none_of(name.begin(), name.end(), is_json_special),
                "the name of a column needs no escapes");

  static constexpr auto bytes = [] {
    std::array<char, name.size() + 4> out{};
    out[0] = I == 0 ? '{' : ',';
    out[1] = '"';
    std::copy(name.begin(), name.end(), out.begin() + 2);
    out[name.size() + 2] = '"';
    out[name.size() + 3] = ':';
    return out;
  }();
  static constexpr std::string_view text{bytes.data(), bytes.size()};
};

inline void append_json_value(std::string& out, const std::string& value) { append_json_string(out, value); }
inline void append_json_value(std::string& out, std::int64_t value) { append_json_integer(out, value); }
inline void append_json_value(std::string& out, bool value) { out += value ? "true" : "false"; }

template <class T>
void append_json_value(std::string& out, const std::optional<T>& value) {
  if (value) {
    append_json_value(out, *value);
  } else {
    out += "null";
  }
}

}  // namespace detail

/// Appends a row as a compact JSON object, its columns in order. Texts must be valid UTF-8.
template <class Table>
void append_json(std::string& out, const db::row<Table>& row) {
  db::for_each_column<Table>([&](auto index, const auto&) {
    out += detail::json_key<Table, index>::text;
    detail::append_json_value(out, std::get<index>(row.values));
  });
  out += '}';
}

}  // namespace troupe::http
