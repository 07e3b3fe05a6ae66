// The messages between the server, the launcher, the sandbox init and the zygotes.
//
// Every message is one SOCK_SEQPACKET datagram: a fixed struct, for some followed by bytes, with
// descriptors in a fixed order. All ends are of the same build, so structs travel as they are; each
// receiver still checks size, kind and every field before use.
//
//   server   -> launcher   LauncherConfig, CreateRequest
//   launcher -> server     LauncherEvent
//   server   -> init       InitRequest          (one socket a sandbox, made by the server)
//   init     -> server     InitReply
//   launcher -> zygote     ZygoteRequest
//   server   -> interpreter ProgramRequest      (one socket a sandbox with an interpreter)
//   zygote, init -> server StatusRecord         (one pipe a program, made by the server)
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "sandbox/limits.h"

namespace cloister::sandbox {

inline constexpr std::uint32_t kProtocolMagic = 0xC1015701;
inline constexpr std::size_t kMaxPath = 4096;           // Of a file in a workspace, with its NUL.
inline constexpr std::size_t kMaxWorkspaceDepth = 128;  // Directories below the workspace.
inline constexpr std::uint64_t kMaxCollectedFiles = 10000;
inline constexpr std::size_t kMaxCgroupFds = 3;
inline constexpr std::uint32_t kMaxSlots = 4096;  // Sandboxes at once, ready ones included.

// Interpreters with more and more loaded; the names are in zygote.py.
enum class Zygote : std::uint32_t { kNone = 0, kBase = 1, kData = 2, kPlot = 3 };
inline constexpr std::uint32_t kZygoteCount = 4;  // With kNone.

// Layers that a setting accepts as missing; bits of LauncherConfig::accepted.
enum AcceptedWeakness : std::uint32_t {
  kAcceptNoMemoryCgroup = 1U << 0,
  kAcceptNoPidsCgroup = 1U << 1,
  kAcceptNoCpuCgroup = 1U << 2,
};

// Descriptors: the image's root directory; /dev/null or a log file for the zygotes' stderr is not
// passed, they inherit the launcher's.
struct LauncherConfig {
  std::uint32_t magic = kProtocolMagic;
  std::uint32_t accepted = 0;
  std::uint32_t id_base = 0;  // First host uid of the sandboxes' range; 0: only the caller's own.
  std::uint32_t id_count = 1;
  std::uint32_t zygote_mask = 0;  // Bit n: start zygote n.
  std::uint32_t reserved = 0;
};

enum class LauncherEventKind : std::uint32_t {
  kReady = 1,        // The launcher serves. value: bits of controllers; detail: Landlock ABI.
  kZygoteReady = 2,  // token: which zygote.
  kZygoteLost = 3,   // token: which zygote; it is started anew.
  kCreated = 4,      // token; descriptor: OOM counter, if there is one. Init is ready.
  kFailed = 5,       // token; step and error.
  kEnded = 6,        // token: everything of the sandbox is gone.
  kFatal = 7,        // The launcher cannot go on; step and error.
  kResized = 8,      // token: kResize is done.
};

struct LauncherEvent {
  std::uint32_t magic = kProtocolMagic;
  LauncherEventKind kind{};
  std::uint64_t token = 0;
  std::uint32_t step = 0;
  std::int32_t error = 0;
  std::uint64_t value = 0;
  std::uint64_t detail = 0;
};

// kResize changes the memory limit of a sandbox that has been created to limits.memory_bytes; it is
// answered with kResized, or with kFailed, upon which the sandbox has the limit that it had.
enum class CreateKind : std::uint32_t { kCreate = 1, kDestroy = 2, kResize = 3 };

// kCreate descriptors: init's end of the control socket; then for a zygote other than kNone: the
// program socket's child end, status pipe's write end, stdin, stdout, stderr.
struct CreateRequest {
  std::uint32_t magic = kProtocolMagic;
  CreateKind kind = CreateKind::kCreate;
  std::uint64_t token = 0;  // Chosen by the server, unique while the sandbox exists, not 0.
  Zygote zygote = Zygote::kNone;
  std::uint32_t reserved = 0;
  SandboxLimits limits;
};
inline constexpr std::size_t kCreateFdsPlain = 1;
inline constexpr std::size_t kCreateFdsZygote = 6;

// The namespaces of a sandbox that a zygote's child joins, in the order of joining: the user
// namespace gives the right to join the others. Init opens them and passes them with its kCreated
// event.
inline constexpr const char* kNamespaceFiles[] = {"user", "pid", "mnt", "net", "ipc", "uts"};
inline constexpr std::size_t kNamespaceCount = 6;
inline constexpr std::size_t kPidNamespace = 1;

// kFork descriptors: the namespaces, program socket, status pipe, stdin, stdout, stderr, then the
// cgroup.procs files. kSprout descriptor: the new zygote's socket.
enum class ZygoteRequestKind : std::uint32_t { kFork = 1, kSprout = 2 };
struct ZygoteRequest {
  std::uint32_t magic = kProtocolMagic;
  ZygoteRequestKind kind{};
  std::uint64_t token = 0;
  Zygote zygote = Zygote::kNone;  // kSprout: which the child becomes.
  std::uint32_t landlock_abi = 0;
  SandboxLimits limits;
};
inline constexpr std::size_t kForkFdsFixed = kNamespaceCount + 5;

enum class StatusKind : std::uint32_t {
  kArmed = 1,   // Every layer is armed; the process waits for its program or runs it.
  kFailed = 2,  // step and error: it could not be armed and is gone.
  kExited = 3,  // status is what wait gave.
};

// At most PIPE_BUF bytes, so each write is atomic.
struct StatusRecord {
  std::uint32_t magic = kProtocolMagic;
  StatusKind kind{};
  std::uint32_t step = 0;
  std::int32_t error = 0;
  std::int32_t status = 0;
  std::uint32_t reserved = 0;
  std::uint64_t user_us = 0;
  std::uint64_t system_us = 0;
  std::uint64_t max_rss_kib = 0;
};

// With kHasTools the program socket stays open in the interpreter, as the program's channel.
enum class ProgramFlag : std::uint32_t { kLastLineInteractive = 1, kHasTools = 2 };

// On a program socket. Descriptor: a memory file with the program's text, then its parameters, then
// the JSON of its tools. Parameters are strings with their NUL: the arguments, the environment, the
// working directory; none at all for a program without arguments and environment in /workspace.
struct ProgramRequest {
  std::uint32_t magic = kProtocolMagic;
  std::uint32_t flags = 0;
  std::uint64_t size = 0;  // Of the text.
  std::uint64_t parameter_bytes = 0;
  std::uint64_t tools_bytes = 0;
  std::uint32_t argument_count = 0;
  std::uint32_t environment_count = 0;
  std::uint32_t cpu_seconds = 0;  // Lowers the limit of each process; 0: leaves it.
  std::uint32_t reserved = 0;
};
inline constexpr std::uint64_t kMaxToolsBytes = 16ULL << 20;

enum class InitRequestKind : std::uint32_t {
  kStage = 1,     // area, flags; followed by the path with its NUL. Descriptor: the source file.
  kExec = 2,      // Descriptors: command memory file, stdin, stdout, stderr, status pipe; with a
                  // sixth one that becomes the program's descriptor 3.
  kKillExec = 3,  // exec_id: everything that this command started.
  kKillAll = 4,   // Every process but init; replies when own children are reaped.
  kCollect = 5,   // area. Sends kFile for each regular file, then kEndOfFiles.
};

// The two directories that files are put into and taken from.
enum class Area : std::uint32_t { kWorkspace = 0, kProgram = 1 };
inline constexpr std::size_t kAreaCount = 2;

enum class FileFlag : std::uint32_t { kExecutable = 1 };

struct InitRequest {
  std::uint32_t magic = kProtocolMagic;
  InitRequestKind kind{};
  std::uint64_t exec_id = 0;
  std::uint64_t size = 0;  // kStage: bytes of the source. kExec: bytes of the command.
  Area area = Area::kWorkspace;
  std::uint32_t flags = 0;  // FileFlag
};
inline constexpr std::size_t kExecFdsPlain = 5;
inline constexpr std::size_t kExecFdsChannel = 6;

enum class InitReplyKind : std::uint32_t {
  kStaged = 1,      // error: 0 or why not.
  kQuiet = 2,       // After kKillAll: nothing runs any more.
  kFile = 3,        // Followed by the path with its NUL. Descriptor: the file, open for reading.
  kEndOfFiles = 4,  // count: files sent; left_out: files beyond the limits of depth and path.
};

struct InitReply {
  std::uint32_t magic = kProtocolMagic;
  InitReplyKind kind{};
  std::int32_t error = 0;
  std::uint32_t left_out = 0;
  std::uint64_t size = 0;
  std::uint64_t count = 0;
  Area area = Area::kWorkspace;
  std::uint32_t flags = 0;  // FileFlag: the owner may execute it.
};

// A command's memory file: argument count, environment count, then that many strings with their
// NUL, then as another one the working directory: absolute, shorter than kMaxPath.
struct CommandHeader {
  std::uint32_t argument_count = 0;
  std::uint32_t environment_count = 0;
  SandboxLimits limits;
};
inline constexpr std::uint32_t kMaxCommandStrings = 4096;
inline constexpr std::uint64_t kMaxCommandBytes = 16ULL << 20;

static_assert(std::is_trivially_copyable_v<CreateRequest>);
static_assert(std::is_trivially_copyable_v<LauncherEvent>);
static_assert(std::is_trivially_copyable_v<ZygoteRequest>);
static_assert(sizeof(StatusRecord) <= 512);

}  // namespace cloister::sandbox
