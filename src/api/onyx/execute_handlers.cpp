#include <utility>

#include "api/common/batch_output.h"
#include "api/onyx/event_stream.h"
#include "api/onyx/handlers.h"

namespace cloister::api::onyx {

Handlers::Outcome<engine::ExecutionRequest> Handlers::read_execution(net::Request& request) const {
  const Outcome<std::string> text = read_body(request);
  if (!text) return tl::unexpected(text.error());
  Decoded<ExecuteBody> body = decode_execute(request.header("content-type"), *text);
  if (!body) {
    return tl::unexpected(json_text_answer(body.error().status, std::move(body.error().body)));
  }
  Outcome<void> bounded = check_timeout(body->timeout_ms);
  if (!bounded) return tl::unexpected(std::move(bounded).error());

  engine::ExecutionRequest execution;
  execution.tenant = kTenant;
  execution.program = {std::move(body->code), body->last_line_interactive};
  execution.stdin_bytes = std::move(body->stdin_text);
  execution.timeout = Milliseconds(body->timeout_ms);
  execution.files = std::move(body->files);
  return execution;
}

void Handlers::execute(net::Request& request, net::Response& response) const {
  const Outcome<engine::ExecutionRequest> execution = read_execution(request);
  if (!execution) {
    send(response, execution.error());
    return;
  }
  BatchOutput output(options_.max_output_bytes, services_.metrics);
  const Result<engine::ExecutionResult> result = services_.executor.execute(
      *execution, "execute", engine::Cancellation{request.hangup_fd()}, output);
  if (!result) {
    log_failure(services_.log, request, result.error());
    send(response, error_answer(result.error(), options_));
    return;
  }
  Json body = Json::object();
  body["stdout"] = output.stdout_text();
  body["stderr"] = output.stderr_text();
  body["exit_code"] = exit_code_json(result->outcome);
  body["timed_out"] = result->outcome.timed_out;
  body["duration_ms"] = duration_ms(result->outcome);
  body["files"] = output_files_json(result->files);
  send(response, json_answer(200, body));
}

void Handlers::execute_stream(net::Request& request, net::Response& response) const {
  const Outcome<engine::ExecutionRequest> execution = read_execution(request);
  if (!execution) {
    send(response, execution.error());
    return;
  }
  EventStream events(response, options_.max_output_bytes, services_.metrics);
  const Result<engine::ExecutionResult> result = services_.executor.execute(
      *execution, "execute_stream", engine::Cancellation{request.hangup_fd()}, events);
  if (result) {
    events.finish(*result);
    return;
  }
  log_failure(services_.log, request, result.error());
  const Answer answer = error_answer(result.error(), options_);
  if (events.has_begun() || answer.status == 500) {
    const bool hidden = answer.status == 500;
    events.fail(hidden ? std::string_view("Internal Server Error") : result.error().message);
  } else {
    send(response, answer);
  }
}

}  // namespace cloister::api::onyx
