// Which histories the checker accepts and rejects, by hand and against all orders of small random ones.
#include "tests/support/history.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {
namespace {

using kind = operation::kind;
using answer = operation::answer;

operation::time_point at(int when) { return operation::time_point{std::chrono::nanoseconds{when}}; }

operation op(kind what, content row, int called, int returned, answer got = answer::done) {
  return {what, got, std::move(row), at(called), at(returned)};
}
operation create(content row, int called, int returned) { return op(kind::create, row, called, returned); }
operation put(content row, int called, int returned) { return op(kind::replace, row, called, returned); }
operation patch(content row, int called, int returned) { return op(kind::rename, row, called, returned); }
operation remove(int called, int returned) { return op(kind::remove, {}, called, returned); }
operation read(content row, int called, int returned) { return op(kind::read, row, called, returned); }
operation read_nothing(int called, int returned) {
  return op(kind::read, {}, called, returned, answer::absent);
}
operation lost(kind what, content row, int called) {
  return op(what, std::move(row), called, called, answer::unknown);
}

const content first{"a", "1"}, second{"b", "2"}, third{"c", "3"};

void expect_good(const std::vector<operation>& history) {
  EXPECT_EQ(find_inexplicable(history), std::nullopt);
}
void expect_bad(const std::vector<operation>& history, std::size_t which) {
  EXPECT_EQ(find_inexplicable(history), which);
}

TEST(History, OneAfterTheOther) {
  expect_good({});
  expect_good({read_nothing(1, 2), create(first, 3, 4), read(first, 5, 6), put(second, 7, 8),
               read(second, 9, 10), patch({"x", "2"}, 11, 12), read({"x", "2"}, 13, 14), remove(15, 16),
               read_nothing(17, 18), op(kind::replace, third, 19, 20, answer::absent)});
}

TEST(History, WhatOverlapsMayComeInAnyOrder) {
  const auto made = create(first, 1, 2);
  for (const auto& seen : {first, second}) expect_good({made, put(second, 3, 6), read(seen, 4, 5)});
  for (const auto& seen : {second, third})
    expect_good({made, put(second, 3, 6), put(third, 4, 5), read(seen, 7, 8)});
  expect_good({made, put(second, 3, 8), patch({"x", "1"}, 4, 7), read(second, 9, 10)});
  expect_good({made, put(second, 3, 8), patch({"x", "2"}, 4, 7), read({"x", "2"}, 9, 10)});
  expect_good({made, remove(3, 8), op(kind::remove, {}, 4, 7, answer::absent), read(first, 5, 6)});
  // The one that is answered sees the row before its create is answered.
  expect_good({create(first, 1, 9), read(first, 2, 3), put(second, 4, 5), read(second, 6, 7)});
}

TEST(History, AnUnknownOutcomeMayComeAtAnyTimeOrNever) {
  const auto made = create(first, 1, 2);
  const auto unknown = lost(kind::replace, second, 3);
  expect_good({made, unknown, read(first, 4, 5)});
  expect_good({made, unknown, read(first, 4, 5), read(second, 6, 7), put(third, 8, 9), read(third, 10, 11)});
  expect_good({made, unknown, put(third, 4, 5), read(third, 6, 7), read(second, 8, 9)});
  expect_good({made, lost(kind::remove, {}, 3), read(first, 4, 5), read_nothing(6, 7)});
  expect_good({lost(kind::create, first, 1), read_nothing(2, 3), read(first, 4, 5)});
  expect_good({made, unknown, lost(kind::rename, {"x", ""}, 4), read({"x", "2"}, 5, 6)});
  // Once only, and not before it was called.
  expect_bad({made, unknown, read(second, 4, 5), put(third, 6, 7), read(second, 8, 9)}, 4);
  expect_bad({made, read(second, 3, 4), lost(kind::replace, second, 5)}, 1);
  expect_bad({made, lost(kind::remove, {}, 3), read_nothing(4, 5), read(first, 6, 7)}, 3);
}

TEST(History, RejectsStaleReads) {
  const auto made = create(first, 1, 2);
  expect_bad({made, read_nothing(3, 4)}, 1);
  expect_bad({made, put(second, 3, 4), read(first, 5, 6)}, 2);
  expect_bad({made, remove(3, 4), read(first, 5, 6)}, 2);
  expect_bad({made, put(second, 3, 4), patch({"x", "1"}, 5, 6)}, 2);
  // Of a write under way, what one saw another sees later too.
  expect_bad({made, put(second, 3, 8), read(second, 4, 5), read(first, 6, 7)}, 3);
}

TEST(History, RejectsLostUpdates) {
  const auto made = create(first, 1, 2);
  // Each is fine with the one or the other, but both changes were acknowledged.
  expect_bad({made, put(second, 3, 6), patch({"x", "1"}, 4, 5), read({"x", "1"}, 7, 8)}, 3);
  expect_bad({made, put(second, 3, 6), put(third, 4, 5), read(second, 7, 8), read(third, 9, 10)}, 4);
  expect_bad({made, remove(3, 6), op(kind::remove, {}, 4, 5)}, 1);
}

TEST(History, RejectsWhatWasNeverWritten) {
  const auto made = create(first, 1, 2);
  expect_bad({read(first, 1, 2)}, 0);
  expect_bad({made, read(second, 3, 4)}, 1);
  expect_bad({made, put(second, 3, 6), read({"a", "2"}, 4, 5)}, 2);
  expect_bad({made, op(kind::replace, second, 3, 4, answer::absent)}, 1);
}

TEST(History, ManyUnknownOutcomesAreNoTrouble) {
  std::vector<operation> history{create(first, 1, 2)};
  for (int i = 0; i < 25; ++i) {
    const int now = 10 * i + 10;
    history.push_back(
        lost(i % 3 == 0 ? kind::rename : kind::replace, {"lost" + std::to_string(i), "x"}, now));
    history.push_back(put({"put" + std::to_string(i), "y"}, now + 1, now + 6));
    history.push_back(put({"too" + std::to_string(i), "z"}, now + 2, now + 5));
    history.push_back(
        read(history[history.size() - 1 - static_cast<std::size_t>(i % 2)].row, now + 7, now + 8));
  }
  expect_good(history);
  history.push_back(read({"put1", "y"}, 3000, 3001));
  expect_bad(history, history.size() - 1);
}

TEST(History, AListIsAReadOfEachItemThatIsOrShouldBeInIt) {
  const auto lists = [](std::map<std::int64_t, content> rows, bool whole) {
    observations client;
    client.items = {{1, {create(first, 1, 2)}}, {2, {create(second, 1, 2)}}, {9, {create(third, 1, 2)}}};
    client.lost_creates = {lost(kind::create, {"lost", ""}, 1)};
    client.lists = {{at(3), at(4), std::move(rows), whole}};
    std::vector<std::int64_t> wrong;
    for (const auto& [id, history] : by_item({client}))
      if (find_inexplicable(history)) wrong.push_back(id);
    return wrong;
  };
  using ids = std::vector<std::int64_t>;
  EXPECT_EQ(lists({{1, first}, {2, second}}, false), ids{});
  EXPECT_EQ(lists({{1, first}, {2, second}}, true), ids{9});
  EXPECT_EQ(lists({{2, second}}, false), ids{1});
  EXPECT_EQ(lists({{1, second}, {2, second}}, false), ids{1});
  EXPECT_EQ(lists({{1, first}, {2, second}, {3, {"lost", ""}}}, false), ids{});
  EXPECT_EQ(lists({{1, first}, {2, second}, {3, {"lost", ""}}, {4, {"lost", ""}}}, false), ids{4});
  EXPECT_EQ(lists({{1, first}, {2, second}, {3, {"x", ""}}}, false), ids{3});
}

// What the item is, kept naively, to try all orders with.
struct plain_item {
  bool exists = false;
  content row;

  bool take(const operation& what) {
    if (what.got == answer::absent) return !exists;
    const bool fits = exists != (what.what == kind::create);
    if (what.got == answer::unknown && !fits) return true;
    if (!fits) return false;
    if (what.what == kind::read) return row == what.row;
    const auto description = row.description;
    exists = what.what != kind::remove;
    row = what.row;
    if (what.what != kind::rename) return true;
    row.description = description;
    return what.got == answer::unknown || description == what.row.description;
  }
};

bool has_order(std::vector<operation> left, const plain_item& item) {
  const auto needs = [](const operation& each) { return each.got != answer::unknown; };
  if (std::none_of(left.begin(), left.end(), needs)) return true;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const bool first_possible = std::none_of(left.begin(), left.end(), [&](const operation& each) {
      return needs(each) && each.returned < left[i].called;
    });
    auto then = item;
    if (!first_possible || !then.take(left[i])) continue;
    auto rest = left;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
    if (has_order(std::move(rest), then)) return true;
  }
  return false;
}

TEST(History, AgreesWithATrialOfAllOrders) {
  std::mt19937_64 random{1};
  const auto below = [&](int bound) {
    return static_cast<int>(random() % static_cast<std::uint64_t>(bound));
  };
  int good = 0;
  constexpr int count = 20000;
  for (int round = 0; round < count; ++round) {
    std::vector<operation> history{create({"0", "0"}, 0, 1 + below(4))};
    // Few values, so that there are many coincidences.
    for (int i = 1 + below(6); i > 0; --i) {
      const int called = below(12);
      const auto got = below(4) == 0 ? answer::unknown : below(6) == 0 ? answer::absent : answer::done;
      const auto what = static_cast<kind>(got == answer::unknown ? 1 + below(3)
                                          : below(6) < 3         ? 4
                                                                 : 1 + below(3));
      history.push_back(
          op(what, {std::to_string(below(3)), std::to_string(below(2))}, called, called + 1 + below(6), got));
    }
    const bool expected = has_order(history, {});
    good += expected ? 1 : 0;
    ASSERT_EQ(!find_inexplicable(history), expected) << testing::PrintToString(history);
  }
  EXPECT_GT(good, count / 20);
  EXPECT_LT(good, count - count / 20);
}

}  // namespace
}  // namespace troupe::test
