#include "engine/stored_session_executor.h"

#include <utility>

#include "base/id.h"
#include "base/scope_exit.h"
#include "engine/hangup.h"
#include "engine/lap.h"

namespace cloister::engine {
namespace {

tl::unexpected<Error> cancelled() {
  return fail(ErrorCode::kCancelled, "The caller hung up before the program had ended.");
}

tl::unexpected<Error> removed(const SessionUse& use) {
  return fail(ErrorCode::kNotFound,
              "Session '" + use.session().id + "' was deleted while the program ran");
}

}  // namespace

// Passes a run on to its observer. While that answers a message, others may have the slot.
class StoredSessionExecutor::Relay final : public RunObserver {
 public:
  Relay(Call& call, Admission& admission) : call_(call), admission_(admission) {}

  void on_started() override { call_.observer.on_started(); }
  void on_output(Stream stream, std::string_view bytes) override {
    call_.observer.on_output(stream, bytes);
  }
  std::optional<std::string> on_message(std::string_view message) override {
    // While the program waits, others have its slot and its session: its owner may even run
    // something there to find the answer. What it changes is stored at its end, over what theirs
    // did.
    call_.slot = AdmissionSlot();
    call_.use.pause();
    auto answer = call_.observer.on_message(message);
    if (!answer) return std::nullopt;
    call_.use.resume();
    auto slot = admission_.admit(call_.execution.tenant);
    if (slot) {
      call_.slot = std::move(*slot);
    } else if (slot.error().code != ErrorCode::kSaturated) {
      return std::nullopt;
    }
    // A program that has done half of its work is not lost for a busy moment: it goes on without a
    // slot. How many of them there are is bounded by whoever bounds the programs with tools.
    return answer;
  }

 private:
  Call& call_;
  Admission& admission_;
};

StoredSessionExecutor::StoredSessionExecutor(Backend& backend, FileBackedSessions& sessions,
                                             FileStore& files, Admission& admission,
                                             CompileCache& compile_cache,
                                             ExecutionObserver& observer, const Clock& clock,
                                             SessionExecutorLimits limits)
    : backend_(backend),
      sessions_(sessions),
      files_(files),
      admission_(admission),
      compile_cache_(compile_cache),
      observer_(observer),
      clock_(clock),
      limits_(limits) {}

Result<SessionExecutionResult> StoredSessionExecutor::execute(const SessionExecution& execution,
                                                              std::string_view operation,
                                                              const Cancellation& cancellation,
                                                              SessionRunObserver& observer) {
  const bool is_new = execution.session_id.empty();
  const std::string id = is_new ? random_nanoid() : execution.session_id;
  if (!is_session_id(id)) {
    return fail(ErrorCode::kInvalidArgument,
                "A session id consists of 1 to 128 letters, digits, '_' and '-'.");
  }
  TRY_VOID(check_tools(execution));
  auto references = TRY(find_references(sessions_, execution, id, is_new));

  Lap lap(clock_);
  auto use = sessions_.use(execution.tenant, id);
  if (!use) {
    observer_.on_rejected(operation, use.error().code);
    return fail(std::move(use).error());
  }
  if (has_hung_up(cancellation)) return cancelled();
  // Declared before the sandbox: the slot is free again only when the sandbox is gone.
  auto slot = admission_.admit(execution.tenant);
  if (!slot) {
    observer_.on_rejected(operation, slot.error().code);
    return fail(std::move(slot).error());
  }
  Call call{execution, operation, cancellation, observer, *use, *slot};
  call.timings.queue = lap.take();
  return start(call, std::move(references));
}

Result<SessionExecutionResult> StoredSessionExecutor::start(
    Call& call, std::vector<FoundReference> references) {
  Lap lap(clock_);
  const StoredSession session = TRY(call.use.open());
  call.observer.on_session(session.id);
  call.own_files = TRY(call.use.current_files());
  call.inputs = TRY(open_inputs(sessions_, call.own_files, std::move(references)));

  LanguageRun language(call.execution, limits_);
  auto sandbox = backend_.acquire(language.sandbox_spec(), call.cancellation);
  if (!sandbox) {
    observer_.on_rejected(call.operation, sandbox.error().code);
    return fail(std::move(sandbox).error());
  }
  observer_.on_started(call.operation);
  call.timings.start = lap.take();
  call.use.set_interrupt([&] {
    (*sandbox)->terminate();
    call.observer.on_interrupted();
  });
  const ScopeExit no_interrupt([&] { call.use.set_interrupt({}); });
  auto result = run_in(**sandbox, language, call);
  observer_.on_ended(call.operation, call.timings, call.outcome ? &*call.outcome : nullptr);
  if (call.use.is_removed()) return removed(call.use);
  return result;
}

Result<SessionExecutionResult> StoredSessionExecutor::run_in(Sandbox& sandbox,
                                                             LanguageRun& language, Call& call) {
  Lap lap(clock_);
  if (!call.inputs.empty()) {
    std::vector<StagedFile> staged = TRY(to_staged_files(call.inputs));
    TRY_VOID(sandbox.stage(std::move(staged)));
  }
  call.timings.start += lap.take();
  const auto compilation =
      TRY(language.prepare(sandbox, call.inputs, backend_.status().image_digest, compile_cache_,
                           call.cancellation, call.observer));
  call.timings.compile = lap.take();

  SessionExecutionResult result;
  result.session_id = call.use.session().id;
  result.compile_cached = compilation && compilation->is_cached;
  if (compilation && compilation->failed()) {
    call.outcome = compilation->outcome;
    if (call.outcome->cancelled) return cancelled();
    result.compile_failed = true;
    TRY_VOID(finish_unstarted(call, result));
  } else {
    Relay relay(call, admission_);
    call.outcome = TRY(sandbox.run(language.run_spec(), call.cancellation, relay));
    call.timings.run = lap.take();
    if (call.outcome->cancelled) return cancelled();
    if (call.use.is_removed()) return removed(call.use);
    TRY_VOID(finish(call, result, sandbox));
    call.timings.collect = lap.take();
  }
  result.outcome = *call.outcome;
  result.timings = call.timings;
  return result;
}

Result<void> StoredSessionExecutor::finish(Call& call, SessionExecutionResult& result,
                                           Sandbox& sandbox) {
  const StoredSession& session = call.use.session();
  const SessionOutputOwner owner{session.tenant, session.id, clock_.wall_now(),
                                 call.use.bytes_expire_at()};
  SessionOutputCollector collector(
      files_, owner, call.inputs, call.own_files,
      {call.use.files_max(), limits_.output_file_bytes_max, limits_.output_total_bytes_max});
  CollectedOutputs outputs = TRY(collector.collect(sandbox));

  std::vector<SessionFile> added;
  added.reserve(outputs.changed.size());
  for (const CollectedFile& changed : outputs.changed)
    added.push_back(changed.file);
  const std::vector<bool> is_in = TRY(call.use.apply(
      call.execution.language->name, std::move(outputs.retired_ids), std::move(added)));

  result.truncation = std::move(outputs.truncation);
  for (std::size_t i = 0; i < outputs.changed.size(); ++i) {
    CollectedFile& changed = outputs.changed[i];
    if (!is_in[i]) {
      note_skipped(result.truncation, &OutputTruncation::max_files, changed.file.path);
      continue;
    }
    collector.keep(changed.file);
    if (!changed.is_reported) continue;
    const FileChange change = changed.modified_from ? FileChange::kModified : FileChange::kNew;
    result.files.push_back({std::move(changed.file), change, std::move(changed.modified_from)});
  }
  for (SessionOutput& inherited : outputs.inherited)
    result.files.push_back(std::move(inherited));
  result.deleted_paths = std::move(outputs.deleted_paths);
  return {};
}

// The workspace is as it was: nothing of the caller has run.
Result<void> StoredSessionExecutor::finish_unstarted(Call& call, SessionExecutionResult& result) {
  TRY_VOID(call.use.apply(call.execution.language->name, {}, {}));
  for (const auto& [path, input] : call.inputs) {
    if (!input.is_reference) continue;
    SessionOutput output{input.file, FileChange::kInherited, {}};
    output.file.path = path;
    result.files.push_back(std::move(output));
  }
  return {};
}

}  // namespace cloister::engine
