// What is contained, and what the watch says of those that end.
#include "actors/supervision.hpp"

#include <gtest/gtest.h>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/actors/deterministic.hpp"

namespace troupe::actors {
namespace {

class supervision_test : public test::deterministic {
 protected:
  /// An actor that answers each number by `act`, within contain().
  caf::actor start(std::function<void(caf::typed_response_promise<int>&, int)> act) {
    return spawn(
        [](caf::event_based_actor* self,
           const std::function<void(caf::typed_response_promise<int>&, int)>& run) -> caf::behavior {
          return {[self, run](int what) {
            auto to = self->make_response_promise<int>();
            contain("test", to, [&] { run(to, what); });
            return to;
          }};
        },
        std::move(act));
  }

  essential_actor start_victim(std::string name) {
    victims.push_back(spawn([](caf::event_based_actor*, int) -> caf::behavior { return {[](int) {}}; }, 0));
    return {std::move(name), caf::actor_cast<caf::strong_actor_ptr>(victims.back())};
  }
  void end(std::size_t which, caf::error why) {
    const auto& it = victims.at(which);
    caf::anon_send(it, caf::exit_msg{it.address(), std::move(why)});
    run();
  }

  std::vector<caf::actor> victims;
  std::vector<std::string> told;
  failure_handler tell = [this](const std::string& why) { told.push_back(why); };
};

TEST_F(supervision_test, an_exception_fails_its_request_and_the_actor_goes_on) {
  const auto it = start([](auto& to, int what) {
    if (what < 0) throw std::bad_alloc{};
    to.deliver(what);
  });
  const auto failed = ask<int>(it, -1);
  EXPECT_EQ(failed->code(), db::errc::internal);
  EXPECT_EQ(failed->error->message, "The test actor threw std::bad_alloc.");
  EXPECT_EQ(ask<int>(it, 7)->value, 7);
}

TEST_F(supervision_test, what_was_answered_before_the_exception_stays_answered) {
  const auto it = start([](auto& to, int what) {
    to.deliver(what);
    throw 1;
  });
  const auto answer = ask<int>(it, 7);
  EXPECT_EQ(answer->value, 7);
  EXPECT_EQ(answer->count, 1);
}

TEST(exceptions, are_told_by_type_and_never_by_text) {
  const auto text = describe_exception(std::make_exception_ptr(std::runtime_error{"password hunter2"}));
  EXPECT_EQ(text, "std::runtime_error");
  EXPECT_EQ(describe_exception(std::make_exception_ptr(1)), "something that is no exception");
}

TEST_F(supervision_test, the_first_that_ends_is_told_of) {
  spawn(watch, std::vector{start_victim("The first"), start_victim("The second")}, tell);
  run();
  end(1, end_by(std::make_exception_ptr(std::bad_alloc{})));
  end(0, caf::exit_reason::kill);
  EXPECT_EQ(told, std::vector<std::string>{"The second has ended: it threw std::bad_alloc"});
}

TEST_F(supervision_test, one_that_ends_without_a_reason_is_told_of_too) {
  spawn(watch, std::vector{start_victim("The first")}, tell);
  run();
  end(0, caf::exit_reason::normal);
  // CAF's actors pass over that one.
  EXPECT_TRUE(told.empty());
  end(0, caf::exit_reason::kill);
  EXPECT_EQ(told.size(), 1u);
}

TEST_F(supervision_test, one_that_is_told_to_stop_is_no_loss) {
  spawn(watch, std::vector{start_victim("The first")}, tell);
  run();
  end(0, caf::exit_reason::user_shutdown);
  EXPECT_TRUE(told.empty());
}

TEST_F(supervision_test, one_that_had_ended_before_is_told_of) {
  const auto victim = start_victim("The first");
  run();
  end(0, caf::exit_reason::kill);
  spawn(watch, std::vector{victim}, tell);
  run();
  EXPECT_EQ(told.size(), 1u);
}

}  // namespace
}  // namespace troupe::actors
