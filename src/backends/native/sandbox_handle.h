// The server's ends of one sandbox, and the requests to its init.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/backend.h"
#include "sandbox/protocol.h"

namespace cloister::backends::native {

// Destruction closes the control socket, upon which the init ends and the kernel with it everything
// in the sandbox. Methods are for one thread, except terminate() and is_alive().
class SandboxHandle {
 public:
  std::uint64_t token = 0;
  UniqueFd control;
  UniqueFd oom_events;  // May be empty.
  // Only with a program that waits (made by a zygote):
  UniqueFd program;  // A program with tools keeps the other end as its channel.
  UniqueFd status;
  UniqueFd standard_in;
  UniqueFd standard_out;
  UniqueFd standard_error;

  Result<void> stage(sandbox::Area area, const std::vector<engine::StagedFile>& files);
  // Gives how many files were left out, beyond the limits of paths, depth and number.
  Result<std::size_t> visit_files(sandbox::Area area,
                                  const std::function<Result<void>(engine::FoundFile)>& visitor);

  // Starts a command; the descriptors, in the order of InitRequestKind::kExec, become the
  // program's. No reply: see the status pipe.
  Result<void> execute(std::uint64_t exec_id, std::uint64_t command_bytes,
                       std::span<const int> descriptors);
  Result<void> kill_command(std::uint64_t exec_id);

  // Kills every process; wait_until_quiet() then waits until they are gone.
  Result<void> kill_all();
  Result<void> wait_until_quiet(Milliseconds limit);

  // Ends the sandbox while others may still wait on its descriptors. Thread safe.
  void terminate();
  bool is_alive() const;
  std::uint64_t oom_kills() const;

 private:
  struct Reply {
    sandbox::InitReply reply;
    std::string path;
    UniqueFd file;
  };

  Result<void> request(const sandbox::InitRequest& request, std::string_view path,
                       std::span<const int> descriptors);
  Result<Reply> receive(Milliseconds limit);
};

}  // namespace cloister::backends::native
