# CAF built with the thread sanitizer, which sees what orders threads only in code that was built with it.
# Sets CAF_CORE and CAF_IO; the headers are Debian's, which are of the same version.
include(ExternalProject)

set(prefix ${CMAKE_BINARY_DIR}/caf)
set(CAF_CORE ${prefix}/build/lib/libcaf_core_static.a)
set(CAF_IO ${prefix}/build/lib/libcaf_io_static.a)
ExternalProject_Add(caf
  PREFIX ${prefix}
  SOURCE_DIR ${prefix}/source
  BINARY_DIR ${prefix}/build
  DOWNLOAD_COMMAND ${CMAKE_CURRENT_LIST_DIR}/fetch_caf ${prefix}/source
  # Its headers of this version lack an include of <limits> that GCC 12 wants.
  CMAKE_ARGS
    -DCMAKE_BUILD_TYPE=None
    -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}
    -DCMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}
    "-DCMAKE_CXX_FLAGS=-O1 -g1 -w -fsanitize=${TROUPE_SANITIZE} -fno-omit-frame-pointer -include limits"
    -DCAF_BUILD_STATIC_ONLY=yes
    -DCAF_NO_EXAMPLES=yes
    -DCAF_NO_OPENCL=yes
    -DCAF_NO_OPENSSL=yes
    -DCAF_NO_PYTHON=yes
    -DCAF_NO_TOOLS=yes
    -DCAF_NO_UNIT_TESTS=yes
  BUILD_COMMAND ${CMAKE_COMMAND} --build . --target libcaf_core_static libcaf_io_static
  INSTALL_COMMAND ""
  BUILD_BYPRODUCTS ${CAF_CORE} ${CAF_IO}
  USES_TERMINAL_DOWNLOAD TRUE
  USES_TERMINAL_BUILD TRUE)
