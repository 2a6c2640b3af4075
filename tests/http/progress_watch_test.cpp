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
    watch.begin(start, 0, asked);
    std::uint64_t moved = 0;
    for (auto now = 100ms; now <= how_long; now += 100ms) {
      if (now % interval == 0ms) moved += bytes;
      if (!watch.goes_on(start + now, moved, asked)) return false;
    }
    return true;
  }

  const progress_watch::time_point start{};
  pace asked{3s, 40, 10s, 10s};
};

TEST_F(progress_watch_test, what_is_slow_but_steady_goes_on) {
  EXPECT_TRUE(lasts(40, 800ms, 1h));
  EXPECT_TRUE(lasts(4, 100ms, 1h));
  EXPECT_TRUE(lasts(117, 2900ms, 1h));
}

TEST_F(progress_watch_test, silence_ends_it_when_its_time_has_passed) {
  EXPECT_TRUE(lasts(1'000'000, 1h, 2900ms));
  EXPECT_FALSE(lasts(1'000'000, 1h, 3s));
  EXPECT_FALSE(lasts(1'000'000, 3500ms, 10s));
}

TEST_F(progress_watch_test, too_low_a_rate_ends_it_when_its_credit_is_used_up) {
  EXPECT_TRUE(lasts(2, 100ms, 19'900ms));
  EXPECT_FALSE(lasts(2, 100ms, 20'100ms));
}

TEST_F(progress_watch_test, a_good_start_is_credit_up_to_the_bound) {
  asked.max_silence = 1h;
  asked.max_credit = 120s;
  progress_watch watch;
  watch.begin(start, 0, asked);
  EXPECT_TRUE(watch.goes_on(start + 1s, 1'000'000, asked));
  EXPECT_TRUE(watch.goes_on(start + 120s, 1'000'000, asked));
  EXPECT_FALSE(watch.goes_on(start + 121s, 1'000'000, asked));
}

TEST_F(progress_watch_test, steps_as_of_a_kernel_are_steady) {
  asked = {150s, 40, 10s, 120s};
  // 1 kB/s in steps of 100 kB, of which the first comes at once.
  progress_watch watch;
  watch.begin(start, 0, asked);
  bool good = true;
  for (auto now = 0s; good && now < 1h; now += 1s)
    good = watch.goes_on(start + now, 100'000 * (1 + static_cast<std::uint64_t>(now / 100s)), asked);
  EXPECT_TRUE(good);
}

TEST_F(progress_watch_test, no_rate_asks_for_none) {
  asked.min_rate = 0;
  EXPECT_TRUE(lasts(1, 2s, 1h));
  EXPECT_FALSE(lasts(1, 4s, 1h));
}

TEST_F(progress_watch_test, begins_anew_with_each_transfer) {
  progress_watch watch;
  watch.begin(start, 0, asked);
  watch.begin(start + 1h, 7, asked);
  EXPECT_TRUE(watch.goes_on(start + 1h + 2s, 7, asked));
  EXPECT_FALSE(watch.goes_on(start + 1h + 3s, 7, asked));
}

TEST(pace_rules_test, a_credit_spans_a_pause_that_is_allowed) {
  const auto usual = rules_for(75s, 40);
  EXPECT_EQ(usual.idle.max_silence, 75s);
  EXPECT_EQ(usual.idle.min_rate, 0U);
  EXPECT_EQ(usual.receiving.max_silence, 75s);
  EXPECT_EQ(usual.receiving.max_credit, 150s);
  EXPECT_EQ(usual.receiving.min_rate, 40U);
  EXPECT_EQ(usual.sending.max_silence, 150s);
  const auto quick = rules_for(1s, 40);
  EXPECT_EQ(quick.receiving.max_silence, 1s);
  EXPECT_EQ(quick.receiving.max_credit, 10s);
  EXPECT_EQ(quick.sending.first_credit, 10s);
  EXPECT_EQ(quick.sending.max_credit, 120s);
}

}  // namespace
}  // namespace troupe::http
