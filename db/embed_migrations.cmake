# Writes a C++ source that holds every migrations/NNNN_name.sql as a string.
# cmake -DSOURCE_DIR=... -DOUTPUT=... -P embed_migrations.cmake
file(GLOB files "${SOURCE_DIR}/*.sql")
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME_WE)
  if(NOT name MATCHES "^0*([1-9][0-9]*)_[a-z0-9_]+$")
    message(FATAL_ERROR "${file} is not called NNNN_name.sql")
  endif()
  set(version "${CMAKE_MATCH_1}")
  file(READ "${file}" sql)
  string(APPEND entries "    migration{${version}, \"${name}\", R\"sql(${sql})sql\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "// Made by embed_migrations.cmake from db/migrations/*.sql.
#include \"db/migrations.hpp\"

#include <array>

namespace troupe::db {

std::span<const migration> migrations() {
  static constexpr std::array all{
${entries}  };
  return all;
}

}  // namespace troupe::db
")
