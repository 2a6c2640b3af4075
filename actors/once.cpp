// The steps of a change that is made once: make it, or recall what it was answered.
#include "actors/once.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "actors/errors.hpp"
#include "actors/supervision.hpp"

namespace troupe::actors {

namespace {

// How often all expired keys are deleted, at most.
constexpr std::chrono::minutes forget_interval{1};
// A key that expires just now is made room for; a second time would be another client's doing.
constexpr int max_attempts = 3;

// A value in a form in which no two sequences of values look alike.
template <class T>
void append_value(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, std::string>)
    out += std::to_string(value.size()) + ':' + value;
  else
    out += std::to_string(value) + ';';
}
template <class T>
void append_value(std::string& out, const std::optional<T>& value) {
  if (value)
    append_value(out, *value);
  else
    out += '-';
}

template <class Table>
void append_row(std::string& out, const db::row<Table>& row) {
  std::apply([&](const auto&... values) { (append_value(out, values), ...); }, row.values);
}

/// The statement of a change, its parameters, and what tells it from others.
struct plan {
  db::operation what;
  db::parameters with;
  std::string request;
};

template <class Table>
plan plan_of(const create<Table>& change) {
  auto row = change.row;
  row.key() = 0;
  plan out{db::operation::insert_once, db::insert_parameters(row), "create "};
  append_row(out.request, row);
  return out;
}
template <class Table>
plan plan_of(const replace<Table>& change) {
  plan out{db::operation::replace_once, db::replace_parameters(change.row), "replace "};
  append_row(out.request, change.row);
  return out;
}
template <class Table>
plan plan_of(const update<Table>& change) {
  plan out{db::operation::update_once, db::update_parameters(change.row, change.given), "update "};
  append_value(out.request, static_cast<std::int64_t>(change.given));
  append_row(out.request, change.row);
  return out;
}
template <class Table>
plan plan_of(const remove<Table>& change) {
  plan out{db::operation::remove_once, db::remove_parameters<Table>(change.key), "remove "};
  append_value(out.request, change.key);
  return out;
}
template <class Table>
plan plan_of(const actors::change<Table>& what) {
  return std::visit([](const auto& each) { return plan_of(each); }, what);
}

// Whether the statement was not refused but never got that far, so that the key need not be looked up.
bool is_about_the_way(db::errc code) {
  switch (code) {
    case db::errc::overloaded:
    case db::errc::unavailable:
    case db::errc::connection_lost:
    case db::errc::outcome_unknown:
    case db::errc::deadline_exceeded:
    case db::errc::deadline_unknown:
    case db::errc::not_supported: return true;
    default: return false;
  }
}

}  // namespace

template <class Table>
void changes_once<Table>::make(const once<Table>& what, caf::actor_clock::time_point now, promise to) {
  const auto within = std::visit([](const auto& each) { return each.within; }, what.what);
  // The same key for another table is another request.
  attempt(std::make_shared<pending>(
      pending{what, Table::name + (" " + plan_of<Table>(what.what).request), now + within, std::move(to)}));
  forget_expired(now);
}

template <class Table>
void changes_once<Table>::attempt(const pending_ptr& it) {
  ++it->attempts;
  auto plan = plan_of<Table>(it->what.what);
  execute_(
      plan.what, db::once_parameters(std::move(plan.with), it->what.key, it->request, it->what.kept_for),
      it->deadline,
      [it](const db::result& from) {
        contain(Table::singular, it->to,
                [&] { answer(*it, from, {.there = from.size() > 0, .replayed = false}); });
      },
      [this, it](const db::error& failed) {
        contain(Table::singular, it->to, [&] {
          if (is_about_the_way(failed.code))
            it->to.deliver(to_caf(failed));
          else
            recall(it, failed);
        });
      });
}

template <class Table>
void changes_once<Table>::recall(const pending_ptr& it, const db::error& why) {
  execute_(
      db::operation::recall, db::recall_parameters(it->what.key, it->request), it->deadline,
      [this, it, why](const db::result& from) {
        contain(Table::singular, it->to, [&] { on_recalled(it, why, from); });
      },
      [it, why](const db::error& failed) {
        it->to.deliver(to_caf(is_about_the_way(failed.code) ? failed : why));
      });
}

template <class Table>
void changes_once<Table>::on_recalled(const pending_ptr& it, const db::error& why, const db::result& from) {
  // Another reason than the key, then.
  if (from.size() == 0) {
    it->to.deliver(to_caf(why));
    return;
  }
  constexpr int columns = static_cast<int>(db::column_count<Table>);
  bool answered = false, same = false, expired = false;
  if (!db::decode(from.get(), 0, columns, answered) || !db::decode(from.get(), 0, columns + 1, same) ||
      !db::decode(from.get(), 0, columns + 2, expired)) {
    it->to.deliver(to_caf({db::errc::schema_mismatch, "The table of idempotency keys is not ours."}));
    return;
  }
  if (expired && it->attempts < max_attempts) {
    execute_(
        db::operation::forget, db::forget_parameters(it->what.key), it->deadline,
        [this, it](const db::result&) { contain(Table::singular, it->to, [&] { attempt(it); }); },
        [it](const db::error& failed) { it->to.deliver(to_caf(failed)); });
    return;
  }
  if (!same) {
    it->to.deliver(to_caf({db::errc::key_reused, "The key belongs to another request."}));
    return;
  }
  answer(*it, from, {.there = answered, .replayed = true});
}

// With the first row, if that is there.
template <class Table>
void changes_once<Table>::answer(pending& it, const db::result& from, found_row what) {
  once_reply<Table> out{std::nullopt, what.replayed};
  if (what.there) {
    auto row = db::decode_row<Table>(from, 0);
    if (!row) {
      it.to.deliver(to_caf(row.error()));
      return;
    }
    out.row = std::move(*row);
  }
  it.to.deliver(std::move(out));
}

template <class Table>
void changes_once<Table>::forget_expired(caf::actor_clock::time_point now) {
  if (forgotten_at_ && now - *forgotten_at_ < forget_interval) return;
  forgotten_at_ = now;
  // Nobody waits for it; what is left is deleted the next time.
  execute_(
      db::operation::forget_all, {}, now + forget_interval, [](const db::result&) {},
      [](const db::error&) {});
}

template class changes_once<db::item_table>;

}  // namespace troupe::actors
