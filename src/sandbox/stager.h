// Writes a client's file into a workspace, inside the sandbox's mounts. Post-fork safe.
#pragma once

namespace cloister::sandbox {

// Copies the regular file `source`, from its beginning, to `path` below the directory `workspace`:
// parents are made with mode 0755, the file has mode 0644 (0755 when it is executable) and
// modification time 0, all owned by the sandbox's user. Follows no link. `path` is relative,
// without "..". 0 or an errno value: ENOTDIR and EISDIR when paths contradict each other, ENOSPC
// when the workspace is full.
int stage_file(int workspace, const char* path, int source, bool is_executable);

}  // namespace cloister::sandbox
