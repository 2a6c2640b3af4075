// How a resource is declared: its columns, once; SQL, codec, JSON and OpenAPI derive from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace troupe::db {

/// A column that clients read and write. T is std::string, std::int64_t, bool,
/// or std::optional of one of them for a column that may be NULL.
template <class T>
struct column {
  using value_type = T;
  static constexpr bool is_key = false;
  static constexpr bool is_nullable = false;

  /// Name in SQL, JSON and OpenAPI.
  const char* name;
  /// One sentence for the API's description.
  const char* description = "";
  /// A typical value, as JSON text; empty for none.
  const char* example = "";
  /// Bounds of a text, in characters; the upper bound 0 means none but the database's own.
  std::size_t min_length = 0;
  std::size_t max_length = 0;
};

template <class T>
struct column<std::optional<T>> : column<T> {
  using value_type = std::optional<T>;
  static constexpr bool is_nullable = true;
};

/// The key: a 64-bit integer that the database generates. Exactly one per table.
struct generated_key {
  using value_type = std::int64_t;
  static constexpr bool is_key = true;
  static constexpr bool is_nullable = false;

  const char* name;
  const char* description = "";
  const char* example = "";
};

/// A set of columns of one table: bit i stands for the column at index i.
using column_set = std::uint64_t;

template <class Table>
using columns_of = std::remove_cvref_t<decltype(Table::columns)>;

template <class Table>
inline constexpr std::size_t column_count = std::tuple_size_v<columns_of<Table>>;

/// Calls f(index, column) for each column in declaration order; index is a
/// std::integral_constant, so that it can select a tuple element.
template <class Table, class F>
constexpr void for_each_column(F&& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (f(std::integral_constant<std::size_t, I>{}, std::get<I>(Table::columns)), ...);
  }(std::make_index_sequence<column_count<Table>>{});
}

/// The index of the column called `name`; column_count<Table> if there is none.
template <class Table>
constexpr std::size_t column_index(std::string_view name) {
  std::size_t found = column_count<Table>;
  for_each_column<Table>([&](auto index, const auto& column) {
    if (name == column.name) found = index;
  });
  return found;
}

/// The index of the key column.
template <class Table>
constexpr std::size_t key_index() {
  std::size_t found = column_count<Table>;
  for_each_column<Table>([&]<class Column>(auto index, const Column&) {
    if (Column::is_key) found = index;
  });
  return found;
}

/// A string literal as a template argument, to name a column at compile time.
template <std::size_t N>
struct column_name {
  char text[N];
  constexpr column_name(const char (&literal)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = literal[i];
  }
};

/// One row of a table. The values stand in the order of the columns.
template <class Table>
struct row {
  using table = Table;

  template <class>
  struct values_of;
  template <class... Columns>
  struct values_of<std::tuple<Columns...>> {
    using type = std::tuple<typename Columns::value_type...>;
  };

  typename values_of<columns_of<Table>>::type values{};

  /// The value of the column called Name: get<"name">().
  template <column_name Name>
  auto& get() {
    return std::get<checked_index<Name>()>(values);
  }
  template <column_name Name>
  const auto& get() const {
    return std::get<checked_index<Name>()>(values);
  }

  std::int64_t& key() { return std::get<key_index<Table>()>(values); }
  std::int64_t key() const { return std::get<key_index<Table>()>(values); }

  friend bool operator==(const row&, const row&) = default;

 private:
  template <column_name Name>
  static consteval std::size_t checked_index() {
    constexpr auto index = column_index<Table>(Name.text);
    static_assert(index < column_count<Table>, "the table has no column of this name");
    return index;
  }
};

}  // namespace troupe::db
