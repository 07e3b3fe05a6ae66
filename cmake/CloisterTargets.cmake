# The compiler settings of every target, and the functions that declare targets.

add_library(cloister_options INTERFACE)
target_compile_options(cloister_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wformat=2
  $<$<CXX_COMPILER_ID:GNU>:-Wno-pedantic -Wno-error=null-dereference>
  $<$<CXX_COMPILER_ID:Clang>:-Wno-gnu-statement-expression -Wthread-safety>
  -fstack-protector-strong -fno-omit-frame-pointer)
target_include_directories(cloister_options INTERFACE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_BINARY_DIR}/generated")
target_link_options(cloister_options INTERFACE -Wl,-z,relro,-z,now)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT CLOISTER_SANITIZE)
  target_compile_definitions(cloister_options INTERFACE _FORTIFY_SOURCE=2)
endif()
if(CLOISTER_SANITIZE)
  target_compile_options(cloister_options INTERFACE
    -fsanitize=${CLOISTER_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(cloister_options INTERFACE -fsanitize=${CLOISTER_SANITIZE})
endif()
if(CLOISTER_FUZZ)
  target_compile_options(cloister_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(CLOISTER_MOLD mold)
if(CLOISTER_MOLD)
  target_link_options(cloister_options INTERFACE -fuse-ld=mold)
endif()

# cloister_library(<folder> SOURCES ... [DEPS ...] [PRIVATE_DEPS ...])
# Declares the static library cloister_<folder>. DEPS are the layers that its headers use,
# PRIVATE_DEPS what only its .cpp files use.
function(cloister_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(cloister_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(cloister_${name} PUBLIC cloister_options ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# cloister_tests(<folder> SOURCES ... [DEPS ...])
# One test program a folder, named <folder>_test, registered with CTest under that name.
function(cloister_tests name)
  if(NOT CLOISTER_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE cloister_options ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name}_test)
endfunction()
