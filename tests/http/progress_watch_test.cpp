// What counts as progress, in time that the test makes.
#include "http/progress_watch.hpp"

#include <gtest/gtest.h>

#include "http/clients.hpp"

namespace troupe::http {
namespace {

using namespace std::chrono_literals;

class progress_watch_test : public testing::Test {
 protected:
  /// Whether a transfer of `bytes` each `interval` goes on for so long.
  bool lasts(std::uint64_t bytes, std::chrono::milliseconds interval, std::chrono::milliseconds how_long) {
    progress_watch watch;
    watch.begin(start, 0);
    std::uint64_t moved = 0;
    for (auto now = 100ms; now <= how_long; now += 100ms) {
      if (now % interval == 0ms) moved += bytes;
      if (!watch.goes_on(start + now, moved, asked)) return false;
    }
    return true;
  }

  const progress_watch::time_point start{};
  pace asked{3s, 40, 10s};
};

TEST_F(progress_watch_test, what_is_slow_but_steady_goes_on) {
  EXPECT_TRUE(lasts(40, 800ms, 1h));
  EXPECT_TRUE(lasts(4, 100ms, 1h));
  EXPECT_TRUE(lasts(160, 2900ms, 1h));
}

TEST_F(progress_watch_test, silence_ends_it_when_its_time_has_passed) {
  EXPECT_TRUE(lasts(1'000'000, 1h, 2900ms));
  EXPECT_FALSE(lasts(1'000'000, 1h, 3s));
  EXPECT_FALSE(lasts(1'000'000, 3500ms, 10s));
}

TEST_F(progress_watch_test, too_low_a_rate_ends_it_after_a_window) {
  EXPECT_TRUE(lasts(3, 100ms, 9900ms));
  EXPECT_FALSE(lasts(3, 100ms, 10s));
}

TEST_F(progress_watch_test, a_good_start_is_no_credit) {
  progress_watch watch;
  watch.begin(start, 0);
  EXPECT_TRUE(watch.goes_on(start + 1s, 1'000'000, asked));
  std::uint64_t moved = 1'000'000;
  bool good = true;
  auto now = 1s;
  for (; good && now < 60s; now += 1s) good = watch.goes_on(start + now, ++moved, asked);
  EXPECT_FALSE(good);
  EXPECT_LE(now, 22s);
}

TEST_F(progress_watch_test, no_rate_asks_for_none) {
  asked.min_rate = 0;
  EXPECT_TRUE(lasts(1, 2s, 1h));
  EXPECT_FALSE(lasts(1, 4s, 1h));
}

TEST_F(progress_watch_test, begins_anew_with_each_transfer) {
  progress_watch watch;
  watch.begin(start, 0);
  watch.begin(start + 1h, 7);
  EXPECT_TRUE(watch.goes_on(start + 1h + 2s, 7, asked));
  EXPECT_FALSE(watch.goes_on(start + 1h + 3s, 7, asked));
}

TEST(pace_rules_test, a_window_spans_a_pause_that_is_allowed) {
  const auto usual = rules_for(75s, 40);
  EXPECT_EQ(usual.idle.max_silence, 75s);
  EXPECT_EQ(usual.idle.min_rate, 0U);
  EXPECT_EQ(usual.receiving.max_silence, 75s);
  EXPECT_EQ(usual.receiving.window, 150s);
  EXPECT_EQ(usual.receiving.min_rate, 40U);
  EXPECT_EQ(usual.sending.max_silence, 150s);
  const auto quick = rules_for(1s, 40);
  EXPECT_EQ(quick.receiving.max_silence, 1s);
  EXPECT_EQ(quick.receiving.window, 10s);
  EXPECT_EQ(quick.sending.max_silence, 10s);
}

}  // namespace
}  // namespace troupe::http
