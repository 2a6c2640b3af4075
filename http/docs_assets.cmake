# Fetches the assets of /docs and /redoc from npm and writes a C++ source that holds them.
# Sets docs_assets_source. All is done when the build is configured, so that AUTO knows what there is.
set(TROUPE_DOCS AUTO CACHE STRING
    "Build in Swagger UI and Redoc: ON (or fail), OFF, or AUTO (if npm can fetch them)")
set_property(CACHE TROUPE_DOCS PROPERTY STRINGS AUTO ON OFF)

set(docs_packages ${CMAKE_CURRENT_SOURCE_DIR}/docs-assets)
set(docs_directory ${CMAKE_CURRENT_BINARY_DIR}/docs-assets)
set(docs_assets_source ${CMAKE_CURRENT_BINARY_DIR}/docs_assets.cpp)
# Where each file comes from, and its media type.
set(docs_files
  "node_modules/swagger-ui-dist/swagger-ui-bundle.js|text/javascript"
  "node_modules/swagger-ui-dist/swagger-ui.css|text/css"
  "node_modules/swagger-ui-dist/favicon-32x32.png|image/png"
  "node_modules/redoc/bundles/redoc.standalone.js|text/javascript"
  "start-swagger-ui.js|text/javascript")

# Leaves the files, plain and compressed, in docs_directory; sets docs_problem if it cannot.
function(fetch_docs_assets)
  set(inputs package.json package-lock.json .npmrc start-swagger-ui.js)
  set(state "${docs_files}")
  foreach(input IN LISTS inputs)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${docs_packages}/${input})
    file(SHA256 ${docs_packages}/${input} hash)
    string(APPEND state " ${hash}")
  endforeach()
  if(EXISTS ${docs_directory}/fetched)
    file(READ ${docs_directory}/fetched fetched)
    if(fetched STREQUAL state)
      return()
    endif()
  endif()

  find_program(NPM npm)
  if(NOT NPM)
    set(docs_problem "npm is not installed" PARENT_SCOPE)
    return()
  endif()
  message(STATUS "Fetching Swagger UI and Redoc with npm")
  file(REMOVE_RECURSE ${docs_directory})
  foreach(input IN LISTS inputs)
    file(COPY ${docs_packages}/${input} DESTINATION ${docs_directory})
  endforeach()
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --fetch-timeout=30000 --fetch-retries=1
            --fetch-retry-mintimeout=1000
    WORKING_DIRECTORY ${docs_directory} TIMEOUT 300 RESULT_VARIABLE failed OUTPUT_VARIABLE words ERROR_VARIABLE words)
  if(failed)
    file(WRITE ${docs_directory}/npm.log "${words}")
    set(docs_problem "npm cannot fetch them, see ${docs_directory}/npm.log" PARENT_SCOPE)
    return()
  endif()
  foreach(entry IN LISTS docs_files)
    string(REGEX REPLACE "[|].*" "" file "${entry}")
    get_filename_component(name ${file} NAME)
    if(NOT file STREQUAL name)
      file(COPY ${docs_directory}/${file} DESTINATION ${docs_directory})
    endif()
    execute_process(COMMAND gzip -9 --no-name --keep --force ${name}
                    WORKING_DIRECTORY ${docs_directory} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  file(REMOVE_RECURSE ${docs_directory}/node_modules)
  file(WRITE ${docs_directory}/fetched "${state}")
endfunction()

# Writes a source with these entries of docs_files.
function(write_docs_assets)
  set(blobs "")
  set(declarations "")
  set(entries "")
  set(number 0)
  foreach(entry IN LISTS ARGN)
    string(REGEX MATCH "([^/|]+)[|](.*)" ignored "${entry}")
    set(name ${CMAKE_MATCH_1})
    set(media_type ${CMAKE_MATCH_2})
    set(file ${docs_directory}/${name})
    file(SHA256 ${file} hash)
    string(SUBSTRING ${hash} 0 12 hash)
    string(REGEX REPLACE "[.]([a-z]+)$" ".${hash}.\\1" hashed_name ${name})
    set(views "")
    foreach(variant "" ".gz")
      file(SIZE ${file}${variant} size)
      set(symbol troupe_docs_asset_${number})
      string(APPEND blobs ".hidden ${symbol}\n.global ${symbol}\n${symbol}: .incbin \"${file}${variant}\"\n")
      string(APPEND declarations "extern const char ${symbol}[];\n")
      string(APPEND views ", {${symbol}, ${size}}")
      math(EXPR number "${number} + 1")
    endforeach()
    string(APPEND entries
           "      docs_asset{\"${name}\", \"/docs/assets/${hashed_name}\", \"${media_type}\"${views}},\n")
  endforeach()
  set(text "// Made by docs_assets.cmake.
#include \"http/docs_assets.hpp\"
")
  if(ARGN)
    string(APPEND text "
#include <array>

asm(R\"(.pushsection .rodata
${blobs}.popsection
)\");

extern \"C\" {
${declarations}}

namespace troupe::http {

std::span<const docs_asset> docs_assets() {
  static const std::array all{
${entries}  };
  return all;
}

}  // namespace troupe::http
")
  else()
    string(APPEND text "
namespace troupe::http {

std::span<const docs_asset> docs_assets() { return {}; }

}  // namespace troupe::http
")
  endif()
  file(CONFIGURE OUTPUT ${docs_assets_source} CONTENT "${text}" @ONLY)
endfunction()

set(docs_problem "")
if(TROUPE_DOCS STREQUAL OFF)
  set(docs_problem "TROUPE_DOCS is OFF")
else()
  fetch_docs_assets()
endif()
if(NOT docs_problem)
  write_docs_assets(${docs_files})
  message(STATUS "/docs and /redoc: built in")
elseif(TROUPE_DOCS STREQUAL ON)
  message(FATAL_ERROR "/docs and /redoc: ${docs_problem}")
else()
  write_docs_assets()
  message(STATUS "/docs and /redoc: a plain page only, because ${docs_problem}")
endif()
