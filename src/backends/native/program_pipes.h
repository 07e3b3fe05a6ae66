// The pipes between the server and a program.
//
// The server's end never blocks: a program may open its own end again and take bytes away between
// the server's poll and its read. A program's end can be opened by path (/dev/stdout) by the
// sandbox's user, whoever owns the pipe.
#pragma once

#include "base/error.h"
#include "os/unix_message.h"

namespace cloister::backends::native {

// The server writes.
Result<os::Pipe> make_input_pipe();
// The server reads.
Result<os::Pipe> make_output_pipe();
// The server reads StatusRecords; no program may open it.
Result<os::Pipe> make_status_pipe();

}  // namespace cloister::backends::native
