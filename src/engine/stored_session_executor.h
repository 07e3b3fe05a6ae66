// The SessionExecutor over a Backend and the sessions in the file store.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/admission.h"
#include "engine/backend.h"
#include "engine/compile_cache.h"
#include "engine/file_backed_sessions.h"
#include "engine/file_store.h"
#include "engine/language_run.h"
#include "engine/session_executor.h"
#include "engine/session_inputs.h"
#include "engine/session_outputs.h"

namespace cloister::engine {

// Thread safe.
class StoredSessionExecutor final : public SessionExecutor {
 public:
  // Nothing is owned; all must outlive the executor.
  StoredSessionExecutor(Backend& backend, FileBackedSessions& sessions, FileStore& files,
                        Admission& admission, CompileCache& compile_cache,
                        ExecutionObserver& observer, const Clock& clock,
                        SessionExecutorLimits limits);

  Result<SessionExecutionResult> execute(const SessionExecution& execution,
                                         std::string_view operation,
                                         const Cancellation& cancellation,
                                         SessionRunObserver& observer) override;

 private:
  // One call, from its turn on.
  struct Call {
    const SessionExecution& execution;
    std::string_view operation;
    const Cancellation& cancellation;
    SessionRunObserver& observer;
    SessionUse& use;
    AdmissionSlot& slot;
    std::vector<SessionFile> own_files = {};
    SessionInputs inputs = {};
    ExecutionTimings timings = {};
    std::optional<RunOutcome> outcome = {};
  };
  class Relay;

  Result<SessionExecutionResult> start(Call& call, std::vector<FoundReference> references);
  Result<SessionExecutionResult> run_in(Sandbox& sandbox, LanguageRun& language, Call& call);
  Result<void> finish(Call& call, SessionExecutionResult& result, Sandbox& sandbox);
  Result<void> finish_unstarted(Call& call, SessionExecutionResult& result);

  Backend& backend_;
  FileBackedSessions& sessions_;
  FileStore& files_;
  Admission& admission_;
  CompileCache& compile_cache_;
  ExecutionObserver& observer_;
  const Clock& clock_;
  const SessionExecutorLimits limits_;
};

}  // namespace cloister::engine
