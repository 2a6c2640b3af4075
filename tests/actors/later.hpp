// A message that has an actor do something in its own name and time.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <functional>

namespace troupe::test {

struct later {
  std::function<void()> run;
};

}  // namespace troupe::test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::test::later)
