// A queue of equal requests that leave together: at once while idle, as one statement while busy.
#pragma once

#include <caf/actor_clock.hpp>
#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "actors/settings.hpp"

namespace troupe::actors {

/// Requests of one kind that wait until fewer than `in_flight` statements of that kind are under way.
/// There is no timer: a request never waits for company, only for a statement that left before it. A
/// request never joins a statement that was sent already, so a read never sees the past of a write that
/// was answered before it.
///
/// Request has a member `deadline` and a member function size_in_bytes().
template <class Request>
class batch_queue {
 public:
  explicit batch_queue(const batch_settings& settings = {}) : settings_{settings} {}

  bool full() const noexcept { return waiting_.size() >= settings_.max_queue; }
  bool may_send() const noexcept { return under_way_ < settings_.in_flight && !waiting_.empty(); }

  void push(Request what) { waiting_.push_back(std::move(what)); }

  /// What the next statement answers, in order of arrival; counts that statement as under way. What is
  /// past its deadline is given to `expired` instead. Empty if nothing is left.
  template <class Expired>
  std::vector<Request> take(caf::actor_clock::time_point now, Expired&& expired) {
    std::vector<Request> batch;
    std::size_t bytes = 0;
    while (!waiting_.empty() && batch.size() < settings_.max_rows) {
      auto& next = waiting_.front();
      if (next.deadline <= now) {
        expired(next);
      } else {
        bytes += next.size_in_bytes();
        if (!batch.empty() && bytes > settings_.max_bytes) break;
        batch.push_back(std::move(next));
      }
      waiting_.pop_front();
    }
    if (!batch.empty()) ++under_way_;
    return batch;
  }

  /// What take() returned goes out as one more statement than it counted.
  void one_more() { ++under_way_; }

  /// A statement was answered.
  void done() { --under_way_; }

 private:
  batch_settings settings_;
  std::deque<Request> waiting_;
  std::size_t under_way_ = 0;
};

}  // namespace troupe::actors
