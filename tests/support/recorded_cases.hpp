// The requests of the recorded cases, as something to begin with and to mutate.
#pragma once

#include <cstddef>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

struct recorded_request {
  std::string method;
  std::string target;
  /// Empty for none.
  std::string content_type;
  std::string body;
};

inline std::string from_base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto value = digits.find(c);
    if (value == std::string_view::npos) break;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

/// Throws nlohmann::json::exception if the file is not as expected.
inline std::vector<recorded_request> read_cases(const std::string& path) {
  std::vector<recorded_request> out;
  const auto recorded = nlohmann::json::parse(std::ifstream{path});
  for (const auto& each : recorded.at("cases")) {
    const auto& body = each.at("body_b64");
    out.push_back({each.at("method"), each.at("target"), each.at("headers").value("content-type", ""),
                   body.is_null() ? std::string{} : from_base64(body.get<std::string>())});
  }
  return out;
}

}  // namespace troupe::test
