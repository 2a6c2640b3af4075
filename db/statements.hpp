// The SQL of a resource, derived from its declaration.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <chrono>
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
  /// Whether it changes data.
  bool writes = false;
  /// Whether executing it twice changes no more than executing it once.
  bool repeatable = false;
  /// Whether a database may lack the tables it needs; then its execution ends in not_supported.
  bool optional = false;
};

/// What can be asked of a table. The `_many` ones do the same for an array of keys or rows at once, and
/// list_far the same as list at less cost where much is passed over (see list_operation()).
///
/// The `_once` ones make the change and keep its answer under a client's key in the same statement, so
/// that no crash parts them; they fail if the key is there already. `recall` looks such a key up, `forget`
/// deletes one that has expired, `forget_all` all of those.
enum class operation : std::uint8_t {
  find,
  find_many,
  list,
  list_far,
  insert,
  insert_many,
  replace,
  update,
  remove,
  insert_once,
  replace_once,
  update_once,
  remove_once,
  recall,
  forget,
  forget_all,
};
inline constexpr std::size_t operation_count = 16;

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

/// Which of list and list_far is cheaper. Passing over a row costs list_far less, as it only looks at the
/// index, but each row that it returns costs a look-up more. Measured with 10,000 items: even at about
/// 8 rows passed over for each returned; 10 rows from the middle cost less than half.
constexpr operation list_operation(std::int64_t skip, std::int64_t limit) {
  constexpr std::int64_t break_even = 8;
  return skip / break_even > limit ? operation::list_far : operation::list;
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

/// The new rows come back in any order, each with its number (from 1) in `rows` behind its columns.
template <class Table>
parameters insert_many_parameters(std::span<const row<Table>* const> rows) {
  parameters out;
  for_each_column<Table>([&]<class Column>(auto i, const Column&) {
    if constexpr (!Column::is_key)
      out.add_array(type_id_of<typename Column::value_type>, rows.size(),
                    [&](std::size_t n) -> const auto& { return std::get<i>(rows[n]->values); });
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

/// Completes the parameters of a change to those of its `_once`. `request` is what tells this change from
/// another with the same key; `kept_for` how long the answer is kept.
inline parameters once_parameters(parameters change, const std::string& key, const std::string& request,
                                  std::chrono::milliseconds kept_for) {
  change.add(key);
  change.add(request);
  change.add(std::int64_t{kept_for.count()});
  return change;
}

/// One row: the columns of the answer (all null if no row had the key), whether there is an answer,
/// whether it is that of the same request, whether it has expired. No row if the key is unknown.
inline parameters recall_parameters(const std::string& key, const std::string& request) {
  parameters out;
  out.add(key);
  out.add(request);
  return out;
}

inline parameters forget_parameters(const std::string& key) {
  parameters out;
  out.add(key);
  return out;
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
