#include "api/librechat/exec_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/librechat/image_size.h"

namespace cloister::api::librechat {
namespace {

constexpr int kTimeoutExitCode = 124;
constexpr int kKilledExitCode = 137;
constexpr int kSignalBase = 128;

using SignalName = std::pair<int, std::string_view>;
constexpr std::array kSignals = {
    SignalName{4, "SIGILL"},   SignalName{6, "SIGABRT"},  SignalName{7, "SIGBUS"},
    SignalName{8, "SIGFPE"},   SignalName{9, "SIGKILL"},  SignalName{11, "SIGSEGV"},
    SignalName{15, "SIGTERM"}, SignalName{24, "SIGXCPU"}, SignalName{25, "SIGXFSZ"},
    SignalName{31, "SIGSYS"},
};

std::string_view signal_of(int exit_code) {
  for (const auto& [number, name] : kSignals) {
    if (exit_code == kSignalBase + number) return name;
  }
  return {};
}

std::string in_words(Milliseconds limit) {
  if (limit.count() % 1000 != 0) return fmt::format("{} milliseconds", limit.count());
  const auto seconds = limit.count() / 1000;
  return fmt::format("{} second{}", seconds, seconds == 1 ? "" : "s");
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

// The names that the guests' hooks give to plots.
bool is_plot(std::string_view path) {
  constexpr std::string_view kPrefix = "plot_";
  if (!path.starts_with(kPrefix)) return false;
  path.remove_prefix(kPrefix.size());
  const std::size_t digits = std::min(path.find_first_not_of("0123456789"), path.size());
  const std::string_view ending = path.substr(digits);
  return digits > 0 &&
         (ending == ".png" || ending == ".svg" || ending == ".pdf" || ending == ".html");
}

Json identity_json(const engine::SessionFile& file) {
  Json entry = Json::object();
  entry["id"] = file.id;
  entry["session_id"] = file.session_id;
  entry["storage_session_id"] = file.session_id;
  return entry;
}

void add_image_size(Json& entry, const engine::SessionFile& file,
                    engine::StoredSessions& sessions) {
  if (!has_image_name(file.path)) return;
  const Result<UniqueFd> content = sessions.open_file(file);
  if (!content) return;
  const std::optional<ImageSize> size = read_image_size(content->get());
  if (!size) return;
  entry["width"] = size->width;
  entry["height"] = size->height;
  if (size->dpi) entry["dpi"] = *size->dpi;
}

Json output_json(const engine::SessionOutput& output, engine::StoredSessions& sessions) {
  const engine::SessionFile& file = output.file;
  Json entry = Json::object();
  entry["id"] = file.id;
  entry["name"] = file.path;
  entry["session_id"] = file.session_id;
  entry["storage_session_id"] = file.session_id;
  if (output.change == engine::FileChange::kInherited) {
    entry["inherited"] = true;
  } else {
    add_image_size(entry, file, sessions);
  }
  if (output.modified_from) entry["modified_from"] = identity_json(*output.modified_from);
  if (file.is_read_only) entry["read_only"] = true;
  return entry;
}

Json text_or_null(std::string_view text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace

Verdict judge(const engine::SessionExecutionResult& result, const RunLimits& limits,
              bool output_is_cut) {
  const engine::RunOutcome& outcome = result.outcome;
  Verdict verdict;
  verdict.exit_code = outcome.exit_code.value_or(1);
  if (outcome.timed_out) {
    verdict.exit_code = kTimeoutExitCode;
    verdict.status = "TO";
    verdict.note = result.compile_failed ? "Compilation timed out" : "Execution timed out";
    if (!result.compile_failed && limits.timeout.count() > 0) {
      verdict.note += " after " + in_words(limits.timeout);
    }
    return verdict;
  }
  if (output_is_cut) verdict.status = "OL";
  if (outcome.out_of_memory) {
    if (verdict.exit_code != 0) verdict.exit_code = kKilledExitCode;
    verdict.note = fmt::format("Out of memory: the memory limit of {} MB was reached",
                               limits.memory_bytes >> 20U);
  }
  verdict.signal = signal_of(verdict.exit_code);
  if (!verdict.signal.empty() && verdict.status.empty()) verdict.status = "SG";
  return verdict;
}

std::string stderr_with_note(std::string stderr_text, const Verdict& verdict) {
  std::string note = verdict.note;
  if (note.empty() && !verdict.signal.empty() && is_blank(stderr_text)) {
    note = fmt::format("The program was ended by {}", verdict.signal);
  }
  if (note.empty()) return stderr_text;
  if (!stderr_text.empty() && !stderr_text.ends_with('\n')) stderr_text += '\n';
  return stderr_text + note + '\n';
}

std::string stdout_with_plots(std::string stdout_text,
                              const engine::SessionExecutionResult& result) {
  if (!is_blank(stdout_text)) return stdout_text;
  const auto plots = std::ranges::count_if(result.files, [](const engine::SessionOutput& output) {
    return output.change != engine::FileChange::kInherited && is_plot(output.file.path);
  });
  if (plots == 0) return stdout_text;
  return fmt::format("Generated {} plot{}", plots, plots == 1 ? "" : "s");
}

Json output_files_json(const engine::SessionExecutionResult& result, bool with_inherited,
                       engine::StoredSessions& sessions) {
  Json list = Json::array();
  for (const engine::SessionOutput& output : result.files) {
    if (output.change == engine::FileChange::kInherited && !with_inherited) continue;
    list.push_back(output_json(output, sessions));
  }
  return list;
}

void add_losses(Json& body, const engine::SessionExecutionResult& result) {
  if (!result.deleted_paths.empty()) body["deleted_files"] = Json(result.deleted_paths);
  const engine::OutputTruncation& truncation = result.truncation;
  if (truncation.total() == 0) return;
  Json entry = Json::object();
  entry["code"] = "artifact_truncated";
  entry["reasons"] = Json{{"max_files", truncation.max_files},
                          {"depth", truncation.depth},
                          {"size", truncation.size},
                          {"path", truncation.path},
                          {"unreadable", truncation.unreadable}};
  entry["skipped"] = Json(truncation.skipped);
  entry["skipped_count"] = truncation.total();
  body["artifact_truncation"] = std::move(entry);
}

Json exec_body(const engine::SessionExecutionResult& result, const BatchOutput& output,
               const RunLimits& limits, bool with_inherited, const RuntimeSession& runtime,
               engine::StoredSessions& sessions) {
  const Verdict verdict = judge(result, limits, output.truncated());
  Json body = Json::object();
  body["session_id"] = result.session_id;
  body["storage_session_id"] = result.session_id;
  body["stdout"] = stdout_with_plots(output.stdout_text(), result);
  body["stderr"] = stderr_with_note(output.stderr_text(), verdict);
  body["exit_code"] = verdict.exit_code;
  body["code"] = verdict.exit_code;
  body["signal"] = text_or_null(verdict.signal);
  body["message"] = text_or_null(verdict.note);
  body["status"] = text_or_null(verdict.status);
  body["wall_time"] = std::chrono::duration_cast<Milliseconds>(result.outcome.duration).count();
  body["files"] = output_files_json(result, with_inherited, sessions);
  add_losses(body, result);
  if (!runtime.id.empty()) {
    body["runtime_session_id"] = runtime.id;
    body["runtime_status"] = runtime.is_new ? "new" : "reused";
  }
  return body;
}

Json exec_failure_body(std::string_view session_id, std::string_view text) {
  Json body = Json::object();
  body["session_id"] = session_id;
  body["storage_session_id"] = session_id;
  body["stdout"] = "";
  body["stderr"] = std::string(text) + '\n';
  body["exit_code"] = 1;
  body["files"] = Json::array();
  return body;
}

}  // namespace cloister::api::librechat
