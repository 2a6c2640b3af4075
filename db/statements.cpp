// Writes the SQL text of each operation from a table's name and columns.
#include "db/statements.hpp"

namespace troupe::db::detail {

namespace {

std::string quoted(const std::string& identifier) { return '"' + identifier + '"'; }

std::string parameter(std::size_t number) { return '$' + std::to_string(number); }

// The keys of changes that are made once, of all tables; see migrations/0003.
constexpr auto keys_table = "idempotency_keys";

// A change that keeps its answer with the key: one statement, one commit.
statement once(const std::string& table, const std::string& what, const std::string& columns,
               const std::string& change, std::vector<Oid> types) {
  const auto first = types.size() + 1;
  types.insert(types.end(), {type_id::text, type_id::text, type_id::int8});
  return {table + "_" + what + "_once",
          "WITH changed AS (" + change + " RETURNING " + columns + "), kept AS (INSERT INTO " +
              std::string{keys_table} + " (key, request, answer, expires_at) VALUES (" + parameter(first) +
              ", sha256(convert_to(" + parameter(first + 1) +
              ", 'UTF8')), (SELECT to_jsonb(changed.*) FROM changed), now() + " + parameter(first + 2) +
              " * interval '1 ms')) SELECT " + columns + " FROM changed",
          std::move(types),
          true,
          true,
          true};
}

void append_item(std::string& list, const std::string& item) {
  if (!list.empty()) list += ", ";
  list += item;
}

}  // namespace

std::array<statement, operation_count> build_statements(const std::string& table,
                                                        const std::vector<column_sketch>& columns) {
  std::string all, made, answered, values, placeholders, assignments, choices, key;
  std::vector<Oid> value_types, array_types, choice_types;
  for (const auto& column : columns) {
    const auto name = quoted(column.name);
    append_item(all, name);
    append_item(made, "made." + name);
    append_item(answered, "answered." + name);
    if (column.is_key) {
      key = name;
      continue;
    }
    value_types.push_back(column.type);
    array_types.push_back(array_of(column.type));
    const auto placeholder = parameter(value_types.size());
    append_item(values, name);
    append_item(placeholders, placeholder);
    append_item(assignments, name + " = " + placeholder);
    choice_types.insert(choice_types.end(), {type_id::boolean, column.type});
    // Both branches in the column's own type, whatever that is in this database.
    append_item(choices, name + " = CASE WHEN " + parameter(choice_types.size() - 1) + " THEN " +
                             parameter(choice_types.size()) + " ELSE " + name + " END");
  }
  auto replace_types = value_types;
  replace_types.push_back(type_id::int8);
  auto update_types = choice_types;
  update_types.push_back(type_id::int8);

  const auto from = " FROM " + quoted(table);
  const auto returning = " RETURNING " + all;
  const auto update = "UPDATE " + quoted(table) + " SET ";
  // Each row gets its key before it is inserted: RETURNING promises no order, the number of the row does.
  // No column is called like that.
  const std::string number = R"("#")";
  const auto insert_many =
      "WITH given AS MATERIALIZED (SELECT nextval(pg_get_serial_sequence('" + quoted(table) + "', '" +
      key.substr(1, key.size() - 2) + "')) AS " + key + ", " + values + ", " + number + " FROM unnest(" +
      placeholders + ") WITH ORDINALITY AS rows (" + values + ", " + number + ")), made AS (INSERT INTO " +
      quoted(table) + " (" + key + ", " + values + ") OVERRIDING SYSTEM VALUE SELECT " + key + ", " + values +
      " FROM given" + returning + ") SELECT " + made + ", " + number + " FROM made JOIN given USING (" + key +
      ")";
  const std::string keys = keys_table;
  const auto insert = "INSERT INTO " + quoted(table) + " (" + values + ") VALUES (" + placeholders + ")";
  const auto where = [&](std::size_t nth) { return " WHERE " + key + " = " + parameter(nth); };
  return {
      statement{table + "_find", "SELECT " + all + from + where(1), {type_id::int8}, false},
      statement{table + "_find_many",
                "SELECT " + all + from + " WHERE " + key + " = ANY($1)",
                {type_id::int8_array},
                false},
      statement{table + "_list",
                "SELECT " + all + from + " ORDER BY " + key + " LIMIT $1 OFFSET $2",
                {type_id::int8, type_id::int8},
                false},
      statement{table + "_list_far",
                "SELECT " + all + from + " WHERE " + key + " = ANY(ARRAY(SELECT " + key + from +
                    " ORDER BY " + key + " LIMIT $1 OFFSET $2)) ORDER BY " + key,
                {type_id::int8, type_id::int8},
                false},
      statement{table + "_insert", insert + returning, value_types, true},
      statement{table + "_insert_many", insert_many, array_types, true},
      statement{table + "_replace", update + assignments + where(replace_types.size()) + returning,
                replace_types, true},
      statement{table + "_update", update + choices + where(update_types.size()) + returning, update_types,
                true},
      statement{table + "_remove", "DELETE" + from + where(1) + " RETURNING " + key, {type_id::int8}, true},
      once(table, "insert", all, insert, value_types),
      once(table, "replace", all, update + assignments + where(replace_types.size()), replace_types),
      once(table, "update", all, update + choices + where(update_types.size()), update_types),
      once(table, "remove", all, "DELETE" + from + where(1), {type_id::int8}),
      statement{table + "_recall",
                "SELECT " + answered +
                    ", kept.answer IS NOT NULL, kept.request = sha256(convert_to($2, 'UTF8')), "
                    "kept.expires_at <= now() FROM " +
                    keys + " AS kept LEFT JOIN LATERAL jsonb_populate_record(NULL::" + quoted(table) +
                    ", kept.answer) AS answered ON true WHERE kept.key = $1",
                {type_id::text, type_id::text},
                false,
                false,
                true},
      statement{table + "_forget",
                "DELETE FROM " + keys + " WHERE key = $1 AND expires_at <= now()",
                {type_id::text},
                true,
                true,
                true},
      statement{
          table + "_forget_all", "DELETE FROM " + keys + " WHERE expires_at <= now()", {}, true, true, true},
  };
}

}  // namespace troupe::db::detail
