# cloister_embed(<target> <namespace_name> FILES <path>...)
# Puts each file into the target as read-only bytes and generates the header
# generated/embedded/<namespace_name>.h with one std::string_view a file,
# cloister::embedded::<namespace_name>::<file name with non-alphanumerics as _,
# after an n if it begins with a digit>.
function(cloister_embed target name)
  cmake_parse_arguments(ARG "" "" "FILES" ${ARGN})
  set(assembly "${CMAKE_BINARY_DIR}/generated/embedded/${name}.S")
  set(header "${CMAKE_BINARY_DIR}/generated/embedded/${name}.h")
  set(asm ".section .rodata\n")
  set(hdr "#pragma once\n#include <string_view>\n\n")
  set(ext "")
  set(views "")
  foreach(file IN LISTS ARG_FILES)
    get_filename_component(path "${file}" ABSOLUTE)
    get_filename_component(base "${file}" NAME)
    string(REGEX REPLACE "[^A-Za-z0-9]" "_" id "${base}")
    if(id MATCHES "^[0-9]")
      string(PREPEND id "n")  # A name of C++ does not begin with a digit.
    endif()
    set(symbol "cloister_embedded_${name}_${id}")
    string(APPEND asm ".balign 16\n.global ${symbol}_begin\n.global ${symbol}_end\n"
      "${symbol}_begin:\n.incbin \"${path}\"\n${symbol}_end:\n.byte 0\n")
    string(APPEND ext "extern \"C\" const char ${symbol}_begin[];\nextern \"C\" const char ${symbol}_end[];\n")
    string(APPEND views "inline std::string_view ${id}() {\n  return {${symbol}_begin, "
      "static_cast<std::size_t>(${symbol}_end - ${symbol}_begin)};\n}\n")
    list(APPEND paths "${path}")
  endforeach()
  string(APPEND asm ".section .note.GNU-stack,\"\",@progbits\n")
  file(CONFIGURE OUTPUT "${assembly}" CONTENT "${asm}" @ONLY)
  file(CONFIGURE OUTPUT "${header}"
    CONTENT "${hdr}${ext}\nnamespace cloister::embedded::${name} {\n\n${views}\n}  // namespace\n" @ONLY)
  set_source_files_properties("${assembly}" PROPERTIES OBJECT_DEPENDS "${paths}" LANGUAGE ASM)
  target_sources(${target} PRIVATE "${assembly}")
endfunction()

# cloister_embed_tree(<target> <namespace_name> ROOT <directory> FILES <path below ROOT>...)
# The same for files that keep their place in a tree: the header
# generated/embedded/<namespace_name>.h has cloister::embedded::<namespace_name>::files(), an array of
# {path below ROOT, bytes} in the order of the paths, so that a directory's files follow each other.
function(cloister_embed_tree target name)
  cmake_parse_arguments(ARG "" "ROOT" "FILES" ${ARGN})
  list(SORT ARG_FILES)
  list(REMOVE_DUPLICATES ARG_FILES)
  list(LENGTH ARG_FILES count)
  set(assembly "${CMAKE_BINARY_DIR}/generated/embedded/${name}.S")
  set(header "${CMAKE_BINARY_DIR}/generated/embedded/${name}.h")
  set(asm ".section .rodata\n")
  set(ext "")
  set(entries "")
  set(number 0)
  foreach(path IN LISTS ARG_FILES)
    set(file "${ARG_ROOT}/${path}")
    if(NOT path MATCHES "^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$")
      message(FATAL_ERROR "cloister_embed_tree: '${path}' is not a plain relative path")
    endif()
    set(symbol "cloister_embedded_${name}_${number}")
    list(APPEND files "${file}")
    math(EXPR number "${number} + 1")
    string(APPEND asm ".balign 16\n.global ${symbol}_begin\n.global ${symbol}_end\n"
      "${symbol}_begin:\n.incbin \"${file}\"\n${symbol}_end:\n.byte 0\n")
    string(APPEND ext "extern \"C\" const char ${symbol}_begin[];\nextern \"C\" const char ${symbol}_end[];\n")
    string(APPEND entries "      {\"${path}\",\n       {${symbol}_begin, "
      "static_cast<std::size_t>(${symbol}_end - ${symbol}_begin)}},\n")
  endforeach()
  string(APPEND asm ".section .note.GNU-stack,\"\",@progbits\n")
  string(CONCAT hdr "#pragma once\n#include <array>\n#include <cstddef>\n#include <string_view>\n\n${ext}\n"
    "namespace cloister::embedded::${name} {\n\n"
    "struct File {\n  const char* path;\n  std::string_view bytes;\n};\n\n"
    "inline std::array<File, ${count}> files() {\n  return {{\n${entries}  }};\n}\n\n}  // namespace\n")
  file(CONFIGURE OUTPUT "${assembly}" CONTENT "${asm}" @ONLY)
  file(CONFIGURE OUTPUT "${header}" CONTENT "${hdr}" @ONLY)
  set_source_files_properties("${assembly}" PROPERTIES OBJECT_DEPENDS "${files}" LANGUAGE ASM)
  target_sources(${target} PRIVATE "${assembly}")
endfunction()
