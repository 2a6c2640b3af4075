// What is wrong with a message below the API: faults of HTTP itself, and the answers to them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/exchange.hpp"

namespace troupe::http {

/// The answer to bytes that are no request, by what RESTinio logs about them; nothing if the message
/// is about something else.
std::optional<response> parser_fault(std::string_view log_message);

/// What stands before the body of a response, in the order of `headers`.
struct head_options {
  std::string_view date;
  /// Whether the connection stays open afterwards.
  bool keep_alive = false;
  /// Whether the client has to be told that it does (HTTP/1.0).
  bool say_keep_alive = false;
  /// Bytes that the caller will append to the head.
  std::size_t room = 0;
};

/// The bytes of a response up to the body.
std::string head_of(const response& what, const head_options& with);

}  // namespace troupe::http
