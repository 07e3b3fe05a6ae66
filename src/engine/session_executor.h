// Runs one program of any language over the files of a stored session: turn, admission, files in,
// compile, run, files out. Thread safe; runs of one session take turns in the order they came.
//
// What comes out is compared with what went in. Files in hidden directories (a part of the path but
// the last begins with '.') are kept with the session and not reported, unless the caller
// referenced them. A __main__.py at the top of the workspace is neither kept nor reported.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/executor.h"
#include "engine/stored_sessions.h"
#include "runtimes/language.h"

namespace cloister::engine {

// A stored file that a run shall find in its workspace.
struct FileReference {
  std::string file_id;
  std::string session_id;  // Whose; empty: the run's own session.
  std::string path;        // Where to put it; empty: the path under which it is stored.
};

struct SessionExecution {
  std::string tenant;
  std::string session_id;                        // Empty: a new session.
  const runtimes::Language* language = nullptr;  // Not null. One that the image has.
  std::string code;
  std::vector<std::string> arguments;
  std::string stdin_bytes;
  Milliseconds timeout{0};  // Of the program; a compiler has a limit of its own.
  // Mounted over the session's own files; of two with one path, or of which one is a directory of
  // the other, the last counts. At most kInputFilesMax.
  std::vector<FileReference> files;
  // JSON for tools.py: the program has tools, and the observer gets its messages. Python and Bash.
  std::optional<std::string> tools;
};

enum class FileChange {
  kNew,
  kModified,   // An input that the program changed: a new version, in the run's session.
  kInherited,  // A referenced file that came through unchanged; or a read-only one, of which the
               // program's change was dropped.
};

struct SessionOutput {
  // Its path is the one in the workspace; for an inherited file all else is that of the input.
  SessionFile file;
  FileChange change = FileChange::kNew;
  std::optional<SessionFile> modified_from;
};

// Output files that were left out, by reason.
struct OutputTruncation {
  std::size_t max_files = 0;
  std::size_t depth = 0;
  std::size_t size = 0;
  std::size_t path = 0;
  std::size_t unreadable = 0;
  std::vector<std::string> skipped;  // Paths, some of them.
  std::size_t total() const { return max_files + depth + size + path + unreadable; }
};

struct SessionExecutionResult {
  std::string session_id;
  RunOutcome outcome;  // Of the compiler, when that failed.
  // Nothing ran; the compiler's output went to the observer as stderr.
  bool compile_failed = false;
  bool compile_cached = false;
  std::vector<SessionOutput> files;
  // Inputs that the program removed. The session's own ones are current no more.
  std::vector<std::string> deleted_paths;
  OutputTruncation truncation;
  ExecutionTimings timings;
};

struct SessionExecutorLimits {
  std::uint64_t memory_bytes = std::uint64_t{512} << 20;
  Milliseconds compile_timeout = std::chrono::seconds(60);
  std::uint32_t cpu_seconds = 120;
  std::uint64_t output_file_bytes_max = std::uint64_t{256} << 20;
  std::uint64_t output_total_bytes_max = std::uint64_t{512} << 20;
  std::uint64_t compile_cache_bytes_max = std::uint64_t{512} << 20;
};

class SessionRunObserver : public RunObserver {
 public:
  // The session of the run, known before the run has ended.
  virtual void on_session(std::string_view /*session_id*/) {}
  // The session was removed, and the program is ended for it. Called from another thread, maybe
  // during another call; an on_message() under way has to return soon.
  virtual void on_interrupted() {}
};

class SessionExecutor {
 public:
  virtual ~SessionExecutor() = default;
  // Checks in this order: the session's id and tools for a language without (kInvalidArgument),
  // every reference (kNotFound, with the message "File 'X' not found for session 'S'"), every path
  // (kInvalidArgument), the session's turn and a slot (kSaturated), a sandbox (kUnavailable).
  // kCancelled when the caller hung up or the observer ended the program, kNotFound when the
  // session was removed meanwhile; what the program wrote is dropped then. How a program or
  // compiler failed is in the outcome, never an error. While the observer answers a message the run
  // does not hold its slot.
  virtual Result<SessionExecutionResult> execute(const SessionExecution& execution,
                                                 std::string_view operation,
                                                 const Cancellation& cancellation,
                                                 SessionRunObserver& observer) = 0;
};

}  // namespace cloister::engine
