// The waits between attempts: doubling, bounded, jittered, repeatable.
#include "actors/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <vector>

namespace troupe::actors {
namespace {

using std::chrono::milliseconds;

std::vector<milliseconds> waits(std::uint64_t seed, unsigned count) {
  backoff it{milliseconds{100}, milliseconds{5000}, seed};
  std::vector<milliseconds> out;
  for (unsigned i = 1; i <= count; ++i) out.push_back(it.after(i));
  return out;
}

/// The shortest and the longest of many waits after the same number of failures.
std::pair<milliseconds, milliseconds> range(unsigned failures) {
  backoff it{milliseconds{100}, milliseconds{5000}, 1};
  auto low = milliseconds::max();
  auto high = milliseconds::min();
  for (int i = 0; i < 20000; ++i) {
    const auto wait = it.after(failures);
    low = std::min(low, wait);
    high = std::max(high, wait);
  }
  return {low, high};
}

TEST(backoff, does_not_wait_before_the_first_failure) {
  backoff it{milliseconds{100}, milliseconds{5000}, 1};
  EXPECT_EQ(it.after(0), milliseconds{0});
}

TEST(backoff, doubles_with_each_failure_between_half_and_whole) {
  // With a margin for the rare draws at the ends of the larger ranges.
  for (unsigned failures = 1; failures <= 6; ++failures) {
    const milliseconds whole{100 << (failures - 1)};
    const auto [low, high] = range(failures);
    EXPECT_GE(low, whole / 2) << failures;
    EXPECT_LE(low, whole / 2 + whole / 100) << failures;
    EXPECT_LE(high, whole) << failures;
    EXPECT_GE(high, whole - whole / 100) << failures;
  }
}

TEST(backoff, never_waits_longer_than_the_bound) {
  for (const unsigned failures : {7u, 8u, 40u, 70u, 1000000u, std::numeric_limits<unsigned>::max()}) {
    backoff it{milliseconds{100}, milliseconds{5000}, failures};
    const auto wait = it.after(failures);
    EXPECT_GE(wait, milliseconds{2500}) << failures;
    EXPECT_LE(wait, milliseconds{5000}) << failures;
  }
}

TEST(backoff, a_seed_repeats_its_waits_and_another_draws_others) {
  EXPECT_EQ(waits(7, 20), waits(7, 20));
  EXPECT_NE(waits(7, 20), waits(8, 20));
}

TEST(backoff, seeds_spread_over_the_whole_range) {
  std::set<milliseconds> first;
  for (std::uint64_t seed = 0; seed < 200; ++seed) first.insert(waits(seed, 1).front());
  EXPECT_GT(first.size(), 40u);
}

TEST(backoff, equal_bounds_give_a_constant_range) {
  backoff it{milliseconds{10}, milliseconds{10}, 1};
  for (unsigned failures = 1; failures < 50; ++failures) {
    const auto wait = it.after(failures);
    EXPECT_GE(wait, milliseconds{5});
    EXPECT_LE(wait, milliseconds{10});
  }
}

}  // namespace
}  // namespace troupe::actors
