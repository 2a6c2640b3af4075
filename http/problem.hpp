// What is wrong with a request, as a value, and the body that tells the client.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace troupe::http {

/// One fault in a request, in the form of Pydantic.
struct problem {
  /// Pydantic's name for it: missing, string_type, int_parsing.
  std::string type;
  /// Where: the part of the request, then names and positions within it.
  std::vector<std::variant<std::string, std::int64_t>> loc;
  /// One sentence for people, without a full stop.
  std::string msg;
  /// The value at fault, as JSON text.
  std::string input;
  /// Further facts as a JSON object; empty for none.
  std::string ctx;

  friend bool operator==(const problem&, const problem&) = default;
};

/// An answer that refuses a request.
struct rejection {
  /// The HTTP status.
  int status = 422;
  /// A plain sentence in UTF-8; counts if there are no problems.
  std::string detail;
  std::vector<problem> problems;

  friend bool operator==(const rejection&, const rejection&) = default;
};

/// The JSON body of a refusal: {"detail":...}. Valid JSON in UTF-8, as every `input` and `ctx` is.
std::string body_of(const rejection& refusal);

}  // namespace troupe::http
