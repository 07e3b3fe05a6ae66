// The strings of a command, out of the bytes of its memory file. Post-fork safe.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sandbox/limits.h"
#include "sandbox/protocol.h"

namespace cloister::sandbox {

// The strings are those of the parsed bytes and live as long as these. Both lists end with nullptr.
struct Command {
  SandboxLimits limits;
  std::uint32_t argument_count = 0;
  std::uint32_t environment_count = 0;
  const char* argv[kMaxCommandStrings + 1];
  const char* envp[kMaxCommandStrings + 1];
  const char* directory = nullptr;
};

// `bytes` is a CommandHeader and its strings. False when a count or a string does not fit into
// `size`, when a limit is exceeded, when there is no program, or when the directory is not an
// absolute path; `command` is then undefined.
bool parse_command(const char* bytes, std::size_t size, Command& command);

}  // namespace cloister::sandbox
