#include "api/librechat/exec_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/librechat/answer.h"
#include "api/librechat/names.h"
#include "runtimes/language.h"

namespace cloister::api::librechat {
namespace {

constexpr std::int64_t kSecondsBelow = 1000;
constexpr Milliseconds kShortest{1000};
constexpr std::size_t kHintBytesMax = 4096;

std::string too_many(std::size_t allowed) {
  return fmt::format("Too many files requested for run. Max allowed: {}", allowed);
}

void note(References& references, int status, std::string text) {
  if (references.problem_status != 0) return;
  references.problem_status = status;
  references.problem = std::move(text);
}

engine::FileReference read_reference(ObjectReader& entry, References& references) {
  engine::FileReference file;
  file.file_id = entry.required_string("id");
  file.session_id = entry.nullable_string("storage_session_id");
  if (file.session_id.empty()) file.session_id = entry.nullable_string("session_id");
  if (entry.has("storage_session_id") || entry.has("kind")) references.wants_inherited = true;
  const bool is_known_form =
      is_id(file.file_id) && (file.session_id.empty() || is_id(file.session_id));
  if (!is_known_form) {
    note(references, 404,
         fmt::format("File '{}' not found for session '{}'", file.file_id, file.session_id));
  }
  const std::string name = entry.nullable_string("name");
  if (name.empty()) return file;
  Result<std::string> path = workspace_name(name);
  if (path) {
    file.path = std::move(*path);
  } else {
    note(references, 400, path.error().message);
  }
  return file;
}

// "'c', 'cpp' or 'go'"
std::string language_names() {
  std::string text;
  for (const runtimes::Language& language : runtimes::languages()) {
    const bool is_last = &language == &runtimes::languages().back();
    if (!text.empty()) text += is_last ? " or " : ", ";
    text += fmt::format("'{}'", language.name);
  }
  return text;
}

bool is_language_name(std::string_view text) {
  return std::ranges::any_of(runtimes::languages(), [text](const runtimes::Language& language) {
    return language.name == text;
  });
}

std::vector<std::string> without_repetitions(std::vector<std::string> ids) {
  std::vector<std::string> result;
  for (std::string& id : ids) {
    if (std::ranges::find(result, id) == result.end()) result.push_back(std::move(id));
  }
  return result;
}

}  // namespace

References read_references(ObjectReader& reader, std::size_t references_max) {
  References references;
  if (!reader.has("files")) return references;
  const Json* list = reader.find("files");
  if (list->is_array() && list->size() > references_max) {
    note(references, 400, too_many(references_max));
    return references;
  }
  reader.objects("files", [&references](ObjectReader& entry) {
    references.files.push_back(read_reference(entry, references));
  });
  return references;
}

Outcome<ExecBody> decode_exec(const Json& body, std::size_t references_max) {
  SchemaErrors errors;
  ObjectReader reader(body, Location::array({"body"}), errors);
  ExecBody result;
  result.lang = reader.required_string("lang");
  result.code = reader.required_string("code");
  result.arguments = reader.strings_or_one("args");
  result.stdin_text = reader.nullable_string("stdin");
  result.session_id = reader.nullable_string("session_id");
  result.timeout = reader.nullable_integer("timeout");
  result.references = read_references(reader, references_max);
  // Not worth refusing a run for.
  const Json* hint = reader.find("runtime_session_hint");
  if (hint != nullptr && hint->is_string()) {
    result.runtime_session_hint = hint->get<std::string>().substr(0, kHintBytesMax);
  }
  if (!errors.empty()) return tl::unexpected(schema_answer(errors));
  if (result.references.problem_status != 0) {
    return tl::unexpected(
        refusal_answer(result.references.problem_status, result.references.problem));
  }
  return result;
}

Outcome<RunBody> decode_run(const Json& body, std::size_t files_max) {
  constexpr std::int64_t kTimeoutMax = 300;
  const Location place = Location::array({"body"});
  SchemaErrors errors;
  ObjectReader reader(body, place, errors);
  RunBody result;
  result.session_id = reader.required_string("session_id");
  result.language = reader.required_string("language");
  if (!result.language.empty() && !is_language_name(result.language)) {
    errors.not_one_of(below(place, "language"), Json(result.language), language_names());
  }
  result.code = reader.required_string("code");
  result.arguments = reader.strings("args");
  result.timeout_seconds = reader.nullable_integer("timeout_seconds");
  if (result.timeout_seconds) {
    const Location at = below(place, "timeout_seconds");
    const Json value = *result.timeout_seconds;
    if (*result.timeout_seconds < 1) errors.below_minimum(at, value, 1);
    if (*result.timeout_seconds > kTimeoutMax) errors.above_maximum(at, value, kTimeoutMax);
  }
  result.file_ids = reader.strings("files");
  if (!errors.empty()) return tl::unexpected(schema_answer(errors));
  // Before the comparison of each with each.
  if (result.file_ids.size() <= files_max * 16) {
    result.file_ids = without_repetitions(std::move(result.file_ids));
  }
  if (result.file_ids.size() > files_max) {
    return tl::unexpected(refusal_answer(400, too_many(files_max)));
  }
  return result;
}

Milliseconds run_timeout(std::optional<std::int64_t> timeout, Milliseconds most) {
  if (!timeout) return most;
  std::int64_t milliseconds = *timeout;
  if (milliseconds < kSecondsBelow) milliseconds = std::max<std::int64_t>(milliseconds, 0) * 1000;
  return std::clamp(Milliseconds(milliseconds), std::min(kShortest, most), most);
}

}  // namespace cloister::api::librechat
