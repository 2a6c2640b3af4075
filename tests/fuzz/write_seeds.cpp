// Turns the recorded cases into the inputs that fuzzing begins with: write_seeds CASES DIRECTORY
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <stdexcept>
#include <string>

#include "tests/support/recorded_cases.hpp"

namespace troupe::test {
namespace {

// Each seed a file of its own.
void write(const std::filesystem::path& directory, const std::string& target,
           const std::set<std::string>& seeds) {
  std::filesystem::create_directories(directory / target);
  std::size_t number = 0;
  for (const auto& each : seeds) {
    std::ofstream file{directory / target / std::to_string(number++), std::ios::binary};
    if (!(file << each).flush()) throw std::runtime_error("cannot write to " + directory.string());
  }
}

void write_all(const std::string& cases, const std::filesystem::path& directory) {
  std::set<std::string> bodies;
  std::set<std::string> queries;
  std::set<std::string> paths;
  for (const auto& [method, target, content_type, body] : read_cases(cases)) {
    paths.insert(method + '\n' + target + "\n127.0.0.1:8080");
    if (const auto mark = target.find('?'); mark != target.npos) queries.insert(target.substr(mark + 1));
    if (method == "POST") bodies.insert(content_type + '\n' + body);
  }
  write(directory, "json_body", bodies);
  write(directory, "query", queries);
  write(directory, "path", paths);
}

}  // namespace
}  // namespace troupe::test

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: write_seeds CASES DIRECTORY\n";
    return 2;
  }
  try {
    troupe::test::write_all(arguments[1], arguments[2]);
  } catch (const std::exception& failed) {
    std::cerr << "write_seeds: " << failed.what() << '\n';
    return 1;
  }
}
