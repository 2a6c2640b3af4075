// What CAF's inspectors do not know by themselves: optional values, variants, rows and errors.
#pragma once

#include <caf/error.hpp>
#include <caf/none.hpp>
#include <caf/sec.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "db/error.hpp"
#include "db/table.hpp"

namespace troupe::actors::detail {

/// A value that may be absent: whether it is there, then the value.
template <class T>
struct optional_field {
  std::optional<T>& value;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, optional_field& x) {
    bool present = x.value.has_value();
    if constexpr (Inspector::writes_state) {
      if (auto failed = f(present)) return failed;
      if (!present) {
        x.value.reset();
        return caf::none;
      }
      return f(x.value.emplace());
    } else {
      return present ? f(present, *x.value) : f(present);
    }
  }
};

/// One of several: its index, then the value.
template <class... Ts>
struct variant_field {
  std::variant<Ts...>& value;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, variant_field& x) {
    auto index = static_cast<std::uint8_t>(x.value.index());
    if constexpr (Inspector::writes_state) {
      if (auto failed = f(index)) return failed;
      typename Inspector::result_type out = caf::sec::invalid_argument;
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        (void)((I == index && (out = f(x.value.template emplace<I>()), true)) || ...);
      }(std::index_sequence_for<Ts...>{});
      return out;
    } else {
      return std::visit([&](auto& alternative) { return f(index, alternative); }, x.value);
    }
  }
};

template <class T>
T& as_field(T& value) {
  return value;
}
template <class T>
optional_field<T> as_field(std::optional<T>& value) {
  return {value};
}
template <class... Ts>
variant_field<Ts...> as_field(std::variant<Ts...>& value) {
  return {value};
}

}  // namespace troupe::actors::detail

// CAF finds an inspect() through the namespace of its argument.
namespace troupe::db {

template <class Inspector, class Table>
typename Inspector::result_type inspect(Inspector& f, row<Table>& x) {
  return std::apply([&](auto&... values) { return f(troupe::actors::detail::as_field(values)...); },
                    x.values);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, error& x) {
  return f(x.code, x.message);
}

}  // namespace troupe::db
