// Where sandboxes run. The engine declares what it needs; backends/ implement it.
//
// A Sandbox is one isolated set of processes with its own workspace. It is used by one owner at a
// time unless a method says otherwise. Destroying the object ends every process in it and frees
// everything it held; that work may go on in the background.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::engine {

enum class Stream { kStdout, kStderr };

// Receives what a program does, on the thread that called run(). Nothing is called after run()
// returned.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // The program is about to run: from here on failures are the program's. Called once, before any
  // output.
  virtual void on_started() {}
  // Raw bytes as they come, never empty, in order within one stream.
  virtual void on_output(Stream stream, std::string_view bytes) = 0;
  // A whole message of a program with a channel, after all output that the program wrote before it.
  // The bytes are in the hands of the program. Returns the answer to be sent to it, or nothing to
  // end it, which the outcome then shows as cancelled. The program's time stands still until this
  // returns; nothing but Sandbox::terminate() ends it meanwhile.
  virtual std::optional<std::string> on_message(std::string_view /*message*/) {
    return std::nullopt;
  }
};

// Tells a running call that nobody waits for its result any more. `hangup_fd` is a socket that is
// watched for the peer's hang-up, or -1. Not owned.
struct Cancellation {
  int hangup_fd = -1;
};

// The name of the workspace that a program starts in: it is one directory with several names.
inline constexpr std::string_view kWorkspaceDirectory = "/workspace";
inline constexpr std::string_view kDataDirectory = "/mnt/data";

// Beside the workspace, private to the sandbox too: a program's text and what a compiler makes of
// it. Nothing in it is an output file.
inline constexpr std::string_view kProgramDirectory = "/program";

// A program in the image's Python, as the main module, in a process made for this run alone.
struct PythonProgram {
  std::string code;
  // Show the value of a last top-level expression as the interactive interpreter does.
  bool last_line_interactive = false;
  std::vector<std::string> arguments = {};    // sys.argv from its second element on.
  std::vector<std::string> environment = {};  // "NAME=value", added to the sandbox's own.
  std::string directory{kWorkspaceDirectory};
  // JSON for the guest's tools.py, which then runs the code with its functions and keeps the
  // channel to RunObserver::on_message. Nothing: an ordinary program, without a channel.
  std::optional<std::string> tools = {};
};

// Any program of the image. argv[0] is looked up in the sandbox's PATH. `environment` is added to
// the sandbox's own.
struct CommandProgram {
  std::vector<std::string> argv;
  std::vector<std::string> environment = {};
  std::string directory{kWorkspaceDirectory};
};

// For the process that a kCommandRun sandbox has started ahead (SandboxSpec::warm_command): what it
// reads from its descriptor 3, up to the end.
struct WarmProgram {
  std::string message;
};

struct RunSpec {
  std::variant<PythonProgram, CommandProgram, WarmProgram> program;
  std::string stdin_bytes;
  Milliseconds timeout{0};       // Wall clock, from the start of the program.
  std::uint32_t cpu_seconds{0};  // Of each process; 0: the backend's default.
};

// How a run ended. Exactly one of: exited, killed by a signal, timed_out, cancelled.
struct RunOutcome {
  std::optional<int>
      exit_code;  // 128 + n for death by signal n; absent when timed_out or cancelled.
  bool timed_out = false;
  bool cancelled = false;
  bool out_of_memory = false;  // The memory limit killed at least one process of the sandbox.
  Microseconds duration{0};    // From the start of the program until its end was known.
  // Of the program's own process and those that it waited for; 0 when the backend does not know.
  Microseconds cpu_time{0};
  std::uint64_t memory_peak_bytes = 0;
};

// A file to be put into a workspace. `path` has passed WorkspacePath: relative, no "..", not empty.
struct StagedFile {
  std::string path;
  UniqueFd source;  // Read from its beginning; a regular file.
  bool is_executable = false;
};

// A regular file found in a workspace. `path` is relative and consists of arbitrary bytes but NUL.
struct FoundFile {
  std::string path;
  UniqueFd content;  // Open for reading at its beginning. No link was followed to open it.
  std::uint64_t size = 0;
  bool is_executable = false;
};

enum class SandboxKind {
  kPythonRun,   // Made for one PythonProgram; the backend may have it ready.
  kCommandRun,  // Runs CommandPrograms one after the other, or one WarmProgram.
  kSession,     // Runs any number of CommandProgram, also in parallel.
};

struct SandboxSpec {
  SandboxKind kind = SandboxKind::kPythonRun;
  // For kPythonRun: the program that will be run, so that the backend can pick an interpreter that
  // has the imported modules loaded. Only looked at; run() gets the program again.
  std::string_view python_code;
  // For kCommandRun: the command of a process that shall have been started ahead of the program, in
  // kDataDirectory. Empty: none. The backend keeps a few of those that were asked for ready.
  std::vector<std::string> warm_command = {};
  std::uint64_t memory_bytes = 0;  // 0: the backend's default.
};

class Sandbox {
 public:
  virtual ~Sandbox() = default;

  // Writes files into the workspace: mode 0644 or 0755, directories 0755, owned by the sandbox's
  // user, modification time 0. A path given twice: the last one wins. kTooLarge when the workspace
  // is full, kInvalidArgument when the paths contradict each other or a name is too long.
  virtual Result<void> stage(std::vector<StagedFile> files) = 0;

  // Runs a program to its end, its time-out or the caller's hang-up, and returns when its processes
  // are gone (kPythonRun, kCommandRun: all processes of the sandbox; kSession: on time-out and
  // cancellation all that the program started, else only the program itself). An error means that
  // the sandbox failed, never that the program did. Thread safe for kSession.
  virtual Result<RunOutcome> run(const RunSpec& spec, const Cancellation& cancellation,
                                 RunObserver& observer) = 0;

  // Visits every regular file of the workspace, hidden ones too; follows no link. Only to be called
  // when no program runs (kPythonRun: after run()).
  virtual Result<void> visit_files(const std::function<Result<void>(FoundFile)>& visitor) = 0;

  // How many files the last visit left out, as too deep below the workspace, with too long a path,
  // or unreadable.
  virtual std::size_t files_left_out() const { return 0; }

  // kCommandRun only: the same for kProgramDirectory.
  virtual Result<void> stage_program(
      std::vector<StagedFile> /*files*/) {  // NOLINT(performance-unnecessary-value-param)
    return fail(ErrorCode::kUnsupported, "this sandbox has no directory for programs");
  }
  virtual Result<void> visit_program(const std::function<Result<void>(FoundFile)>& /*visitor*/) {
    return fail(ErrorCode::kUnsupported, "this sandbox has no directory for programs");
  }

  // Ends every process now; a run() under way returns. Thread safe.
  virtual void terminate() = 0;

  // False once the sandbox's processes are gone, for whatever reason. Thread safe.
  virtual bool is_alive() const = 0;
};

struct BackendStatus {
  bool usable = false;
  std::string message;            // Why not usable; empty when usable.
  std::string name;               // "native", "docker", "kubernetes"
  std::string network_isolation;  // Short name of how the network is kept away.
  // Isolation layers that are missing and were accepted by a setting.
  std::vector<std::string> accepted_weaknesses;
  std::size_t sandboxes_ready = 0;
  std::size_t sandboxes_running = 0;
  std::string image_digest;
  // "python 3.13.5" style lines from the image's manifest.
  std::vector<std::string> languages;
};

// Thread safe.
class Backend {
 public:
  virtual ~Backend() = default;

  // A sandbox that is prepared and has every layer armed. kUnavailable when the host cannot give
  // one at present; kCancelled when the caller hung up.
  virtual Result<std::unique_ptr<Sandbox>> acquire(const SandboxSpec& spec,
                                                   const Cancellation& cancellation) = 0;

  // What is known without asking anybody; cheap.
  virtual BackendStatus status() const = 0;

  // Starts a sandbox, runs a trivial program in it and ends it, within `limit`.
  virtual Result<void> check(Milliseconds limit) = 0;
};

}  // namespace cloister::engine
