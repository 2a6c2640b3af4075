// What is wrong with a request, as a value, and the body that tells the client.
#include "http/problem.hpp"

#include "http/python_json.hpp"

namespace troupe::http {
namespace {

void append_location(std::string& out, const std::variant<std::string, std::int64_t>& step) {
  if (const auto* name = std::get_if<std::string>(&step)) {
    append_json_string(out, *name);
  } else {
    append_json_integer(out, std::get<std::int64_t>(step));
  }
}

void append_problem(std::string& out, const problem& fault) {
  out += R"({"type":)";
  append_json_string(out, fault.type);
  out += R"(,"loc":[)";
  for (bool first = true; const auto& step : fault.loc) {
    if (!first) out += ',';
    first = false;
    append_location(out, step);
  }
  out += R"(],"msg":)";
  append_json_string(out, fault.msg);
  out += R"(,"input":)";
  out += fault.input;
  if (!fault.ctx.empty()) {
    out += R"(,"ctx":)";
    out += fault.ctx;
  }
  out += '}';
}

}  // namespace

std::string body_of(const rejection& refusal) {
  std::string out = R"({"detail":)";
  if (refusal.problems.empty()) {
    append_json_string(out, refusal.detail);
  } else {
    out += '[';
    for (bool first = true; const auto& fault : refusal.problems) {
      if (!first) out += ',';
      first = false;
      append_problem(out, fault);
    }
    out += ']';
  }
  out += '}';
  return out;
}

}  // namespace troupe::http
