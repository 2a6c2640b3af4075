// Each message that may cross nodes survives the way through CAF's binary format.
#include "actors/messages.hpp"

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/message.hpp>
#include <limits>

#include "actors/errors.hpp"

namespace troupe::actors {
namespace {

/// Every kind of column.
struct switch_table {
  static constexpr const char* name = "switches";
  static constexpr const char* singular = "switch";
  static constexpr auto columns = std::tuple{
      db::generated_key{.name = "id"},
      db::column<bool>{.name = "on"},
      db::column<std::int64_t>{.name = "count"},
      db::column<std::optional<std::int64_t>>{{.name = "since"}},
      db::column<std::optional<bool>>{{.name = "locked"}},
      db::column<std::optional<std::string>>{{.name = "label"}},
  };
};

struct settings : caf::actor_system_config {
  explicit settings(bool with_messages) {
    set("scheduler.policy", caf::atom("testing"));
    if (!with_messages) return;
    actors::add_message_types<db::item_table>(*this);
    actors::add_message_types<switch_table>(*this);
    actors::add_node_message_types(*this);
  }
};

/// What arrives when a value is sent to another node; nothing if it does not.
template <class T>
std::optional<T> sent(const T& value, bool registered = true) {
  settings config{registered};
  caf::actor_system system{config};
  std::vector<char> bytes;
  caf::binary_serializer out{system, bytes};
  if (out(caf::make_message(value))) return std::nullopt;
  caf::binary_deserializer in{system, bytes};
  caf::message arrived;
  if (in(arrived) || !arrived.match_elements<T>()) return std::nullopt;
  return arrived.get_as<T>(0);
}

using limits = std::numeric_limits<std::int64_t>;
constexpr std::int64_t extremes[] = {limits::min(), -1, 0, 1, limits::max()};
constexpr time_budget budgets[] = {time_budget::min(), time_budget{0}, time_budget{5000}, time_budget::max()};

std::vector<db::item> items() {
  const std::string nul_inside{"a\0b", 3};
  const std::string utf8 = "äöü 漢字 😀";
  return {
      {{"", std::nullopt, 0}},
      {{"", "", 1}},
      {{utf8, nul_inside, limits::max()}},
      {{std::string(1000000, 'x'), std::string(70000, '\xFF'), limits::min()}},
  };
}

template <template <class> class Message>
void expect_rows_arrive() {
  for (const auto& item : items()) {
    const auto it = sent(Message<db::item_table>{item, time_budget{250}});
    ASSERT_TRUE(it);
    EXPECT_EQ(it->row, item);
    EXPECT_EQ(it->within, time_budget{250});
  }
}

template <template <class> class Message>
void expect_keys_arrive() {
  for (const auto key : extremes)
    for (const auto within : budgets) {
      const auto it = sent(Message<db::item_table>{key, within});
      ASSERT_TRUE(it);
      EXPECT_EQ(it->key, key);
      EXPECT_EQ(it->within, within);
    }
}

TEST(messages, find_arrives) { expect_keys_arrive<find>(); }
TEST(messages, remove_arrives) { expect_keys_arrive<remove>(); }
TEST(messages, create_arrives) { expect_rows_arrive<create>(); }
TEST(messages, replace_arrives) { expect_rows_arrive<replace>(); }

TEST(messages, list_arrives) {
  const auto it = sent(list<db::item_table>{limits::max(), limits::min(), time_budget{1}});
  ASSERT_TRUE(it);
  EXPECT_EQ(it->skip, limits::max());
  EXPECT_EQ(it->limit, limits::min());
  EXPECT_EQ(it->within, time_budget{1});
}

TEST(messages, update_arrives) {
  for (const auto& item : items())
    for (const db::column_set given : {db::column_set{0}, db::column_set{2}, ~db::column_set{0}}) {
      const auto it = sent(update<db::item_table>{item, given, time_budget{250}});
      ASSERT_TRUE(it);
      EXPECT_EQ(it->row, item);
      EXPECT_EQ(it->given, given);
      EXPECT_EQ(it->within, time_budget{250});
    }
}

TEST(messages, a_row_arrives) {
  for (const auto& item : items()) EXPECT_EQ(sent(item), item);
}

TEST(messages, rows_arrive) {
  EXPECT_EQ(sent(rows<db::item_table>{}), rows<db::item_table>{});
  EXPECT_EQ(sent(rows<db::item_table>{items()}), rows<db::item_table>{items()});
  const rows<db::item_table> many(2000, items()[2]);
  EXPECT_EQ(sent(many), many);
}

TEST(messages, a_removed_key_arrives) {
  for (const auto key : extremes) EXPECT_EQ(sent(key), key);
}

TEST(messages, errors_arrive) {
  for (int code = 1; code <= 20; ++code) {
    const db::error original{static_cast<db::errc>(code), "sentence äöü " + std::to_string(code)};
    const auto it = sent(to_caf(original));
    ASSERT_TRUE(it);
    EXPECT_EQ(from_caf(*it), original);
  }
  const db::error large{db::errc::invalid_value, std::string(100000, 'x')};
  EXPECT_EQ(from_caf(sent(to_caf(large)).value()), large);
}

TEST(messages, rows_of_every_column_type_arrive) {
  std::vector<db::row<switch_table>> all;
  for (const auto number : extremes) {
    all.push_back({{number, true, number, number, true, "x"}});
    all.push_back({{number, false, number, std::nullopt, false, std::nullopt}});
    all.push_back({{number, true, -number / 2, 0, std::nullopt, ""}});
  }
  EXPECT_EQ(sent(rows<switch_table>{all}), rows<switch_table>{all});
  for (const auto& each : all) {
    const auto it = sent(update<switch_table>{each, 5, time_budget{9}});
    ASSERT_TRUE(it);
    EXPECT_EQ(it->row, each);
    EXPECT_EQ(it->given, 5u);
  }
}

TEST(messages, an_arriving_null_replaces_what_was_there) {
  settings config{true};
  caf::actor_system system{config};
  std::vector<char> bytes;
  db::item without{{"a", std::nullopt, 1}};
  caf::binary_serializer out{system, bytes};
  ASSERT_FALSE(out(without));
  db::item target{{"b", "left over", 2}};
  caf::binary_deserializer in{system, bytes};
  ASSERT_FALSE(in(target));
  EXPECT_EQ(target, without);
}

TEST(messages, a_truncated_message_is_an_error) {
  settings config{true};
  caf::actor_system system{config};
  std::vector<char> bytes;
  caf::binary_serializer out{system, bytes};
  ASSERT_FALSE(out(db::item{{"name", "description", 1}}));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    std::vector<char> part{bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length)};
    db::item target;
    caf::binary_deserializer in{system, part};
    EXPECT_TRUE(static_cast<bool>(in(target))) << length;
  }
}

template <class Message>
once<db::item_table> once_with(const Message& change) {
  return {"key ä", change, std::chrono::hours{24}};
}

TEST(messages, a_change_with_a_key_arrives) {
  using table = db::item_table;
  const auto item = items()[2];
  const time_budget soon{250};
  const std::vector<change<table>> changes{create<table>{item, soon}, replace<table>{item, soon},
                                           update<table>{item, 2, soon}, remove<table>{-1, soon}};
  for (const auto& each : changes) {
    const auto it = sent(once_with(each));
    ASSERT_TRUE(it);
    EXPECT_EQ(it->key, "key ä");
    EXPECT_EQ(it->kept_for, std::chrono::hours{24});
    ASSERT_EQ(it->what.index(), each.index());
    EXPECT_EQ(std::visit([](const auto& that) { return that.within; }, it->what), soon);
  }
  EXPECT_EQ(std::get<update<table>>(sent(once_with(changes[2]))->what).given, 2U);
  for (const bool replayed : {false, true}) {
    const once_reply<table> found{item, replayed}, absent{std::nullopt, replayed};
    EXPECT_EQ(sent(found), found);
    EXPECT_EQ(sent(absent), absent);
  }
}

TEST(messages, jobs_and_their_results_arrive) {
  using table = db::item_table;
  const auto item = items()[2];
  const time_budget soon{250};
  jobs<table> out;
  const std::vector<request_of<table>> requests{find<table>{1, soon},
                                                list<table>{2, 3, soon},
                                                create<table>{item, soon},
                                                replace<table>{item, soon},
                                                update<table>{item, 2, soon},
                                                remove<table>{7, soon},
                                                once_with(remove<table>{8, soon})};
  for (std::size_t i = 0; i < requests.size(); ++i) out.all.push_back({i + 100, requests[i]});
  const auto there = sent(out);
  ASSERT_TRUE(there);
  ASSERT_EQ(there->all.size(), requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(there->all[i].number, i + 100);
    EXPECT_EQ(there->all[i].what.index(), requests[i].index());
  }
  EXPECT_EQ(std::get<list<table>>(there->all[1].what).limit, 3);
  EXPECT_EQ(std::get<create<table>>(there->all[2].what).row, item);

  const std::vector<reply_of<table>> replies{db::error{db::errc::not_found, "no"}, item,
                                             rows<table>{item, item}, std::int64_t{5},
                                             once_reply<table>{item, true}};
  job_results<table> back;
  for (std::size_t i = 0; i < replies.size(); ++i) back.all.push_back({i, replies[i]});
  const auto here = sent(back);
  ASSERT_TRUE(here);
  ASSERT_EQ(here->all.size(), replies.size());
  for (std::size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(here->all[i].reply, replies[i]) << i;
}

TEST(messages, what_nodes_say_about_themselves_arrives) {
  EXPECT_TRUE(sent(enlist{}));
  EXPECT_TRUE(sent(enlisted{}));
  EXPECT_TRUE(sent(leaving{}));
  EXPECT_TRUE(sent(released{}));
}

// So that the tests above are known to fail where add_message_types() forgets one.
TEST(messages, what_is_not_registered_does_not_arrive) {
  EXPECT_FALSE(sent(find<db::item_table>{1, time_budget{1}}, false));
  EXPECT_FALSE(sent(items()[0], false));
  EXPECT_FALSE(sent(rows<db::item_table>{}, false));
  EXPECT_TRUE(sent(std::int64_t{1}, false));
}

}  // namespace
}  // namespace troupe::actors
