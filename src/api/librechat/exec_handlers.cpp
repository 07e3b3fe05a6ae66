#include <utility>

#include "api/librechat/early_answer.h"
#include "api/librechat/exec_answer.h"
#include "api/librechat/handlers.h"
#include "api/librechat/languages.h"
#include "api/librechat/names.h"
#include "net/json_text.h"

namespace cloister::api::librechat {
namespace {

constexpr std::string_view kFailed = "Execution failed";

engine::SessionExecution execution_of(ExecBody body, const std::string& tenant,
                                      const runtimes::Language& language, Milliseconds timeout) {
  engine::SessionExecution execution;
  execution.tenant = tenant;
  execution.session_id = std::move(body.session_id);
  execution.language = &language;
  execution.code = std::move(body.code);
  execution.arguments = std::move(body.arguments);
  execution.stdin_bytes = std::move(body.stdin_text);
  execution.timeout = timeout;
  execution.files = std::move(body.references.files);
  return execution;
}

}  // namespace

void Handlers::exec(const Call& call, const Json& json) const {
  Outcome<ExecBody> body = decode_exec(json, options_.references_max);
  if (!body) return send(call.response, body.error());
  const Result<const runtimes::Language*> language =
      choose_language(body->lang, services_.backend_status());
  if (!language) return refuse(call, language.error());

  RuntimeSession runtime;
  if (body->session_id.empty() && !body->runtime_session_hint.empty()) {
    runtime.id = session_id_of_hint(body->runtime_session_hint);
    const Result<bool> known = exists(call.tenant, runtime.id);
    if (!known) return refuse(call, known.error(), kFailed);
    runtime.is_new = !*known;
    body->session_id = runtime.id;
  }
  const RunLimits limits{run_timeout(body->timeout, options_.timeout_max), options_.memory_bytes};
  const bool with_inherited = body->references.wants_inherited;
  const engine::SessionExecution execution =
      execution_of(std::move(*body), call.tenant, **language, limits.timeout);

  RunOutput output(options_.output_bytes_max, services_.metrics);
  EarlyAnswer early(call.response, options_.early_answer_after);
  const Result<engine::SessionExecutionResult> result = services_.executor.execute(
      execution, "exec", engine::Cancellation{call.request.hangup_fd()}, output);
  if (!result) log_failure(services_.log, call.request, result.error());
  const Answer answer =
      result ? json_answer(200, exec_body(*result, output.output(), limits, with_inherited, runtime,
                                          services_.sessions))
             : failure_answer(result.error(), options_, kFailed);
  early.finish(answer, [&output](const Answer& failure) {
    return net::to_json_text(exec_failure_body(output.session_id(), text_of(failure)));
  });
}

}  // namespace cloister::api::librechat
