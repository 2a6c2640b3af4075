// Fuzzes the reading of options. Input: arguments, a blank between two; DATABASE_URL, or an empty line for
// none; then the configuration file.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "db/conninfo.hpp"
#include "http/options.hpp"
#include "tests/fuzz/check.hpp"

namespace troupe::test {
namespace {

using namespace std::chrono_literals;

/// A file in memory, which can be opened by its name.
class memory_file {
 public:
  explicit memory_file(std::string_view text) : descriptor_{memfd_create("options", MFD_CLOEXEC)} {
    if (::write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      throw std::system_error(errno, std::generic_category(), "memfd_create");
  }
  ~memory_file() { ::close(descriptor_); }
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;

  std::string name() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

std::size_t count(std::string_view part, std::string_view text) {
  std::size_t out = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++out;
  return out;
}

// Whether a text cannot be in a line as part of its own words, or of the file's name.
bool is_distinct(std::string_view text) {
  constexpr std::size_t long_enough = 6;
  const auto is = [](int (*kind)(int)) {
    return [kind](char c) { return kind(static_cast<unsigned char>(c)) != 0; };
  };
  return text.size() >= long_enough && std::all_of(text.begin(), text.end(), is(std::isalnum)) &&
         std::any_of(text.begin(), text.end(), is(std::isdigit)) &&
         std::any_of(text.begin(), text.end(), is(std::isalpha));
}

// A password that stands in the input once is not repeated for another reason.
void require_secrecy(std::string_view line, std::string_view input) {
  constexpr std::string_view mark = "://";
  for (auto at = input.find(mark); at != input.npos; at = input.find(mark, at + 1)) {
    const auto rest = input.substr(at + mark.size());
    const auto colon = rest.find(':');
    const auto end = rest.find('@');
    if (colon == rest.npos || end == rest.npos || end < colon) continue;
    const auto password = rest.substr(colon + 1, end - colon - 1);
    if (is_distinct(password) && count(password, input) == 1)
      require(line.find(password) == line.npos, "no password is repeated");
  }
}

void require_line(std::string_view line, std::string_view input) {
  require(!line.empty(), "an error has words");
  require(std::none_of(line.begin(), line.end(),
                       [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; }),
          "an error is one line without control characters");
  require_secrecy(line, input);
}

// What the rest of the program relies on.
void require_sense(const http::options& found) {
  if (found.what == http::command::help) return;
  require(found.threads >= 1 && found.threads <= 256, "there are lanes");
  require(found.http.max_connections >= found.threads, "each lane may have a connection");
  require(found.http.request_timeout > 0ms && found.http.idle_timeout > 0ms, "there is time for a request");
  require(found.http.max_limit >= 1, "a list may have a row");
  require(found.http.keepalive == 0ms || found.http.keepalive >= db::min_keepalive, "TCP can keep it");
  require(found.pool.size >= 1 && found.pool.size <= 1000, "there are connections");
  require(found.pool.backoff_min > 0ms && found.pool.backoff_max >= found.pool.backoff_min,
          "waits become longer");
  require(found.node.heartbeat > 0ms && found.node.timeout > found.node.heartbeat, "a node can show itself");
  require((found.what == http::command::gateway) == !found.node.workers.empty(), "gateways have workers");
  require(!found.uri || !found.uri->empty(), "a database that is named has a name");
}

std::string_view take_line(std::string_view& input) {
  const auto end = std::min(input.find('\n'), input.size());
  const auto out = input.substr(0, end);
  input.remove_prefix(std::min(end + 1, input.size()));
  return out;
}

// The file is added here: others of this machine are not for reading.
std::vector<std::string> arguments_of(std::string_view line, const std::string& file) {
  std::vector<std::string> out;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    const auto each = line.substr(0, end);
    if (!each.empty() && !each.starts_with("--config-file")) out.emplace_back(each);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  out.push_back("--config-file=" + file);
  return out;
}

void set_database_url(std::string_view value) {
  // putenv() takes the memory itself, setenv() would keep a copy of each.
  static std::string variable;
  unsetenv("DATABASE_URL");
  variable = "DATABASE_URL=" + std::string{value.substr(0, value.find('\0'))};
  if (!value.empty()) putenv(variable.data());
}

void check(std::string_view input) {
  auto rest = input;
  const auto line = take_line(rest);
  set_database_url(take_line(rest));
  const memory_file file{rest};
  http::configuration config;
  const auto found = config.read(arguments_of(line, file.name()));
  require(!config.cli_helptext_printed, "nothing of CAF's is printed");
  if (!found) return require_line(found.error(), input);
  require_sense(*found);
  if (!found->uri) return;
  if (const auto database = db::conninfo::parse(*found->uri); !database)
    require_line(database.error().message, input);
}

}  // namespace
}  // namespace troupe::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  troupe::test::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
