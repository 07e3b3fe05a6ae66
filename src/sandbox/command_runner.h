// Runs one command: a supervisor process between the sandbox init and the program,
// which knows everything that the program starts. Post-fork safe.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sandbox/protocol.h"

namespace cloister::sandbox {

struct CommandFds {
  int command = -1;  // Memory file: CommandHeader and strings.
  int in = -1;
  int out = -1;
  int error_stream = -1;
  int status = -1;   // Receives StatusRecords.
  int channel = -1;  // Becomes the program's descriptor 3; -1 for none.
};

// Forks the supervisor and returns its pid, or -errno. The caller closes its copies of `fds`.
// SIGTERM to the supervisor kills everything that the program started, then the supervisor reports
// and ends. When the program ends by itself, what it left behind goes on as children of the init.
pid_t start_command(const CommandFds& fds, std::uint64_t command_bytes, int landlock_abi);

}  // namespace cloister::sandbox
