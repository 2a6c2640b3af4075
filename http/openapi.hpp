// The OpenAPI description of the service, derived from what tables and routes declare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "actors/messages.hpp"
#include "db/error.hpp"
#include "db/table.hpp"
#include "http/router.hpp"
#include "http/settings.hpp"

namespace troupe::http {

/// A column of a table, as values. The texts are those of the declaration.
struct described_column {
  enum class type { text, integer, boolean };

  const char* name;
  const char* description;
  /// JSON text; empty for none.
  const char* example;
  type of;
  bool is_nullable;
  bool is_key;
  /// Bounds of a text, in characters; the upper bound 0 means none.
  std::size_t min_length;
  std::size_t max_length;
};

/// A table, as values.
struct described_resource {
  std::string name;
  std::string singular;
  std::vector<described_column> columns;
  /// The error for a key that no row has.
  db::error missing;
};

namespace detail {

template <class T>
struct column_type;
template <>
struct column_type<std::string>
    : std::integral_constant<described_column::type, described_column::type::text> {};
template <>
struct column_type<std::int64_t>
    : std::integral_constant<described_column::type, described_column::type::integer> {};
template <>
struct column_type<bool> : std::integral_constant<described_column::type, described_column::type::boolean> {};
template <class T>
struct column_type<std::optional<T>> : column_type<T> {};

}  // namespace detail

/// What the declaration of a table says.
template <class Table>
described_resource describe() {
  described_resource out{Table::name, Table::singular, {}, actors::no_such_row<Table>()};
  db::for_each_column<Table>([&]<class Column>(auto, const Column& column) {
    described_column each{column.name,
                          column.description,
                          column.example,
                          detail::column_type<typename Column::value_type>::value,
                          Column::is_nullable,
                          Column::is_key,
                          0,
                          0};
    if constexpr (!Column::is_key) {
      each.min_length = column.min_length;
      each.max_length = column.max_length;
    }
    out.columns.push_back(each);
  });
  return out;
}

/// The OpenAPI 3.1 document as JSON text: of all routes, those of these resources.
std::string openapi_document(const std::vector<described_resource>& resources,
                             const std::vector<route>& routes, const settings& settings);

}  // namespace troupe::http
