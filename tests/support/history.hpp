// Whether what clients saw of an item can have happened: a search for an order of their operations.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace troupe::test {

/// What an item holds.
struct content {
  std::string name;
  std::string description;
  friend auto operator<=>(const content&, const content&) = default;
};

/// Something that a client did to one item, and what it was told.
struct operation {
  using time_point = std::chrono::steady_clock::time_point;
  enum class kind { create, replace, rename, remove, read };
  /// `unknown`: it took effect at some moment after its call, or never will.
  enum class answer { done, absent, unknown };

  kind what;
  answer got;
  /// What it wrote or read. Of a rename the whole row as answered, of which it wrote the name.
  content row;
  time_point called, returned;
};

std::ostream& operator<<(std::ostream& to, const operation& what);

/// The first rows of the table by id, or the whole of it.
struct seen_list {
  operation::time_point called, returned;
  std::map<std::int64_t, content> rows;
  bool whole = false;
};

/// What one client did and saw.
struct observations {
  std::map<std::int64_t, std::vector<operation>> items;
  std::vector<seen_list> lists;
  /// Creates of unknown outcome, with a name that no other has: nobody was told the id.
  std::vector<operation> lost_creates;
};

/// The history of each item. A list is a read of each item in it, and of each that should be but is not.
std::map<std::int64_t, std::vector<operation>> by_item(const std::vector<observations>& all);

/// Tries whether all operations on one item, which is not there at first, can have taken effect one after
/// the other, each at one moment between its call and its answer (linearizability). Returns the first one
/// answered that no order explains, or nothing if there is an order for all.
std::optional<std::size_t> find_inexplicable(const std::vector<operation>& history);

/// The operation with the changes before and around it.
std::string described(const std::vector<operation>& history, std::size_t inexplicable);

}  // namespace troupe::test
