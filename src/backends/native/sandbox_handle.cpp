#include "backends/native/sandbox_handle.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "os/cgroup.h"
#include "os/message_io.h"

namespace cloister::backends::native {
namespace {

using sandbox::InitReply;
using sandbox::InitReplyKind;
using sandbox::InitRequest;
using sandbox::InitRequestKind;

// An init does nothing slow but copying; one that is silent for longer is broken.
constexpr Milliseconds kInitLimit{30000};

constexpr auto kExecutable = static_cast<std::uint32_t>(sandbox::FileFlag::kExecutable);

// A sandbox whose files use up its memory limit may lose its init to the kernel's search for
// memory.
tl::unexpected<Error> init_is_gone(int error_number) {
  return fail({ErrorCode::kUnavailable, "the sandbox's init is gone", error_number, {}});
}

// No errno in those that are the client's to mend: an error with one is a fault of this side.
Error staging_error(int error_number, const std::string& path) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
      return {ErrorCode::kTooLarge,
              "The files do not fit into the workspace; '" + path + "' was the first too many.",
              0,
              {}};
    case ENOTDIR:
    case EISDIR:
    case EEXIST:
      return {ErrorCode::kInvalidArgument,
              "File path '" + path + "' is used both as a file and as a directory.",
              0,
              {}};
    case ENAMETOOLONG:
      return {ErrorCode::kInvalidArgument, "File path '" + path + "' is too long.", 0, {}};
    default:
      return {ErrorCode::kInternal, "staging '" + path + "' failed", error_number, {}};
  }
}

}  // namespace

Result<void> SandboxHandle::request(const InitRequest& message, std::string_view path,
                                    std::span<const int> descriptors) {
  struct {
    InitRequest request;
    char path[sandbox::kMaxPath];
  } buffer;
  buffer.request = message;
  std::size_t size = sizeof message;
  if (!path.empty()) {
    if (path.size() >= sizeof buffer.path) {
      return fail(ErrorCode::kInvalidArgument, "File path is too long.");
    }
    std::memcpy(buffer.path, path.data(), path.size());
    buffer.path[path.size()] = '\0';
    size += path.size() + 1;
  }
  const int error = os::send_message(control.get(), &buffer, size, descriptors);
  if (error == EPIPE || error == ECONNRESET) return init_is_gone(error);
  if (error != 0) return fail_errno("talk to the sandbox's init", error);
  return {};
}

Result<SandboxHandle::Reply> SandboxHandle::receive(Milliseconds limit) {
  pollfd watched{control.get(), POLLIN, 0};
  int count = 0;
  do {
    count = ::poll(&watched, 1, static_cast<int>(limit.count()));
  } while (count < 0 && errno == EINTR);
  if (count == 0) return fail(ErrorCode::kInternal, "the sandbox's init does not answer");
  struct {
    InitReply reply;
    char path[sandbox::kMaxPath];
  } buffer;
  os::ReceivedMessage message;
  const int error = os::receive_message(control.get(), &buffer, sizeof buffer, message);
  if (error == ECONNRESET || (error == 0 && message.size == 0)) return init_is_gone(error);
  if (error != 0) return fail_errno("hear from the sandbox's init", error);
  if (message.size < sizeof buffer.reply || buffer.reply.magic != sandbox::kProtocolMagic) {
    message.close_all();
    return fail(ErrorCode::kInternal, "an answer of the wrong form from the sandbox's init");
  }
  Reply reply;
  reply.reply = buffer.reply;
  reply.file = message.take(0);
  message.close_all();
  const std::size_t path_bytes = message.size - sizeof buffer.reply;
  if (path_bytes > 0) reply.path.assign(buffer.path, ::strnlen(buffer.path, path_bytes));
  return reply;
}

Result<void> SandboxHandle::stage(sandbox::Area area,
                                  const std::vector<engine::StagedFile>& files) {
  for (const engine::StagedFile& file : files) {
    InitRequest message;
    message.kind = InitRequestKind::kStage;
    message.area = area;
    message.flags = file.is_executable ? kExecutable : 0;
    const int passed[] = {file.source.get()};
    TRY_VOID(request(message, file.path, passed));
    const Reply reply = TRY(receive(kInitLimit));
    if (reply.reply.kind != InitReplyKind::kStaged) {
      return fail(ErrorCode::kInternal, "an unexpected answer from the sandbox's init");
    }
    if (reply.reply.error != 0) return fail(staging_error(reply.reply.error, file.path));
  }
  return {};
}

Result<std::size_t> SandboxHandle::visit_files(
    sandbox::Area area, const std::function<Result<void>(engine::FoundFile)>& visitor) {
  InitRequest message;
  message.kind = InitRequestKind::kCollect;
  message.area = area;
  TRY_VOID(request(message, {}, {}));
  // Always to the end, so that the next request does not find answers to this one.
  Result<void> outcome;
  for (;;) {
    Reply reply = TRY(receive(kInitLimit));
    if (reply.reply.kind == InitReplyKind::kEndOfFiles) {
      if (reply.reply.error != 0) return fail_errno("collect files", reply.reply.error);
      TRY_VOID(outcome);
      return std::size_t{reply.reply.left_out};
    }
    if (reply.reply.kind != InitReplyKind::kFile || reply.reply.area != area ||
        !reply.file.is_open()) {
      return fail(ErrorCode::kInternal, "an unexpected answer from the sandbox's init");
    }
    if (outcome) {
      outcome = visitor({std::move(reply.path), std::move(reply.file), reply.reply.size,
                         (reply.reply.flags & kExecutable) != 0});
    }
  }
}

Result<void> SandboxHandle::execute(std::uint64_t exec_id, std::uint64_t command_bytes,
                                    std::span<const int> descriptors) {
  InitRequest message;
  message.kind = InitRequestKind::kExec;
  message.exec_id = exec_id;
  message.size = command_bytes;
  return request(message, {}, descriptors);
}

Result<void> SandboxHandle::kill_command(std::uint64_t exec_id) {
  InitRequest message;
  message.kind = InitRequestKind::kKillExec;
  message.exec_id = exec_id;
  return request(message, {}, {});
}

Result<void> SandboxHandle::kill_all() {
  InitRequest message;
  message.kind = InitRequestKind::kKillAll;
  return request(message, {}, {});
}

Result<void> SandboxHandle::wait_until_quiet(Milliseconds limit) {
  const Reply reply = TRY(receive(limit));
  if (reply.reply.kind != InitReplyKind::kQuiet) {
    return fail(ErrorCode::kInternal, "an unexpected answer from the sandbox's init");
  }
  return {};
}

void SandboxHandle::terminate() {
  ::shutdown(control.get(), SHUT_RDWR);
}

bool SandboxHandle::is_alive() const {
  pollfd watched{control.get(), 0, 0};
  return ::poll(&watched, 1, 0) >= 0 && (watched.revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

std::uint64_t SandboxHandle::oom_kills() const {
  return os::read_oom_kills(oom_events.get());
}

}  // namespace cloister::backends::native
