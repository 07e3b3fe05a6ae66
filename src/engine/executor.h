// Runs one program in a fresh sandbox: admission, files in, run, files out. Thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/admission.h"
#include "engine/backend.h"
#include "engine/file_store.h"
#include "engine/output_collector.h"
#include "engine/staging.h"

namespace cloister::engine {

struct ExecutionRequest {
  std::string tenant;
  PythonProgram program;
  std::string stdin_bytes;
  Milliseconds timeout{0};
  std::vector<InputFile> files;
};

// Where the time of an execution went.
struct ExecutionTimings {
  Microseconds queue{0};
  Microseconds start{0};  // Until a sandbox was there and the files staged.
  Microseconds run{0};
  Microseconds collect{0};
  Microseconds compile{0};  // Between start and run, where a language needs it.
};

struct ExecutionResult {
  RunOutcome outcome;
  std::vector<OutputFile> files;
  ExecutionTimings timings;
};

// Told of every execution and session call; implemented by metrics. All methods default to nothing.
// A call that gets no sandbox is rejected; every other one is started and then ended, once each. A
// call that is wrong in itself (unknown file or session, bad path) is neither.
class ExecutionObserver {
 public:
  virtual ~ExecutionObserver() = default;
  virtual void on_rejected(std::string_view /*operation*/, ErrorCode /*reason*/) {}
  virtual void on_started(std::string_view /*operation*/) {}
  virtual void on_ended(std::string_view /*operation*/, const ExecutionTimings& /*timings*/,
                        const RunOutcome* /*outcome, null when the sandbox failed*/) {}
};

class Executor {
 public:
  // Nothing is owned; all must outlive the executor.
  Executor(Backend& backend, FileStore& files, Admission& admission, ExecutionObserver& observer,
           const Clock& clock, OutputLimits output_limits = {});

  // Checks in this order: a slot (kSaturated), every file id (kNotFound, with a message that names
  // id and path), every path (kInvalidArgument), a sandbox (kUnavailable, kInternal). `operation`
  // is the name under which metrics count it. kCancelled when the caller hung up; nothing is stored
  // then.
  Result<ExecutionResult> execute(const ExecutionRequest& request, std::string_view operation,
                                  const Cancellation& cancellation, RunObserver& observer);

 private:
  Result<ExecutionResult> run(Sandbox& sandbox, const ExecutionRequest& request,
                              const ResolvedInputs& inputs, const Cancellation& cancellation,
                              RunObserver& observer, ExecutionTimings& timings,
                              std::optional<RunOutcome>& outcome);

  Backend& backend_;
  FileStore& files_;
  Admission& admission_;
  ExecutionObserver& observer_;
  const Clock& clock_;
  const OutputLimits output_limits_;
};

}  // namespace cloister::engine
