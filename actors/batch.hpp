// A queue of equal requests that leave together: at once while idle, as one statement while busy.
#pragma once

#include <algorithm>
#include <caf/actor_clock.hpp>
#include <cstddef>
#include <cstdint>
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
  using time_point = caf::actor_clock::time_point;
  /// Names a statement that is under way.
  using ticket = std::uint64_t;

  explicit batch_queue(const batch_settings& settings = {}) : settings_{settings} {}

  bool full() const noexcept { return waiting_.size() >= settings_.max_queue; }

  /// Whether something waits and may leave now. A statement past its deadline counts no more: its
  /// connection is stuck, and others need not be.
  bool may_send(time_point now) const {
    const auto alive = std::count_if(under_way_.begin(), under_way_.end(),
                                     [&](const auto& each) { return each.second > now; });
    return !waiting_.empty() && static_cast<std::size_t>(alive) < settings_.in_flight;
  }

  void push(Request&& what) { waiting_.push_back(std::move(what)); }

  /// What the next statement answers, in order of arrival. What is past its deadline is given to
  /// `expired` instead. Empty if nothing is left.
  template <class Expired>
  std::vector<Request> take(time_point now, Expired&& expired) {
    std::vector<Request> batch;
    batch.reserve(std::min(waiting_.size(), settings_.max_rows));
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
    return batch;
  }

  /// The same for the first that waits and all that wait for the same thing as it, by `equal`.
  template <class Equal, class Expired>
  std::vector<Request> take_equal(time_point now, Equal&& equal, Expired&& expired) {
    std::vector<Request> batch;
    std::deque<Request> others;
    for (auto& each : waiting_) {
      if (each.deadline <= now)
        expired(each);
      else if (batch.empty() || (batch.size() < settings_.max_rows && equal(batch.front(), each)))
        batch.push_back(std::move(each));
      else
        others.push_back(std::move(each));
    }
    waiting_ = std::move(others);
    return batch;
  }

  /// A statement leaves that has to be answered by `deadline`.
  ticket sent(time_point deadline) {
    under_way_.emplace_back(++last_ticket_, deadline);
    return last_ticket_;
  }

  /// It was answered.
  void done(ticket which) {
    std::erase_if(under_way_, [&](const auto& each) { return each.first == which; });
  }

 private:
  batch_settings settings_;
  std::deque<Request> waiting_;
  // A handful at most.
  std::vector<std::pair<ticket, time_point>> under_way_;
  ticket last_ticket_ = 0;
};

}  // namespace troupe::actors
