// Finds and kills the descendants of the calling process. Post-fork safe.
#pragma once

namespace cloister::sandbox {

// Kills every descendant with SIGKILL and reaps until none is left. The caller must be a child
// subreaper, so that orphans come back to it. Descendants are stopped before they are killed, so
// that a fork bomb cannot outrun the walk. Event driven: blocks in waitpid. Needs /proc.
void kill_descendants();

}  // namespace cloister::sandbox
