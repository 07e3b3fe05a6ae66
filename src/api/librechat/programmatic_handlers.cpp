#include <utility>

#include "api/librechat/early_answer.h"
#include "api/librechat/handlers.h"
#include "api/librechat/languages.h"
#include "api/librechat/names.h"
#include "api/librechat/programmatic_answer.h"
#include "net/json_text.h"

namespace cloister::api::librechat {
namespace {

constexpr std::string_view kFailed = "Execution failed or timed out";

std::string request_id_of(const net::Request& request) {
  const std::string_view id = request.header("x-librechat-code-request-id");
  return is_request_id(id) ? std::string(id) : std::string();
}

}  // namespace

Outcome<engine::SessionExecution> Handlers::tool_execution(const Call& call,
                                                           const ProgrammaticBody& body) const {
  engine::SessionExecution execution;
  if (!body.continuation_token.empty()) return execution;
  const Result<const runtimes::Language*> language =
      choose_language(body.language, services_.backend_status());
  if (!language) return tl::unexpected(failure_answer(language.error(), options_));
  execution.tenant = call.tenant;
  execution.session_id = body.session_id;
  if (execution.session_id.empty() && !body.runtime_session_hint.empty()) {
    execution.session_id = session_id_of_hint(body.runtime_session_hint);
  }
  execution.language = *language;
  execution.code = body.code;
  execution.timeout = tool_timeout(body.timeout_ms, options_.tool_timeout_max);
  execution.files = body.references.files;
  execution.tools = body.tools_json;
  return execution;
}

Result<engine::ToolRunState> Handlers::run_tools(const Call& call, ProgrammaticBody& body,
                                                 engine::SessionExecution execution) const {
  const engine::Cancellation cancellation{call.request.hangup_fd()};
  const std::string request_id = request_id_of(call.request);
  if (body.continuation_token.empty()) {
    return services_.tool_runs.start(std::move(execution), request_id, cancellation);
  }
  Result<engine::ToolRunState> state = services_.tool_runs.resume(
      call.tenant, body.continuation_token, std::move(body.results), request_id, cancellation);
  if (!state && client_code(state.error()) == ErrorCode::kNotFound) {
    return fail(ErrorCode::kNotFound, "Execution not found or expired");
  }
  return state;
}

Answer Handlers::tools_answer(const Call& call, const Result<engine::ToolRunState>& state,
                              Milliseconds timeout, bool with_inherited) const {
  if (!state) {
    log_failure(services_.log, call.request, state.error());
    return failure_answer(state.error(), options_, kFailed);
  }
  const RunLimits limits{timeout, options_.memory_bytes};
  return json_answer(200, tool_run_body(*state, limits, with_inherited, services_.sessions));
}

void Handlers::exec_programmatic(const Call& call, const Json& json) const {
  Outcome<ProgrammaticBody> body = decode_programmatic(json, options_.references_max);
  if (!body) return send(call.response, body.error());
  Outcome<engine::SessionExecution> execution = tool_execution(call, *body);
  if (!execution) return send(call.response, execution.error());
  RunTerms terms{execution->timeout, body->references.wants_inherited};
  EarlyAnswer early(call.response, options_.early_answer_after);
  Result<engine::ToolRunState> state = run_tools(call, *body, std::move(*execution));
  if (state) terms = transcripts_.follow(body->continuation_token, terms, *state);
  early.finish(tools_answer(call, state, terms.timeout, terms.wants_inherited),
               [](const Answer& failure) {
                 return net::to_json_text(tool_run_failure_body(text_of(failure)));
               });
}

void Handlers::cancel_programmatic(const Call& call, const Json& json) const {
  const Outcome<std::string> request_id = decode_cancel(json);
  if (!request_id) return send(call.response, request_id.error());
  // An id that nobody can have had is no error either.
  if (is_request_id(*request_id)) services_.tool_runs.cancel(call.tenant, *request_id);
  send(call.response, json_answer(200, Json{{"status", "cancelled"}, {"request_id", *request_id}}));
}

}  // namespace cloister::api::librechat
