// The SQL of a resource, derived from its declaration.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "db/codec.hpp"
#include "db/table.hpp"

namespace troupe::db {

/// A statement that every connection prepares under its name.
struct statement {
  std::string name;
  std::string sql;
  /// Type of each parameter.
  std::vector<Oid> parameter_types;
  /// Whether it changes data, so that repeating it is not safe.
  bool writes = false;
};

/// What can be asked of a table. The `_many` ones do the same for an array of keys or rows at once.
enum class operation : std::uint8_t { find, find_many, list, insert, insert_many, replace, update, remove };
inline constexpr std::size_t operation_count = 8;

/// The statement for one operation. Lives as long as the process.
template <class Table>
const statement& statement_for(operation what);

/// All statements of a table, in the order of `operation`.
template <class Table>
std::span<const statement> statements_of();

/// Parameters of each operation.
template <class Table>
parameters find_parameters(std::int64_t key) {
  parameters out;
  out.add(key);
  return out;
}

/// One row for each of the keys that exists, in any order.
template <class Table>
parameters find_many_parameters(std::span<const std::int64_t> keys) {
  parameters out;
  out.add_array(type_id::int8, keys.size(), [&](std::size_t i) { return keys[i]; });
  return out;
}

/// The rows from `skip` on, `limit` at most, ordered by key.
template <class Table>
parameters list_parameters(std::int64_t skip, std::int64_t limit) {
  parameters out;
  out.add(limit);
  out.add(skip);
  return out;
}

template <class Table>
parameters insert_parameters(const row<Table>& row) {
  parameters out;
  for_each_column<Table>([&]<class Column>(auto i, const Column&) {
    if constexpr (!Column::is_key) out.add(std::get<i>(row.values));
  });
  return out;
}

/// The new rows come back in the order of `rows`.
template <class Table>
parameters insert_many_parameters(std::span<const row<Table>* const> rows) {
  parameters out;
  for_each_column<Table>([&]<class Column>(auto i, const Column&) {
    if constexpr (!Column::is_key)
      out.add_array(
          type_id_of<typename Column::value_type>,
          rows.size(), [&](std::size_t n) -> const auto& { return std::get<i>(rows[n]->values); });
  });
  return out;
}

template <class Table>
parameters replace_parameters(const row<Table>& row) {
  auto out = insert_parameters(row);
  out.add(row.key());
  return out;
}

/// Changes only the columns in `given`.
template <class Table>
parameters update_parameters(const row<Table>& row, column_set given) {
  parameters out;
  for_each_column<Table>([&]<class Column>(auto i, const Column&) {
    if constexpr (!Column::is_key) {
      out.add((given & (column_set{1} << i)) != 0);
      out.add(std::get<i>(row.values));
    }
  });
  out.add(row.key());
  return out;
}

template <class Table>
parameters remove_parameters(std::int64_t key) {
  return find_parameters<Table>(key);
}

namespace detail {

/// A column as the statement builder sees it.
struct column_sketch {
  std::string name;
  Oid type;
  bool is_key;
};

std::array<statement, operation_count> build_statements(const std::string& table,
                                                        const std::vector<column_sketch>& columns);

template <class Table>
const std::array<statement, operation_count>& statements() {
  static const auto built = [] {
    std::vector<column_sketch> columns;
    for_each_column<Table>([&]<class Column>(auto, const Column& column) {
      columns.push_back({column.name, type_id_of<typename Column::value_type>, Column::is_key});
    });
    return build_statements(Table::name, columns);
  }();
  return built;
}

}  // namespace detail

template <class Table>
const statement& statement_for(operation what) {
  return detail::statements<Table>()[static_cast<std::size_t>(what)];
}

template <class Table>
std::span<const statement> statements_of() {
  return detail::statements<Table>();
}

}  // namespace troupe::db
