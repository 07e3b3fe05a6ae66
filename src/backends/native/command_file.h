// A command in the form that the sandbox init reads.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/backend.h"
#include "sandbox/limits.h"

namespace cloister::backends::native {

// The bytes of a command's memory file: sandbox::CommandHeader, arguments, environment (the
// sandbox's own with the command's in it), directory. kTooLarge and kInvalidArgument (a NUL in a
// string, no program, no absolute directory) with a message for the client.
Result<std::string> make_command_file(const engine::CommandProgram& command,
                                      const sandbox::SandboxLimits& limits);

}  // namespace cloister::backends::native
