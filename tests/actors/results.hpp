// Results of statements as PostgreSQL would send them, made without a database.
#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "db/codec.hpp"

namespace troupe::test {

/// A field of a result, by its type's object id.
struct field {
  std::string name;
  Oid type;
};

/// A value in PostgreSQL's binary format; nothing for NULL.
using cell = std::optional<std::string>;

/// An integer of some bytes in network order.
inline std::string big_endian(std::int64_t value, std::size_t bytes = 8) {
  std::string out;
  for (std::size_t i = bytes; i-- > 0;)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return out;
}

inline db::result make_result(std::vector<field> fields, const std::vector<std::vector<cell>>& rows) {
  auto* out = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
  std::vector<PGresAttDesc> attributes;
  for (auto& each : fields) attributes.push_back({each.name.data(), 0, 0, 1, each.type, -1, -1});
  PQsetResultAttrs(out, static_cast<int>(attributes.size()), attributes.data());
  for (int row = 0; const auto& cells : rows) {
    for (int column = 0; const auto& each : cells) {
      auto copy = each.value_or("");
      PQsetvalue(out, row, column++, copy.data(), each ? static_cast<int>(copy.size()) : -1);
    }
    ++row;
  }
  return db::result{out};
}

/// A result that is recognised by its number of rows.
inline db::result rows_of_number(std::size_t count) {
  return make_result({{"n", db::type_id::int8}}, std::vector<std::vector<cell>>(count, {big_endian(1)}));
}

/// The parameters of a statement, as they go to the server.
inline std::vector<cell> cells_of(const db::parameters& from) {
  std::vector<cell> out;
  const auto values = from.values();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == nullptr)
      out.emplace_back();
    else
      out.emplace_back(std::string{values[i], static_cast<std::size_t>(from.lengths()[i])});
  }
  return out;
}

}  // namespace troupe::test
