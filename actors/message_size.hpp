// About how many bytes a request or an answer takes: for what is bounded in bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>

#include "actors/messages.hpp"

namespace troupe::actors {

namespace detail {

// Beside a value's own bytes: its length, or whether there is one.
inline constexpr std::size_t size_of_length = 8;

inline std::size_t size_of_value(const std::string& text) { return text.size() + size_of_length; }
template <class T>
  requires std::is_arithmetic_v<T>
std::size_t size_of_value(T) {
  return sizeof(T);
}
template <class T>
std::size_t size_of_value(const std::optional<T>& value) {
  return size_of_length + (value ? size_of_value(*value) : 0);
}

}  // namespace detail

/// Bytes of the row's values in a message. Never less than half of what CAF writes.
template <class Table>
std::size_t size_of(const db::row<Table>& row) {
  return std::apply([](const auto&... values) { return (detail::size_of_value(values) + ...); }, row.values);
}

namespace detail {

// What a job bears besides its rows: numbers, a key, CAF's own.
inline constexpr std::size_t size_of_rest = 512;

template <class Table, class Request>
std::size_t size_of_rows(const Request& what) {
  if constexpr (requires { what.row.values; })
    return actors::size_of(what.row);
  else
    return 0;
}

}  // namespace detail

/// The same of a request.
template <class Table>
std::size_t size_of(const request_of<Table>& what) {
  return detail::size_of_rest +
         std::visit(
             []<class Request>(const Request& each) {
               if constexpr (std::is_same_v<Request, once<Table>>)
                 return std::visit([](const auto& change) { return detail::size_of_rows<Table>(change); },
                                   each.what);
               else
                 return detail::size_of_rows<Table>(each);
             },
             what);
}

/// The same of an answer.
template <class Table>
std::size_t size_of(const reply_of<Table>& what) {
  return detail::size_of_rest + std::visit(
                                    []<class Reply>(const Reply& each) {
                                      std::size_t out = 0;
                                      if constexpr (std::is_same_v<Reply, rows<Table>>)
                                        for (const auto& row : each) out += size_of(row);
                                      else if constexpr (std::is_same_v<Reply, db::row<Table>>)
                                        out = size_of(each);
                                      else if constexpr (std::is_same_v<Reply, once_reply<Table>>)
                                        out = each.row ? size_of(*each.row) : 0;
                                      else if constexpr (std::is_same_v<Reply, db::error>)
                                        out = each.message.size();
                                      return out;
                                    },
                                    what);
}

}  // namespace troupe::actors
