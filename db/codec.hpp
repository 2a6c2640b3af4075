// The binary format of PostgreSQL: statement parameters out, result rows in.
#pragma once

#include <libpq-fe.h>

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "db/error.hpp"
#include "db/table.hpp"

namespace troupe::db {

/// The types this service speaks, by PostgreSQL's fixed object ids (catalog pg_type).
namespace type_id {
inline constexpr Oid boolean = 16;
inline constexpr Oid int8 = 20;
inline constexpr Oid text = 25;
inline constexpr Oid boolean_array = 1000;
inline constexpr Oid text_array = 1009;
inline constexpr Oid int8_array = 1016;
}  // namespace type_id

/// The type of a parameter that carries a T.
template <class T>
inline constexpr Oid type_id_of = type_id::text;
template <>
inline constexpr Oid type_id_of<std::int64_t> = type_id::int8;
template <>
inline constexpr Oid type_id_of<bool> = type_id::boolean;
template <class T>
inline constexpr Oid type_id_of<std::optional<T>> = type_id_of<T>;

/// The type of an array of such elements.
constexpr Oid array_of(Oid element) {
  switch (element) {
    case type_id::boolean: return type_id::boolean_array;
    case type_id::int8: return type_id::int8_array;
    default: return type_id::text_array;
  }
}

/// The parameters of one execution, encoded as they go to the server.
class parameters {
 public:
  void add(std::int64_t value);
  void add(bool value);
  void add(std::string_view value);
  void add_null();

  template <class T>
  void add(const std::optional<T>& value) {
    if (value)
      add(*value);
    else
      add_null();
  }

  /// Adds a one-dimensional array with the elements that `element(i)` returns for i in [0, size).
  template <class F>
  void add_array(Oid element_type, std::size_t size, F&& element) {
    const auto start = bytes_.size();
    begin_array(element_type, size);
    for (std::size_t i = 0; i < size; ++i) append_element(element(i));
    end_parameter(start);
  }

  /// Bytes of all values, as they are sent.
  std::size_t size_in_bytes() const noexcept { return bytes_.size(); }

  int count() const noexcept { return static_cast<int>(lengths_.size()); }
  /// Length in bytes of each parameter; 0 for NULL.
  const int* lengths() const noexcept { return lengths_.data(); }
  /// Where each parameter starts, nullptr for NULL; valid until the next add().
  std::vector<const char*> values() const;

 private:
  void append(const char* data, std::size_t size);
  void end_parameter(std::size_t start);
  void append_int32(std::int32_t value);
  void append_int64(std::int64_t value);
  void begin_array(Oid element_type, std::size_t size);
  void append_element(std::int64_t value);
  void append_element(bool value);
  void append_element(std::string_view value);
  template <class T>
  void append_element(const std::optional<T>& value) {
    if (value)
      append_element(*value);
    else
      append_int32(-1);
  }

  static constexpr std::size_t null_offset = static_cast<std::size_t>(-1);
  std::string bytes_;
  std::vector<std::size_t> offsets_;
  std::vector<int> lengths_;
};

/// The rows that one statement returned. Cheap to copy: copies share the rows.
class result {
 public:
  result() = default;
  /// Takes ownership of `rows`.
  explicit result(PGresult* rows) : rows_{rows, PQclear} {}

  /// Number of rows.
  int size() const noexcept { return rows_ ? PQntuples(rows_.get()) : 0; }
  const PGresult* get() const noexcept { return rows_.get(); }

 private:
  std::shared_ptr<PGresult> rows_;
};

/// Decodes one field; false if its type in the database or its value does not fit T.
bool decode(const PGresult* rows, int row, int field, std::int64_t& out);
bool decode(const PGresult* rows, int row, int field, bool& out);
bool decode(const PGresult* rows, int row, int field, std::string& out);

template <class T>
bool decode(const PGresult* rows, int row, int field, std::optional<T>& out) {
  if (PQgetisnull(rows, row, field) != 0) {
    out.reset();
    return true;
  }
  return decode(rows, row, field, out.emplace());
}

/// Decodes row number `index` of a result whose fields are the table's columns, in order.
/// schema_mismatch, naming the column, where the stored value does not fit the declaration.
template <class Table>
tl::expected<row<Table>, error> decode_row(const result& from, int index) {
  tl::expected<row<Table>, error> out;
  const char* misfit = nullptr;
  for_each_column<Table>([&](auto i, const auto& column) {
    if (misfit == nullptr && !decode(from.get(), index, static_cast<int>(i), std::get<i>(out->values)))
      misfit = column.name;
  });
  if (misfit != nullptr)
    out = tl::unexpected{error{errc::schema_mismatch, std::string{"The stored value of "} + Table::name +
                                                          "." + misfit +
                                                          " does not fit the declaration of the column."}};
  return out;
}

}  // namespace troupe::db
