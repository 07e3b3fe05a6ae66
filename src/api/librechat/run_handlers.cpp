#include <utility>

#include "api/librechat/exec_answer.h"
#include "api/librechat/file_json.h"
#include "api/librechat/handlers.h"
#include "api/librechat/languages.h"
#include "base/id.h"

namespace cloister::api::librechat {
namespace {

constexpr std::string_view kFailed = "Execution failed";

engine::SessionExecution execution_of(RunBody body, const std::string& tenant,
                                      const runtimes::Language& language, Milliseconds timeout) {
  engine::SessionExecution execution;
  execution.tenant = tenant;
  execution.session_id = std::move(body.session_id);
  execution.language = &language;
  execution.code = std::move(body.code);
  execution.arguments = std::move(body.arguments);
  execution.timeout = timeout;
  for (std::string& id : body.file_ids)
    execution.files.push_back({std::move(id), {}, {}});
  return execution;
}

// The proxy's shape: every field is there, null when it is not known.
Json run_files_json(const engine::SessionExecutionResult& result,
                    engine::StoredSessions& sessions) {
  const Json measured = output_files_json(result, false, sessions);
  Json list = Json::array();
  for (const engine::SessionOutput& output : result.files) {
    if (output.change == engine::FileChange::kInherited) continue;
    Json entry = proxy_file_json(output.file);
    entry.erase("session_id");
    const Json& sizes = measured[list.size()];
    for (const char* name : {"width", "height", "dpi"}) {
      entry[name] = sizes.contains(name) ? sizes[name] : Json(nullptr);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

Json stats_json(const engine::RunOutcome& outcome) {
  const std::chrono::duration<double> wall = outcome.duration;
  const std::chrono::duration<double> cpu = outcome.cpu_time;
  Json stats = Json::object();
  stats["cpu_time_seconds"] = cpu.count();
  stats["memory_bytes"] = outcome.memory_peak_bytes;
  stats["wall_time_seconds"] = wall.count();
  return stats;
}

}  // namespace

void Handlers::proxy_run(const Call& call, const Json& json) const {
  Outcome<RunBody> body = decode_run(json, options_.run_files_max);
  if (!body) return send(call.response, body.error());
  const Result<const runtimes::Language*> language =
      choose_language(body->language, services_.backend_status());
  if (!language) return refuse(call, language.error());
  const std::string language_name = body->language;
  const Milliseconds timeout = run_timeout(body->timeout_seconds, options_.timeout_max);
  const engine::SessionExecution execution =
      execution_of(std::move(*body), call.tenant, **language, timeout);

  RunOutput output(options_.output_bytes_max, services_.metrics);
  const Result<engine::SessionExecutionResult> result = services_.executor.execute(
      execution, "runs", engine::Cancellation{call.request.hangup_fd()}, output);
  if (!result) return refuse(call, result.error(), kFailed);
  if (result->outcome.timed_out) {
    return send(call.response, refusal_answer(408, "Execution timed out"));
  }
  const Verdict verdict =
      judge(*result, {timeout, options_.memory_bytes}, output.output().truncated());
  Json answer = Json::object();
  answer["run_id"] = random_uuid();
  answer["session_id"] = result->session_id;
  answer["language"] = language_name;
  answer["stdout"] = stdout_with_plots(output.output().stdout_text(), *result);
  answer["stderr"] = stderr_with_note(output.output().stderr_text(), verdict);
  answer["exit_code"] = verdict.exit_code;
  answer["stats"] = stats_json(result->outcome);
  answer["files"] = run_files_json(*result, services_.sessions);
  send(call.response, json_answer(201, answer));
}

}  // namespace cloister::api::librechat
