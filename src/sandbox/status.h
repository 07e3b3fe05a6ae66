// Writing StatusRecords. Post-fork safe; a reader that is gone is not an error here.
#pragma once

#include <sys/resource.h>

#include "sandbox/arm.h"
#include "sandbox/protocol.h"

namespace cloister::sandbox {

void write_armed(int status_fd);
void write_failure(int status_fd, const ArmFailure& failure);
// `status` and `usage` as wait4 gave them.
void write_exit(int status_fd, int status, const rusage& usage);

}  // namespace cloister::sandbox
