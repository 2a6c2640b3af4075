// A password that is easy to find, and looking for it in all that a program under test says.
#pragma once

#include <string_view>

namespace troupe::test {

/// Stands in the URI of every database that tests give to the program. The private PostgreSQL trusts whoever
/// reaches its socket and asks for none: it is there only to be looked for.
inline constexpr std::string_view secret = "recognisable-hunter2";

/// Fails the test that runs now if the text holds the password. `whose` says what the text is.
void expect_no_secret(std::string_view text, std::string_view whose);

}  // namespace troupe::test
