// Changes that are made once: with a client's key, whose answer is kept in the same commit.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/typed_response_promise.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "actors/messages.hpp"
#include "db/codec.hpp"
#include "db/statements.hpp"

namespace troupe::actors {

/// Has one statement executed and reports how it ended.
using execute_function = std::function<void(
    db::operation what, db::parameters with, caf::actor_clock::time_point deadline,
    std::function<void(const db::result&)> on_rows, std::function<void(const db::error&)> on_error)>;

/// Used by the actor of a table.
///
/// The change and its key are one statement. If that fails because the key is there already, nothing was
/// changed, and the key says what to answer. Keys that have expired are deleted when they are in the way,
/// and all of them once a minute while keys are in use.
template <class Table>
class changes_once {
 public:
  using promise = caf::typed_response_promise<once_reply<Table>>;

  explicit changes_once(execute_function execute) : execute_{std::move(execute)} {}

  void make(const once<Table>& what, caf::actor_clock::time_point now, promise to);

 private:
  struct pending {
    once<Table> what;
    /// Tells this change from another with the same key.
    std::string request;
    caf::actor_clock::time_point deadline;
    promise to;
    int attempts = 0;
  };
  using pending_ptr = std::shared_ptr<pending>;

  struct found_row {
    bool there;
    bool replayed;
  };

  void attempt(const pending_ptr& it);
  void recall(const pending_ptr& it, const db::error& why);
  void on_recalled(const pending_ptr& it, const db::error& why, const db::result& from);
  static void answer(pending& it, const db::result& from, found_row what);
  void forget_expired(caf::actor_clock::time_point now);

  execute_function execute_;
  std::optional<caf::actor_clock::time_point> forgotten_at_;
};

extern template class changes_once<db::item_table>;

}  // namespace troupe::actors
