#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "api/common/batch_output.h"
#include "api/onyx/handlers.h"
#include "base/utf8.h"

namespace cloister::api::onyx {
namespace {

constexpr std::string_view kIdPrefix = "code-session-";
// The kernel's bound on one argument of a program (MAX_ARG_STRLEN), without its final NUL.
constexpr std::size_t kMaxCommandBytes = 131071;

Answer session_not_found(std::string_view id) {
  return detail_answer(404, "Session '" + repair_utf8(id) + "' not found");
}

// Nothing when the command can be an argument of a program.
std::string command_problem(const std::string& command) {
  if (command.find('\0') != std::string::npos) return "cmd must not contain NUL.";
  if (command.size() > kMaxCommandBytes) {
    return fmt::format("cmd exceeds maximum of {} bytes", kMaxCommandBytes);
  }
  return {};
}

engine::RunSpec bash_run(BashBody body) {
  engine::RunSpec spec;
  spec.program = engine::CommandProgram{{"bash", "-c", std::move(body.cmd)}, {}};
  spec.timeout = Milliseconds(body.timeout_ms);
  return spec;
}

}  // namespace

void Handlers::create_session(net::Request& request, net::Response& response) const {
  const Outcome<std::string> text = read_body(request);
  if (!text) return send(response, text.error());
  Decoded<SessionBody> body = decode_session(request.header("content-type"), *text);
  if (!body) {
    return send(response, json_text_answer(body.error().status, std::move(body.error().body)));
  }
  engine::SessionSpec spec;
  spec.tenant = kTenant;
  spec.id_prefix = kIdPrefix;
  spec.time_to_live = std::chrono::seconds(body->ttl_seconds);
  spec.files = std::move(body->files);
  const Result<engine::SessionRecord> session =
      services_.sessions.create(spec, engine::Cancellation{request.hangup_fd()});
  if (!session) {
    log_failure(services_.log, request, session.error());
    return send(response, error_answer(session.error(), options_));
  }
  Json answer = Json::object();
  answer["session_id"] = session->id;
  answer["expires_at"] = to_unix_seconds(session->expires_at);
  send(response, json_answer(201, answer));
}

void Handlers::delete_session(net::Request& request, net::Response& response) const {
  const std::string& id = request.parameters().front();
  if (!id.starts_with(kIdPrefix)) return send(response, session_not_found(id));
  const Result<void> removed = services_.sessions.remove(kTenant, id);
  if (removed) return send(response, Answer{204, {}, {}});
  if (removed.error().code == ErrorCode::kNotFound) return send(response, session_not_found(id));
  log_failure(services_.log, request, removed.error());
  send(response, error_answer(removed.error(), options_));
}

void Handlers::session_bash(net::Request& request, net::Response& response) const {
  const Outcome<std::string> text = read_body(request);
  if (!text) return send(response, text.error());
  Decoded<BashBody> body = decode_bash(request.header("content-type"), *text);
  if (!body) {
    return send(response, json_text_answer(body.error().status, std::move(body.error().body)));
  }
  const Outcome<void> bounded = check_timeout(body->timeout_ms);
  if (!bounded) return send(response, bounded.error());
  const std::string problem = command_problem(body->cmd);
  if (!problem.empty()) return send(response, detail_answer(422, problem));

  const std::string& id = request.parameters().front();
  BatchOutput output(options_.max_output_bytes, services_.metrics);
  const Result<engine::RunOutcome> outcome = services_.sessions.run(
      kTenant, id, bash_run(std::move(*body)), engine::Cancellation{request.hangup_fd()}, output);
  if (!outcome) {
    if (outcome.error().code == ErrorCode::kNotFound) return send(response, session_not_found(id));
    log_failure(services_.log, request, outcome.error());
    return send(response, error_answer(outcome.error(), options_));
  }
  Json answer = Json::object();
  answer["stdout"] = output.stdout_text();
  answer["stderr"] = output.stderr_text();
  answer["exit_code"] = exit_code_json(*outcome);
  answer["timed_out"] = outcome->timed_out;
  answer["duration_ms"] = duration_ms(*outcome);
  send(response, json_answer(200, answer));
}

}  // namespace cloister::api::onyx
