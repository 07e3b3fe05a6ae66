// The launcher's view of one zygote: an interpreter that is started once and then only forks.
//
// Dropping it ends the zygote, which leaves when its socket is closed. Not thread safe; owned by
// the launcher's loop.
#pragma once

#include <span>

#include "base/error.h"
#include "base/unique_fd.h"
#include "sandbox/protocol.h"

namespace cloister::sandbox {

class ZygoteProcess {
 public:
  // Starts the image's python3 with the embedded guest program, as a child of this process.
  static Result<ZygoteProcess> start(Zygote which);

  // Lets a ready zygote fork into one that loads more, so that both share what is loaded already.
  static Result<ZygoteProcess> sprout(Zygote which, ZygoteProcess& parent);

  // Asks for a child. `fds` in the order that ZygoteRequest documents. The outcome goes over the
  // status pipe. 0 or an errno value.
  int request_fork(const ZygoteRequest& request, std::span<const int> fds);

  Zygote which() const { return which_; }
  // Readable when the zygote says that it is ready (one byte), at end of file when it is gone.
  int socket() const { return socket_.get(); }
  bool is_ready() const { return ready_; }
  void set_ready() { ready_ = true; }

 private:
  ZygoteProcess(Zygote which, UniqueFd socket) : which_(which), socket_(std::move(socket)) {}

  Zygote which_;
  UniqueFd socket_;
  bool ready_ = false;
};

}  // namespace cloister::sandbox
