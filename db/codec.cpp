// Encodes parameters and decodes fields in PostgreSQL's binary format (big-endian).
#include "db/codec.hpp"

#include <endian.h>

#include <cstring>

namespace troupe::db {

namespace {

// Types of a database that was not made by our migrations but holds the same values.
namespace accepted {
constexpr Oid name = 19;
constexpr Oid int2 = 21;
constexpr Oid int4 = 23;
constexpr Oid bpchar = 1042;
constexpr Oid varchar = 1043;
}  // namespace accepted

template <class Integer>
Integer read(const char* data) {
  Integer value;
  std::memcpy(&value, data, sizeof value);
  return value;
}

template <class Integer>
void append_bytes(std::string& out, Integer value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

void parameters::add(std::int64_t value) {
  const auto start = bytes_.size();
  append_int64(value);
  end_parameter(start);
}

void parameters::add(bool value) {
  const char byte = value ? 1 : 0;
  append(&byte, 1);
}

void parameters::add(std::string_view value) { append(value.data(), value.size()); }

void parameters::add_null() {
  offsets_.push_back(null_offset);
  lengths_.push_back(0);
}

void parameters::append(const char* data, std::size_t size) {
  const auto start = bytes_.size();
  bytes_.append(data, size);
  end_parameter(start);
}

void parameters::end_parameter(std::size_t start) {
  offsets_.push_back(start);
  lengths_.push_back(static_cast<int>(bytes_.size() - start));
}

void parameters::append_int32(std::int32_t value) {
  append_bytes(bytes_, htobe32(static_cast<std::uint32_t>(value)));
}

void parameters::append_int64(std::int64_t value) {
  append_bytes(bytes_, htobe64(static_cast<std::uint64_t>(value)));
}

// src/backend/utils/adt/arrayfuncs.c, array_recv(): dimensions, whether there may be nulls, element
// type, then size and lower bound of each dimension, then the elements, each with its length.
void parameters::begin_array(Oid element_type, std::size_t size) {
  append_int32(1);
  append_int32(1);
  append_int32(static_cast<std::int32_t>(element_type));
  append_int32(static_cast<std::int32_t>(size));
  append_int32(1);
}

void parameters::append_element(std::int64_t value) {
  append_int32(8);
  append_int64(value);
}

void parameters::append_element(bool value) {
  append_int32(1);
  bytes_ += value ? '\1' : '\0';
}

void parameters::append_element(std::string_view value) {
  append_int32(static_cast<std::int32_t>(value.size()));
  bytes_ += value;
}

std::vector<const char*> parameters::values() const {
  std::vector<const char*> pointers(offsets_.size());
  for (std::size_t i = 0; i < offsets_.size(); ++i)
    pointers[i] = offsets_[i] == null_offset ? nullptr : bytes_.data() + offsets_[i];
  return pointers;
}

bool decode(const PGresult* rows, int row, int field, std::int64_t& out) {
  switch (PQftype(rows, field)) {
    case type_id::int8:
    case accepted::int4:
    case accepted::int2: break;
    default: return false;
  }
  const char* data = PQgetvalue(rows, row, field);
  switch (PQgetlength(rows, row, field)) {
    case 2: out = static_cast<std::int16_t>(be16toh(read<std::uint16_t>(data))); return true;
    case 4: out = static_cast<std::int32_t>(be32toh(read<std::uint32_t>(data))); return true;
    case 8: out = static_cast<std::int64_t>(be64toh(read<std::uint64_t>(data))); return true;
    default: return false;  // of NULL it is 0
  }
}

bool decode(const PGresult* rows, int row, int field, bool& out) {
  if (PQftype(rows, field) != type_id::boolean || PQgetlength(rows, row, field) != 1) return false;
  out = *PQgetvalue(rows, row, field) != 0;
  return true;
}

bool decode(const PGresult* rows, int row, int field, std::string& out) {
  switch (PQftype(rows, field)) {
    case type_id::text:
    case accepted::varchar:
    case accepted::bpchar:
    case accepted::name: break;
    default: return false;
  }
  const int size = PQgetlength(rows, row, field);
  // libpq says 0 of NULL, too.
  if (size == 0 && PQgetisnull(rows, row, field) != 0) return false;
  out = std::string(PQgetvalue(rows, row, field), static_cast<std::size_t>(size));
  return true;
}

}  // namespace troupe::db
