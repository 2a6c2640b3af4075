// Reads JSON as Python's json module does: the same documents, messages and positions.
#include "http/python_json.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <optional>

#include "http/json_scan.hpp"
#include "http/python_float.hpp"
#include "http/utf8.hpp"

namespace troupe::http {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Leaves each key once, where it first stood, with the value that came last.
void merge_repeated_keys(json_value::object& members) {
  constexpr std::size_t few = 8;
  std::vector<bool> surplus;
  const auto supersede = [&](std::size_t first, std::size_t last) {
    surplus.resize(members.size());
    members[first].value = std::move(members[last].value);
    surplus[last] = true;
  };
  if (members.size() <= few) {
    for (std::size_t i = 1; i < members.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (members[j].key != members[i].key) continue;
        supersede(j, i);
        break;
      }
    }
  } else {
    // Sorting, as hashing would let a client choose keys that collide.
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const int difference = members[a].key.compare(members[b].key);
      return difference != 0 ? difference < 0 : a < b;
    });
    for (std::size_t i = 1, first = order[0]; i < order.size(); ++i) {
      if (members[first].key == members[order[i]].key) {
        supersede(first, order[i]);
      } else {
        first = order[i];
      }
    }
  }
  if (surplus.empty()) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (surplus[i]) continue;
    if (kept != i) members[kept] = std::move(members[i]);
    ++kept;
  }
  members.erase(members.begin() + static_cast<std::ptrdiff_t>(kept), members.end());
}

/// One pass over a document; the functions answer false after noting what is wrong.
class reader {
 public:
  explicit reader(std::string_view text) : text_(text) {}

  tl::expected<json_value, json_error> read_document() {
    json_value value;
    skip_whitespace();
    if (read_value(value, 0)) {
      skip_whitespace();
      if (at_ == text_.size()) return value;
      fail("Extra data", at_);
    }
    return tl::unexpected(json_error{message_, count_characters(text_.substr(0, fault_))});
  }

 private:
  bool fail(std::string_view message, std::size_t at) {
    message_ = message;
    fault_ = at;
    return false;
  }

  bool refuse() { return fail("", 0); }

  bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  bool digit_at(std::size_t at) const { return at < text_.size() && is_digit(text_[at]); }

  void skip_digits() {
    while (digit_at(at_)) ++at_;
  }

  void skip_whitespace() {
    while (next_is(' ') || next_is('\n') || next_is('\t') || next_is('\r')) ++at_;
  }

  bool skip(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }

  bool skip(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  // Recurses, but no deeper than max_json_depth.
  bool read_value(json_value& out, std::size_t depth) {
    if (next_is('"')) {
      std::string text;
      if (!read_string(text)) return false;
      out = json_value(std::move(text));
      return true;
    }
    if (next_is('{') || next_is('[')) {
      if (depth == max_json_depth) return refuse();
      return next_is('{') ? read_object(out, depth + 1) : read_array(out, depth + 1);
    }
    return read_word(out) || read_number(out);
  }

  bool read_word(json_value& out) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (skip("null")) {
      out = json_value();
    } else if (skip("true")) {
      out = json_value(true);
    } else if (skip("false")) {
      out = json_value(false);
    } else if (skip("NaN")) {
      out = json_value(std::numeric_limits<double>::quiet_NaN());
    } else if (skip("Infinity")) {
      out = json_value(infinity);
    } else if (skip("-Infinity")) {
      out = json_value(-infinity);
    } else {
      return false;
    }
    return true;
  }

  bool read_number(json_value& out) {
    const auto start = at_;
    skip('-');
    const auto digits = at_;
    if (!digit_at(at_)) return fail("Expecting value", start);
    if (!skip('0')) skip_digits();
    const auto digit_count = at_ - digits;
    bool is_float = false;
    if (next_is('.') && digit_at(at_ + 1)) {
      is_float = true;
      ++at_;
      skip_digits();
    }
    if (next_is('e') || next_is('E')) {
      const auto before = at_++;
      if (!skip('+')) skip('-');
      if (digit_at(at_)) {
        is_float = true;
        skip_digits();
      } else {
        at_ = before;
      }
    }
    const auto text = text_.substr(start, at_ - start);
    if (is_float) {
      out = json_value(parse_float(text));
      return true;
    }
    if (digit_count > max_integer_digits) return refuse();
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    out = fault == std::errc{} ? json_value(value) : json_value(json_value::big_integer{std::string(text)});
    return true;
  }

  bool read_array(json_value& out, std::size_t depth) {
    json_value::array values;
    ++at_;
    skip_whitespace();
    if (!skip(']')) {
      for (;;) {
        if (!read_value(values.emplace_back(), depth)) return false;
        skip_whitespace();
        if (skip(']')) break;
        if (!skip(',')) return fail("Expecting ',' delimiter", at_);
        skip_whitespace();
      }
    }
    out = json_value(std::move(values));
    return true;
  }

  bool read_object(json_value& out, std::size_t depth) {
    json_value::object members;
    ++at_;
    skip_whitespace();
    if (!skip('}')) {
      for (;;) {
        if (!next_is('"')) return fail("Expecting property name enclosed in double quotes", at_);
        auto& member = members.emplace_back();
        if (!read_string(member.key)) return false;
        skip_whitespace();
        if (!skip(':')) return fail("Expecting ':' delimiter", at_);
        skip_whitespace();
        if (!read_value(member.value, depth)) return false;
        skip_whitespace();
        if (skip('}')) break;
        if (!skip(',')) return fail("Expecting ',' delimiter", at_);
        skip_whitespace();
      }
    }
    merge_repeated_keys(members);
    out = json_value(std::move(members));
    return true;
  }

  bool read_string(std::string& out) {
    const auto quote = at_++;
    for (;;) {
      const auto stop = find_json_special(text_, at_);
      out.append(text_.substr(at_, stop - at_));
      at_ = stop;
      if (at_ == text_.size()) return fail("Unterminated string starting at", quote);
      if (skip('"')) return true;
      if (text_[at_] != '\\') return fail("Invalid control character at", at_);
      if (at_ + 1 == text_.size()) return fail("Unterminated string starting at", quote);
      if (!read_escape(out)) return false;
    }
  }

  bool read_escape(std::string& out) {
    const char letter = text_[at_ + 1];
    if (letter == 'u') return read_unicode_escape(out);
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const auto index = letters.find(letter);
    if (index == letters.npos) return fail("Invalid \\escape", at_);
    out += meanings[index];
    at_ += 2;
    return true;
  }

  bool read_unicode_escape(std::string& out) {
    auto unit = unicode_escape_at(at_);
    if (!unit) return fail("Invalid \\uXXXX escape", at_ + 1);
    at_ += 6;
    if (*unit >= 0xD800 && *unit <= 0xDBFF) {
      const auto low = unicode_escape_at(at_);
      if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
        unit = 0x10000 + ((*unit - 0xD800) << 10) + (*low - 0xDC00);
        at_ += 6;
      }
    }
    append_utf8(out, *unit);
    return true;
  }

  /// The value of a \uXXXX at this place. Python wants one more character to follow it.
  std::optional<char32_t> unicode_escape_at(std::size_t at) const {
    if (text_.size() <= at + 6 || text_[at] != '\\' || text_[at + 1] != 'u') return std::nullopt;
    std::uint16_t unit = 0;
    const char* const digits = text_.data() + at + 2;
    const auto [end, fault] = std::from_chars(digits, digits + 4, unit, 16);
    if (fault != std::errc{} || end != digits + 4) return std::nullopt;
    return unit;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view message_;
  std::size_t fault_ = 0;
};

}  // namespace

const json_value* find(const json_value::object& object, std::string_view key) noexcept {
  const auto found = std::find_if(object.begin(), object.end(),
                                  [&](const json_member& member) { return member.key == key; });
  return found == object.end() ? nullptr : &found->value;
}

tl::expected<json_value, json_error> parse_json(std::string_view bytes) {
  std::string storage;
  const auto text = decode_json_bytes(bytes, storage);
  if (!text) return tl::unexpected(json_error{});
  return reader(*text).read_document();
}

}  // namespace troupe::http
