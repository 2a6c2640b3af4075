// Reads the body of a request into a row, or says all that is wrong with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "db/table.hpp"
#include "http/problem.hpp"
#include "http/python_json.hpp"

namespace troupe::http {

/// A row of which only some columns are given.
template <class Table>
struct partial {
  db::row<Table> row;
  /// The columns that the client sent; the others of `row` have no meaning.
  db::column_set given = 0;
};

namespace detail {

/// A column, as its value in a body is judged.
struct field {
  std::string_view name;
  /// Bounds of a text, in characters; the upper bound 0 means none.
  std::size_t min_length = 0;
  std::size_t max_length = 0;
};

/// The JSON object in a body, never another value; the refusal of what is not one.
tl::expected<json_value, rejection> read_object(std::string_view content_type, std::string_view body);

/// Converts a value for a field. Adds to the problems if it does not fit.
void read_field(const json_value& value, const field& field, std::string& out,
                std::vector<problem>& problems);
void read_field(const json_value& value, const field& field, std::int64_t& out,
                std::vector<problem>& problems);
void read_field(const json_value& value, const field& field, bool& out, std::vector<problem>& problems);

template <class T>
void read_field(const json_value& value, const field& field, std::optional<T>& out,
                std::vector<problem>& problems) {
  if (value.is_null()) {
    out.reset();
  } else {
    read_field(value, field, out.emplace(), problems);
  }
}

/// The problem of a field that is not in the object.
problem missing_field(const field& field, const json_value& object);

template <class Table>
tl::expected<partial<Table>, rejection> read_columns(std::string_view content_type, std::string_view body,
                                                     bool whole) {
  auto object = read_object(content_type, body);
  if (!object) return tl::unexpected(std::move(object.error()));
  const auto& members = *object->as<json_value::object>();
  partial<Table> out;
  rejection refusal;
  db::for_each_column<Table>([&]<class Column>(auto index, const Column& column) {
    if constexpr (!Column::is_key) {
      const field field{column.name, column.min_length, column.max_length};
      if (const auto* value = find(members, field.name)) {
        read_field(*value, field, std::get<index>(out.row.values), refusal.problems);
        out.given |= db::column_set{1} << index;
      } else if (whole && !Column::is_nullable) {
        refusal.problems.push_back(missing_field(field, *object));
      }
    }
  });
  if (!refusal.problems.empty()) return tl::unexpected(std::move(refusal));
  return out;
}

}  // namespace detail

/// Reads a whole row, for POST and PUT: each column but the key, where a nullable one may be
/// absent. `content_type` is the header's value, empty if it is absent; `body` is the raw body.
/// The problems stand in the order of the columns.
template <class Table>
tl::expected<db::row<Table>, rejection> read_whole(std::string_view content_type, std::string_view body) {
  return detail::read_columns<Table>(content_type, body, true).map([](partial<Table>&& all) {
    return std::move(all.row);
  });
}

/// Reads the columns that are to change, for PATCH: each may be absent, even all.
template <class Table>
tl::expected<partial<Table>, rejection> read_partial(std::string_view content_type, std::string_view body) {
  return detail::read_columns<Table>(content_type, body, false);
}

}  // namespace troupe::http
