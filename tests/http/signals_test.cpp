// The bounds of a stop whose orderly end never comes.
#include "http/signals.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>

namespace troupe::http {
namespace {

using namespace std::chrono_literals;

TEST(signals, a_stop_that_hangs_ends_after_the_grace_and_a_second) {
  EXPECT_EXIT(
      {
        signal_watch::block();
        const signal_watch signals{1ms};
        kill(getpid(), SIGTERM);
        for (;;) pause();
      },
      testing::ExitedWithCode(EXIT_FAILURE), "has not ended within http.shutdown-grace and 1000 ms");
}

TEST(signals, a_second_one_ends_the_process_at_once) {
  EXPECT_EXIT(
      {
        signal_watch::block();
        signal_watch signals{1h};
        kill(getpid(), SIGTERM);
        while (signals.wait(1h) != signal_watch::event::stop) continue;
        kill(getpid(), SIGINT);
        for (;;) pause();
      },
      testing::ExitedWithCode(128 + SIGINT), "SIGINT while stopping");
}

TEST(signals, what_hangs_after_the_end_is_left_behind) {
  EXPECT_EXIT(
      {
        signal_watch::block();
        const signal_watch signals{1ms};
        kill(getpid(), SIGTERM);
        signals.finish(0);
        for (;;) pause();
      },
      testing::ExitedWithCode(0), "^$");
}

TEST(signals, hangup_and_child_wake_who_waits_without_a_stop) {
  EXPECT_EXIT(
      {
        signal_watch::block();
        signal_watch signals{1ms};
        kill(getpid(), SIGHUP);
        while (signals.wait(1h) != signal_watch::event::hangup) continue;
        kill(getpid(), SIGCHLD);
        const bool woken = signals.wait(1h) == signal_watch::event::nothing;
        _exit(woken && !signals.stop().stop_requested() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "^$");
}

}  // namespace
}  // namespace troupe::http
