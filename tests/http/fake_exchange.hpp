// An HTTP request without a server, which keeps its answers.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "http/exchange.hpp"

namespace troupe::test {

class fake_exchange final : public http::exchange {
 public:
  fake_exchange(std::string method, std::string target, std::string body = {})
      : method_{std::move(method)}, target_{std::move(target)}, body_{std::move(body)} {}

  std::string_view method() const override { return method_; }
  std::string_view target() const override { return unless_answered(target_); }
  std::string_view body() const override { return unless_answered(body_); }
  std::string_view header(std::string_view name) const override {
    unless_answered(name);
    const auto found = headers.find(std::string{name});
    return found == headers.end() ? std::string_view{} : std::string_view{found->second};
  }

  /// The value of a header of the answer; "(none)" if it has none.
  std::string answer_header(std::string_view name) const {
    for (const auto& [key, value] : written.value().headers)
      if (key == name) return value;
    return "(none)";
  }
  /// The status of the answer; 0 if there is none yet.
  int status() const { return written ? written->status : 0; }
  const std::string& answer_body() const { return written.value().body; }

  std::map<std::string, std::string> headers{{"Host", "example.org:8080"},
                                             {"Content-Type", "application/json"}};
  std::optional<http::response> written;
  int writes = 0;
  /// So many answers cannot be written: there is no memory.
  int failing_writes = 0;

 private:
  // As with the server's, whose views are gone then.
  std::string_view unless_answered(std::string_view view) const {
    if (!answered()) return view;
    // Not an exception, which the code under test would answer, and not a failure of GoogleTest, which the
    // fuzzers do not have.
    std::fputs("fake_exchange: the request was let go of when it was answered\n", stderr);
    std::abort();
  }
  void write(http::response&& with) override {
    if (failing_writes-- > 0) throw std::bad_alloc{};
    ++writes;
    written = std::move(with);
  }

  std::string method_;
  std::string target_;
  std::string body_;
};

using fake_ptr = std::shared_ptr<fake_exchange>;

}  // namespace troupe::test
