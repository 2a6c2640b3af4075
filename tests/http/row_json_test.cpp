// Rows as JSON, to the byte.
#include "http/row_json.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "db/item.hpp"

namespace troupe::http {
namespace {

struct switch_table {
  static constexpr auto columns = std::tuple{
      db::generated_key{.name = "id"},
      db::column<bool>{.name = "on"},
      db::column<std::optional<std::int64_t>>{{.name = "since"}},
      db::column<std::optional<bool>>{{.name = "locked"}},
  };
};

template <class Table>
std::string json_of(const db::row<Table>& row) {
  std::string out;
  append_json(out, row);
  return out;
}

TEST(row_json, writes_an_item) {
  db::item item;
  item.get<"name">() = "a \"b\" \\ \n\x01\x7F é😀";
  item.key() = 7;
  EXPECT_EQ(json_of(item),
            "{\"name\":\"a \\\"b\\\" \\\\ \\n\\u0001\x7F é😀\",\"description\":null,\"id\":7}");
  item.get<"name">() = "";
  item.get<"description">() = "d";
  EXPECT_EQ(json_of(item), R"({"name":"","description":"d","id":7})");
}

TEST(row_json, writes_every_type) {
  db::row<switch_table> row;
  row.key() = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(json_of(row), R"({"id":-9223372036854775808,"on":false,"since":null,"locked":null})");
  row.get<"on">() = true;
  row.get<"since">() = 0;
  row.get<"locked">() = false;
  EXPECT_EQ(json_of(row), R"({"id":-9223372036854775808,"on":true,"since":0,"locked":false})");
}

TEST(row_json, appends) {
  std::string out = "[";
  append_json(out, db::item{});
  EXPECT_EQ(out, R"([{"name":"","description":null,"id":0})");
}

}  // namespace
}  // namespace troupe::http
