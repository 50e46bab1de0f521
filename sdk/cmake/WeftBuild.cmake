# How weft itself is compiled: one place for warnings, sanitizers, linker and the two helpers that make a core part
# and a test program. Plugin authors outside this tree need only WeftPlugin.cmake.

option(WEFT_BUILD_TESTS "Build the tests" ON)
option(WEFT_FUZZ "Build the libFuzzer targets (needs Clang)" OFF)
set(WEFT_SANITIZE "" CACHE STRING "Sanitizers for the whole build, such as address,undefined or thread")
set(WEFT_OPT "" CACHE STRING "Optimisation flag that replaces the build type's, such as -O1")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(WEFT_PLUGIN_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/plugins)
# Programs find libweft wherever the installation is moved to.
include(GNUInstallDirs)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};$ORIGIN")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(WEFT_CCACHE ccache)
if(WEFT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${WEFT_CCACHE})
endif()
find_program(WEFT_MOLD mold)
if(WEFT_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
                    -Wnull-dereference -Wno-missing-field-initializers -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 reports these falsely inside libstdc++ and inlined variants once optimisation is on.
  add_compile_options(-Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict -Wno-dangling-pointer
                      -Wno-stringop-overflow -Wno-array-bounds -Wno-stringop-overread)
endif()
# Nobody replaces functions of libweft or of a plugin with others of the same name: calls inside them are direct.
add_compile_options(-fno-semantic-interposition -fno-plt)
add_link_options("$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>:LINKER:-Bsymbolic-functions>")
if(WEFT_OPT)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "${WEFT_OPT} -g1")
endif()
if(WEFT_SANITIZE)
  add_compile_options(-fsanitize=${WEFT_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WEFT_SANITIZE})
  if(WEFT_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  if(WEFT_SANITIZE MATCHES thread)
    # ThreadSanitizer does not know fences, and GCC says so; Asio's are beside locks that it does know.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()

find_package(Threads REQUIRED)

# weft_core_part(engine SOURCES a.cpp b.cpp LINK weft-base PkgConfig::x)
# One folder below core/ is one static library weft-<part>; libweft.so is made of all of them.
function(weft_core_part name)
  cmake_parse_arguments(PART "NOT_IN_LIBWEFT" "" "SOURCES;LINK" ${ARGN})
  add_library(weft-${name} STATIC ${PART_SOURCES})
  target_include_directories(weft-${name} PUBLIC ${PROJECT_SOURCE_DIR}/sdk/include ${PROJECT_SOURCE_DIR}/core
                                                 ${PROJECT_BINARY_DIR}/sdk/include)
  target_compile_definitions(weft-${name} PRIVATE WEFT_BUILDING)
  target_link_libraries(weft-${name} PUBLIC ${PART_LINK} Threads::Threads)
  if(NOT PART_NOT_IN_LIBWEFT)
    set_property(GLOBAL APPEND PROPERTY WEFT_CORE_PARTS weft-${name})
  endif()
endfunction()

# weft_test(unit engine SOURCES x_test.cpp LINK weft-engine [TIMEOUT 60] [LABELS root])
# Makes the program test-<tier>-<name>, run by ctest as <tier>/<name> with the label <tier>. With PATHS its sources know
# WEFT_SOURCE_DIR and WEFT_BINARY_DIR; without, a checkout elsewhere can share the compiler cache. With KUBERNETES it is
# told where the programs of tests/kubernetes/build are, or would be.
function(weft_test tier name)
  cmake_parse_arguments(TEST "KUBERNETES;NO_GTEST_MAIN;PATHS" "TIMEOUT" "SOURCES;LINK;LABELS;ENVIRONMENT" ${ARGN})
  set(target test-${tier}-${name})
  add_executable(${target} ${TEST_SOURCES})
  target_link_libraries(${target} PRIVATE ${TEST_LINK} GTest::gmock)
  if(NOT TEST_NO_GTEST_MAIN)
    target_link_libraries(${target} PRIVATE GTest::gmock_main)
  endif()
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/core ${PROJECT_SOURCE_DIR}/tests)
  if(TEST_PATHS)
    target_compile_definitions(${target} PRIVATE WEFT_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                 WEFT_BINARY_DIR="${PROJECT_BINARY_DIR}")
  endif()
  add_test(NAME ${tier}/${name} COMMAND ${target})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  if(TEST_KUBERNETES)
    list(APPEND TEST_ENVIRONMENT "WEFT_KUBERNETES=${WEFT_KUBERNETES}")
  endif()
  if(WEFT_SANITIZE MATCHES thread)
    list(APPEND TEST_ENVIRONMENT "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/sdk/cmake/tsan.supp")
  endif()
  # What may take long begins first, or it runs alone at the end.
  set_tests_properties(${tier}/${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT} COST ${TEST_TIMEOUT}
                                                  LABELS "${tier};${TEST_LABELS}" ENVIRONMENT "${TEST_ENVIRONMENT}")
endfunction()

# weft_fuzz(ovsdb-json SOURCES x_fuzz.cpp LINK weft-ovsdb CORPUS dir): a libFuzzer program fuzz-<name>, run over its
# seed corpus and then for a while by the fuzz tier (WEFT_FUZZ_SECONDS: how long). Without WEFT_FUZZ it makes nothing.
function(weft_fuzz name)
  cmake_parse_arguments(FUZZ "" "CORPUS" "SOURCES;LINK" ${ARGN})
  if(NOT WEFT_FUZZ)
    return()
  endif()
  add_executable(fuzz-${name} ${FUZZ_SOURCES} ${PROJECT_SOURCE_DIR}/tests/fuzz/seconds.cpp)
  target_link_libraries(fuzz-${name} PRIVATE ${FUZZ_LINK})
  target_compile_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz-${name} PRIVATE -fsanitize=fuzzer)
  target_include_directories(fuzz-${name} PRIVATE ${PROJECT_SOURCE_DIR}/core)
  add_test(NAME fuzz/${name} COMMAND fuzz-${name} -max_total_time=10 -timeout=5 -rss_limit_mb=2048
                                     ${PROJECT_BINARY_DIR}/corpus-${name} ${FUZZ_CORPUS})
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/corpus-${name})
  set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 14400 LABELS fuzz)
endfunction()
