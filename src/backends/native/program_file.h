// A Python program in the form that its interpreter reads.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "engine/backend.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {

struct ProgramFile {
  sandbox::ProgramRequest request;
  std::string bytes;  // Of the memory file.
};

// kTooLarge and kInvalidArgument (a NUL in a string, a variable without a name, no absolute
// directory) with a message for the client. Without arguments, environment and tools, in the
// workspace, the file is the program's text alone.
Result<ProgramFile> make_program_file(const engine::PythonProgram& program,
                                      std::uint32_t cpu_seconds);

}  // namespace cloister::backends::native
