// What a run's end becomes in an answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/common/batch_output.h"
#include "api/common/json_body.h"
#include "base/clock.h"
#include "engine/session_executor.h"

namespace cloister::api::librechat {

// Collects what a run writes, and its session's id as soon as that is known. Used by one thread.
class RunOutput final : public engine::SessionRunObserver {
 public:
  RunOutput(std::size_t cap_bytes, Metrics& metrics) : output_(cap_bytes, metrics) {}

  void on_output(engine::Stream stream, std::string_view bytes) override {
    output_.on_output(stream, bytes);
  }
  void on_session(std::string_view session_id) override { session_id_ = session_id; }

  const BatchOutput& output() const { return output_; }
  const std::string& session_id() const { return session_id_; }

 private:
  BatchOutput output_;
  std::string session_id_;
};

struct RunLimits {
  Milliseconds timeout{0};  // 0: not known here.
  std::uint64_t memory_bytes = 0;
};

// How a run ended, as this dialect says it.
struct Verdict {
  int exit_code = 0;        // 124: out of time, 137: out of memory.
  std::string_view status;  // "TO", "OL" (output cut), "SG" (a signal), or empty.
  std::string_view signal;  // "SIGSEGV", or empty.
  std::string note;         // A line for stderr about what stopped it; empty when nothing did.
};

Verdict judge(const engine::SessionExecutionResult& result, const RunLimits& limits,
              bool output_is_cut);

// `stderr_text` with the verdict's note; a note about a signal alone only where there is no text.
std::string stderr_with_note(std::string stderr_text, const Verdict& verdict);

// `stdout_text`, or, when that is blank and the run has made plots, how many.
std::string stdout_with_plots(std::string stdout_text,
                              const engine::SessionExecutionResult& result);

// The field "files" of an answer; unchanged inputs are in it with `with_inherited`. `sessions` is
// asked for the bytes of pictures.
Json output_files_json(const engine::SessionExecutionResult& result, bool with_inherited,
                       engine::StoredSessions& sessions);

// Adds "deleted_files" and "artifact_truncation" where there is something to say.
void add_losses(Json& body, const engine::SessionExecutionResult& result);

struct RuntimeSession {
  std::string id;  // Empty: the client did not ask for one.
  bool is_new = true;
};

// The 200 body of POST /exec.
Json exec_body(const engine::SessionExecutionResult& result, const BatchOutput& output,
               const RunLimits& limits, bool with_inherited, const RuntimeSession& runtime,
               engine::StoredSessions& sessions);

// The same body for a run that failed after its answer had begun.
Json exec_failure_body(std::string_view session_id, std::string_view text);

}  // namespace cloister::api::librechat
