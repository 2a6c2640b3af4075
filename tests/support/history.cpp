// Follows a history from moment to moment, with all the states that the item can be in.
#include "tests/support/history.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

namespace troupe::test {

namespace {

using kind = operation::kind;
using answer = operation::answer;
using indices = std::set<std::size_t>;

struct item_state {
  bool exists = false;
  content row;
  friend auto operator<=>(const item_state&, const item_state&) = default;
};

bool changes(const operation& what) { return what.what != kind::read && what.got != answer::absent; }

/// The state after the operation; nothing if it would have been answered otherwise, or done nothing.
std::optional<item_state> after(const operation& what, const item_state& before) {
  if (what.got == answer::absent) return before.exists ? std::nullopt : std::optional{before};
  if (before.exists == (what.what == kind::create)) return std::nullopt;
  switch (what.what) {
    case kind::create:
    case kind::replace: return item_state{true, what.row};
    case kind::rename:
      if (what.got == answer::done && what.row.description != before.row.description) return std::nullopt;
      return item_state{true, {what.row.name, before.row.description}};
    case kind::remove: return item_state{};
    case kind::read: break;
  }
  return what.row == before.row ? std::optional{before} : std::nullopt;
}

/// One way to explain what was answered so far.
struct possibility {
  item_state state;
  /// Those that took effect, of the ones whose answer is still to come; of the ones that get none.
  indices done, spent;
};

/// An operation takes effect no earlier than some answer makes it necessary (Lowe, "Testing for
/// linearizability", 2017), but reads as soon as they can: that takes no way away. Of two ways that differ
/// in the unknown operations that they need, the one that needs more is dropped.
class search {
 public:
  explicit search(const std::vector<operation>& history) : history_{history} {}

  std::optional<std::size_t> run() {
    using moment = std::tuple<operation::time_point, bool, std::size_t>;
    std::vector<moment> moments;
    for (std::size_t i = 0; i < history_.size(); ++i) {
      moments.emplace_back(history_[i].called, false, i);
      if (history_[i].got != answer::unknown) moments.emplace_back(history_[i].returned, true, i);
    }
    std::sort(moments.begin(), moments.end());
    for (const auto& [when, answered, which] : moments) {
      if (answered) {
        if (!explain(which)) return which;
      } else {
        under_way_.insert(which);
        for (auto& each : ways_) settle_reads(each);
      }
    }
    return std::nullopt;
  }

 private:
  // Whether there are ways in which the operation took effect by now; keeps these.
  bool explain(std::size_t which) {
    tried_.clear();
    std::deque<possibility> open{ways_.begin(), ways_.end()};
    ways_.clear();
    while (!open.empty()) {
      auto way = std::move(open.front());
      open.pop_front();
      if (!is_new(way)) continue;
      if (way.done.erase(which) > 0) {
        ways_.push_back(std::move(way));
        continue;
      }
      for (const auto each : under_way_) {
        const auto& next = history_[each];
        if (!changes(next) || way.done.contains(each) || way.spent.contains(each)) continue;
        const auto state = after(next, way.state);
        if (!state) continue;
        const bool unknown = next.got == answer::unknown;
        auto longer = way;
        longer.state = *state;
        (unknown ? longer.spent : longer.done).insert(each);
        settle_reads(longer);
        // The ways that need little come first, so that the others need not be followed.
        if (unknown)
          open.push_back(std::move(longer));
        else
          open.push_front(std::move(longer));
      }
    }
    under_way_.erase(which);
    return !ways_.empty();
  }

  void settle_reads(possibility& way) const {
    for (const auto each : under_way_)
      if (!changes(history_[each]) && after(history_[each], way.state)) way.done.insert(each);
  }

  bool is_new(const possibility& way) {
    auto& others = tried_[{way.state, way.done}];
    const bool needless = std::any_of(others.begin(), others.end(), [&](const indices& spent) {
      return std::includes(way.spent.begin(), way.spent.end(), spent.begin(), spent.end());
    });
    if (!needless) others.push_back(way.spent);
    return !needless;
  }

  const std::vector<operation>& history_;
  indices under_way_;
  std::vector<possibility> ways_{possibility{}};
  std::map<std::pair<item_state, indices>, std::vector<indices>> tried_;
};

}  // namespace

std::ostream& operator<<(std::ostream& to, const operation& what) {
  constexpr std::array kinds{"create", "replace", "rename", "remove", "read"};
  constexpr std::array answers{"done", "absent", "unknown"};
  return to << kinds.at(static_cast<std::size_t>(what.what)) << ' '
            << answers.at(static_cast<std::size_t>(what.got)) << " (" << what.row.name << ", "
            << what.row.description << ") from " << what.called.time_since_epoch().count() << " to "
            << what.returned.time_since_epoch().count();
}

std::map<std::int64_t, std::vector<operation>> by_item(const std::vector<observations>& all) {
  std::map<std::int64_t, std::vector<operation>> items;
  std::map<std::string, operation> lost;
  std::vector<seen_list> lists;
  for (const auto& each : all) {
    for (const auto& [id, done] : each.items) items[id].insert(items[id].end(), done.begin(), done.end());
    for (const auto& made : each.lost_creates) lost.emplace(made.row.name, made);
    lists.insert(lists.end(), each.lists.begin(), each.lists.end());
  }
  for (const auto& list : lists)
    for (const auto& [id, row] : list.rows) {
      if (items.contains(id)) continue;
      // As nobody was told its id, nobody changed its name. Of no create it is a read of what never was.
      auto& history = items[id];
      const auto made = lost.find(row.name);
      if (made == lost.end()) continue;
      history.push_back(made->second);
      // A second item of one create is one too many.
      lost.erase(made);
    }
  for (const auto& list : lists)
    for (auto& [id, history] : items) {
      const auto row = list.rows.find(id);
      if (row != list.rows.end())
        history.push_back({kind::read, answer::done, row->second, list.called, list.returned});
      else if (list.whole || (!list.rows.empty() && id < list.rows.rbegin()->first))
        history.push_back({kind::read, answer::absent, {}, list.called, list.returned});
    }
  return items;
}

std::string described(const std::vector<operation>& history, std::size_t inexplicable) {
  constexpr std::chrono::milliseconds before{20};
  const auto& wrong = history.at(inexplicable);
  std::ostringstream out;
  out << wrong << " does not fit; changes before and meanwhile:";
  for (const auto& each : history)
    if (changes(each) && each.called < wrong.returned &&
        (each.got == answer::unknown || each.returned > wrong.called - before))
      out << "\n  " << each;
  return out.str();
}

std::optional<std::size_t> find_inexplicable(const std::vector<operation>& history) {
  return search{history}.run();
}

}  // namespace troupe::test
