// The item: its one declaration. A new column is one line here and one migration.
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "db/table.hpp"

namespace troupe::db {

struct item_table {
  /// Table and path: items, /items/.
  static constexpr const char* name = "items";
  /// One of them, in messages, operation ids and the path parameter: item, {item_id}.
  static constexpr const char* singular = "item";

  static constexpr auto columns = std::tuple{
      column<std::string>{
          .name = "name", .description = "What the item is called.", .example = R"("Desk lamp")"},
      column<std::optional<std::string>>{{.name = "description",
                                          .description = "Free text, or null.",
                                          .example = R"("Warm white, dimmable")"}},
      generated_key{.name = "id", .description = "Given by the database.", .example = "1"},
  };
};

using item = row<item_table>;

}  // namespace troupe::db
