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
