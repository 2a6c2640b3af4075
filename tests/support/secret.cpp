// Looks for the password.
#include "tests/support/secret.hpp"

#include <gtest/gtest.h>

namespace troupe::test {

void expect_no_secret(std::string_view text, std::string_view whose) {
  EXPECT_EQ(text.find(secret), std::string_view::npos) << whose << " holds the password:\n" << text;
}

}  // namespace troupe::test
