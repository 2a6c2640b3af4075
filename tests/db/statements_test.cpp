// SQL, parameters and decoding that derive from a declaration, without a database.
#include "db/statements.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

#include "db/codec.hpp"
#include "db/item.hpp"
#include "db/sqlstate.hpp"

namespace troupe::db {
namespace {

struct lamp_table {
  static constexpr const char* name = "lamps";
  static constexpr const char* singular = "lamp";
  static constexpr auto columns =
      std::tuple{generated_key{.name = "number"}, column<bool>{.name = "on"},
                 column<std::optional<std::int64_t>>{{.name = "watts"}}, column<std::string>{.name = "room"}};
};

std::string bytes(const parameters& of, int index) {
  const char* start = of.values()[static_cast<std::size_t>(index)];
  return start == nullptr ? "(null)" : std::string(start, static_cast<std::size_t>(of.lengths()[index]));
}

TEST(Statements, DeriveFromTheDeclaration) {
  EXPECT_EQ(statement_for<lamp_table>(operation::find).sql,
            R"(SELECT "number", "on", "watts", "room" FROM "lamps" WHERE "number" = $1)");
  EXPECT_EQ(statement_for<lamp_table>(operation::list).sql,
            R"(SELECT "number", "on", "watts", "room" FROM "lamps" ORDER BY "number" LIMIT $1 OFFSET $2)");
  EXPECT_EQ(statement_for<lamp_table>(operation::insert).sql,
            R"(INSERT INTO "lamps" ("on", "watts", "room") VALUES ($1, $2, $3))"
            R"( RETURNING "number", "on", "watts", "room")");
  EXPECT_EQ(statement_for<lamp_table>(operation::replace).sql,
            R"(UPDATE "lamps" SET "on" = $1, "watts" = $2, "room" = $3 WHERE "number" = $4)"
            R"( RETURNING "number", "on", "watts", "room")");
  EXPECT_EQ(statement_for<lamp_table>(operation::remove).sql,
            R"(DELETE FROM "lamps" WHERE "number" = $1 RETURNING "number")");
}

TEST(Statements, ManyRowsAreNumberedAndGetTheirKeysBeforehand) {
  EXPECT_EQ(statement_for<lamp_table>(operation::find_many).sql,
            R"(SELECT "number", "on", "watts", "room" FROM "lamps" WHERE "number" = ANY($1))");
  const auto& many = statement_for<lamp_table>(operation::insert_many);
  EXPECT_NE(many.sql.find("WITH ORDINALITY"), std::string::npos);
  EXPECT_EQ(many.parameter_types,
            (std::vector<Oid>{type_id::boolean_array, type_id::int8_array, type_id::text_array}));
  EXPECT_TRUE(many.writes);
}

TEST(Statements, AListFromFarBehindLooksAtTheIndexFirst) {
  EXPECT_EQ(statement_for<lamp_table>(operation::list_far).sql,
            R"(SELECT "number", "on", "watts", "room" FROM "lamps" WHERE "number" = ANY(ARRAY()"
            R"(SELECT "number" FROM "lamps" ORDER BY "number" LIMIT $1 OFFSET $2)) ORDER BY "number")");
  EXPECT_EQ(list_operation(0, 10), operation::list);
  EXPECT_EQ(list_operation(80, 10), operation::list);
  EXPECT_EQ(list_operation(1000, 10), operation::list_far);
  EXPECT_EQ(list_operation(std::numeric_limits<std::int64_t>::max(), 1000), operation::list_far);
}

TEST(Statements, AChangeAndItsKeyAreOneStatement) {
  const auto& once = statement_for<lamp_table>(operation::remove_once);
  EXPECT_EQ(once.sql, R"(WITH changed AS (DELETE FROM "lamps" WHERE "number" = $1 RETURNING )"
                      R"("number", "on", "watts", "room"), kept AS (INSERT INTO idempotency_keys )"
                      R"((key, request, answer, expires_at) VALUES ($2, sha256(convert_to($3, 'UTF8')), )"
                      R"((SELECT to_jsonb(changed.*) FROM changed), now() + $4 * interval '1 ms')) )"
                      R"(SELECT "number", "on", "watts", "room" FROM changed)");
  EXPECT_EQ(once.parameter_types,
            (std::vector<Oid>{type_id::int8, type_id::text, type_id::text, type_id::int8}));
  EXPECT_TRUE(once.writes);
  EXPECT_TRUE(once.repeatable);
  EXPECT_TRUE(once.optional);
}

TEST(Statements, TypesStandInTheOrderOfTheParameters) {
  EXPECT_EQ(statement_for<lamp_table>(operation::replace).parameter_types,
            (std::vector<Oid>{type_id::boolean, type_id::int8, type_id::text, type_id::int8}));
  EXPECT_EQ(statement_for<lamp_table>(operation::update).parameter_types.size(), 7U);
}

TEST(Statements, OnlyThoseThatChangeDataWrite) {
  for (const auto reads : {operation::find, operation::list})
    EXPECT_FALSE(statement_for<item_table>(reads).writes);
  for (const auto writes : {operation::insert, operation::replace, operation::update, operation::remove})
    EXPECT_TRUE(statement_for<item_table>(writes).writes);
}

TEST(Parameters, AreBigEndian) {
  parameters out;
  out.add(std::int64_t{0x0102030405060708});
  out.add(std::int64_t{-2});
  EXPECT_EQ(bytes(out, 0), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(bytes(out, 1), "\xff\xff\xff\xff\xff\xff\xff\xfe");
}

TEST(Parameters, TellNullFromEmpty) {
  parameters out;
  out.add(std::optional<std::string>{});
  out.add(std::optional<std::string>{""});
  EXPECT_EQ(out.values()[0], nullptr);
  ASSERT_NE(out.values()[1], nullptr);
  EXPECT_EQ(out.lengths()[1], 0);
}

TEST(Parameters, UpdateSaysWhichColumnsAreGiven) {
  row<item_table> row;
  row.get<"name">() = "n";
  row.key() = 5;
  const auto out = update_parameters(row, column_set{1} << column_index<item_table>("name"));
  ASSERT_EQ(out.count(), 5);
  EXPECT_EQ(bytes(out, 0), std::string(1, '\1'));
  EXPECT_EQ(bytes(out, 1), "n");
  EXPECT_EQ(bytes(out, 2), std::string(1, '\0'));
  EXPECT_EQ(bytes(out, 3), "(null)");
}

struct field {
  Oid type;
  std::optional<std::string> value;
};

// A result of one row as the server would send it.
result one_row(std::vector<field> fields) {
  PGresult* raw = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < fields.size(); ++i) names.push_back("f" + std::to_string(i));
  std::vector<PGresAttDesc> descriptions;
  for (std::size_t i = 0; i < fields.size(); ++i)
    descriptions.push_back({names[i].data(), 0, 0, 1, fields[i].type, -1, -1});
  PQsetResultAttrs(raw, static_cast<int>(fields.size()), descriptions.data());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    auto& value = fields[i].value;
    PQsetvalue(raw, 0, static_cast<int>(i), value ? value->data() : nullptr,
               value ? static_cast<int>(value->size()) : -1);
  }
  return result{raw};
}

TEST(Decode, TakesTheTypesOfADatabaseThatSqlalchemyMade) {
  const auto from = one_row({{1043, "n"}, {1043, std::nullopt}, {23, std::string("\xff\xff\xff\xfe", 4)}});
  const auto row = decode_row<item_table>(from, 0);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->get<"name">(), "n");
  EXPECT_EQ(row->get<"description">(), std::nullopt);
  EXPECT_EQ(row->key(), -2);
}

TEST(Decode, ReadsTheWholeRangeOfAKey) {
  const auto from = one_row({{25, ""}, {25, "d"}, {20, std::string("\x7f\xff\xff\xff\xff\xff\xff\xff", 8)}});
  const auto row = decode_row<item_table>(from, 0);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->key(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(row->get<"description">(), "d");
}

TEST(Decode, NamesTheColumnThatDoesNotFit) {
  const std::string key(8, '\0');
  const auto null_name = decode_row<item_table>(one_row({{25, std::nullopt}, {25, ""}, {20, key}}), 0);
  ASSERT_FALSE(null_name);
  EXPECT_EQ(null_name.error().code, errc::schema_mismatch);
  EXPECT_NE(null_name.error().message.find("items.name"), std::string::npos);
  const auto text_key = decode_row<item_table>(one_row({{25, "n"}, {25, ""}, {25, key}}), 0);
  ASSERT_FALSE(text_key);
  EXPECT_NE(text_key.error().message.find("items.id"), std::string::npos);
}

TEST(Sqlstate, TellsWhoCanMendIt) {
  EXPECT_EQ(code_of("22021"), errc::invalid_value);
  EXPECT_EQ(code_of("22001"), errc::value_too_long);
  EXPECT_EQ(code_of("54000"), errc::value_too_long);
  EXPECT_EQ(code_of("23502"), errc::invalid_value);
  EXPECT_EQ(code_of("57014"), errc::deadline_exceeded);
  EXPECT_EQ(code_of("53100"), errc::overloaded);
  EXPECT_EQ(code_of("42P01"), errc::schema_mismatch);
  EXPECT_EQ(code_of("42501"), errc::statement_failed);
  EXPECT_EQ(code_of("XX000"), errc::statement_failed);
}

TEST(Sqlstate, ARefusedStatementWasNotExecutedButOneCutOffMayBe) {
  for (const auto* refused : {"26000", "0A000", "25006"}) EXPECT_TRUE(refuses_statement(refused)) << refused;
  for (const auto* other : {"57P01", "08006", "23505"}) EXPECT_FALSE(refuses_statement(other)) << other;
}

TEST(Sqlstate, KnowsWhatEndsASession) {
  for (const auto* fatal : {"57P01", "57P02", "57P03", "08006", "26000", "0A000", "25006"})
    EXPECT_TRUE(ends_session(fatal)) << fatal;
  for (const auto* harmless : {"57014", "23505", "22021", "42P01"})
    EXPECT_FALSE(ends_session(harmless)) << harmless;
}

}  // namespace
}  // namespace troupe::db
