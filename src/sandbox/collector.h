// Hands every regular file of a workspace to the server. Post-fork safe.
#pragma once

#include "sandbox/protocol.h"

namespace cloister::sandbox {

// Walks the directory `workspace` and sends an InitReply of kind kFile, with `area`, for each
// regular file over `socket`, then kEndOfFiles. Follows no link and crosses no mount: links,
// sockets, pipes and devices do not exist for it. Files deeper than kMaxWorkspaceDepth or with
// paths over kMaxPath are counted as left out. To be called when nothing else runs in the sandbox.
// 0 or an errno value of the socket.
int collect_files(int workspace, Area area, int socket);

}  // namespace cloister::sandbox
