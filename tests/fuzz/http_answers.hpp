// What a server has sent over an HTTP connection, which must be well-formed in all of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::test {

/// An answer of the server.
struct received_answer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;

  bool ends_connection() const;
  /// The value of a header; empty if there is none.
  std::string header(const std::string& name) const;
};

/// Takes an answer from the front of what has come; nothing if the rest of it has not. `of_head`: whether it
/// answers a HEAD, and so has no body; the one that ends a connection may have one, as the server does not
/// know of every request what it was. An interim answer (100) is one, too. Ends the program at anything that
/// is not as HTTP has it.
std::optional<received_answer> take_answer(std::string_view& bytes, bool of_head);

}  // namespace troupe::test
