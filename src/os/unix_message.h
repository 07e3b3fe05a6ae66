// Making the sockets and pipes that processes of a sandbox talk over.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "os/message_io.h"

namespace cloister::os {

struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
// Close-on-exec at both ends.
Result<SocketPair> make_seqpacket_pair();

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};
// Close-on-exec at both ends.
Result<Pipe> make_pipe();

Result<void> set_nonblocking(int fd);

}  // namespace cloister::os
