#include "engine/executor.h"

#include <utility>

#include "engine/lap.h"

namespace cloister::engine {

Executor::Executor(Backend& backend, FileStore& files, Admission& admission,
                   ExecutionObserver& observer, const Clock& clock, OutputLimits output_limits)
    : backend_(backend),
      files_(files),
      admission_(admission),
      observer_(observer),
      clock_(clock),
      output_limits_(output_limits) {}

Result<ExecutionResult> Executor::execute(const ExecutionRequest& request,
                                          std::string_view operation,
                                          const Cancellation& cancellation, RunObserver& observer) {
  // Declared first: the slot is free again only when the sandbox is gone.
  auto slot = admission_.admit(request.tenant);
  if (!slot) {
    observer_.on_rejected(operation, slot.error().code);
    return fail(std::move(slot).error());
  }
  Lap lap(clock_);
  const ResolvedInputs inputs =
      TRY(resolve_inputs(files_, request.tenant, request.files, EntryPoint::kReserved));
  auto sandbox = backend_.acquire({SandboxKind::kPythonRun, request.program.code}, cancellation);
  if (!sandbox) {
    observer_.on_rejected(operation, sandbox.error().code);
    return fail(std::move(sandbox).error());
  }

  observer_.on_started(operation);
  ExecutionTimings timings;
  timings.queue = slot->waited();
  timings.start = lap.take();
  std::optional<RunOutcome> outcome;
  auto result = run(**sandbox, request, inputs, cancellation, observer, timings, outcome);
  observer_.on_ended(operation, timings, outcome ? &*outcome : nullptr);
  return result;
}

Result<ExecutionResult> Executor::run(Sandbox& sandbox, const ExecutionRequest& request,
                                      const ResolvedInputs& inputs,
                                      const Cancellation& cancellation, RunObserver& observer,
                                      ExecutionTimings& timings,
                                      std::optional<RunOutcome>& outcome) {
  Lap lap(clock_);
  if (!inputs.empty()) {
    std::vector<StagedFile> staged = TRY(to_staged_files(inputs));
    TRY_VOID(sandbox.stage(std::move(staged)));
  }
  timings.start += lap.take();

  const RunSpec spec{request.program, request.stdin_bytes, request.timeout};
  outcome = TRY(sandbox.run(spec, cancellation, observer));
  timings.run = lap.take();
  if (outcome->cancelled) {
    return fail(ErrorCode::kCancelled, "The caller hung up before the program had ended.");
  }

  OutputCollector collector(files_, request.tenant, inputs, output_limits_);
  std::vector<OutputFile> outputs = TRY(collector.collect(sandbox));
  timings.collect = lap.take();
  return ExecutionResult{*outcome, std::move(outputs), timings};
}

}  // namespace cloister::engine
