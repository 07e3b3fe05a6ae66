#include "engine/session_inputs.h"

#include <utility>

#include "base/utf8.h"
#include "engine/staging.h"
#include "engine/workspace_path.h"

namespace cloister::engine {
namespace {

Result<SessionFile> find_reference(StoredSessions& sessions, const std::string& tenant,
                                   const FileReference& reference, std::string_view session_id,
                                   bool is_new_session) {
  std::string_view owner = reference.session_id;
  if (owner.empty() && !is_new_session) owner = session_id;
  auto found = sessions.find_file(tenant, owner, reference.file_id);
  if (found || found.error().code != ErrorCode::kNotFound) return found;
  if (owner.empty()) owner = session_id;
  return fail(ErrorCode::kNotFound, "File '" + repair_utf8(reference.file_id) +
                                        "' not found for session '" + repair_utf8(owner) + "'");
}

// Removes what a file at `path` cannot be beside.
void make_room(SessionInputs& inputs, const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    inputs.erase(path.substr(0, slash));
  }
  const std::string below = path + '/';
  auto next = inputs.lower_bound(below);
  while (next != inputs.end() && next->first.starts_with(below))
    next = inputs.erase(next);
}

void place(SessionInputs& inputs, const std::string& path, SessionInput input) {
  make_room(inputs, path);
  inputs.insert_or_assign(path, std::move(input));
}

}  // namespace

Result<std::vector<FoundReference>> find_references(StoredSessions& sessions,
                                                    const SessionExecution& execution,
                                                    std::string_view session_id,
                                                    bool is_new_session) {
  if (execution.files.size() > kInputFilesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "At most " + std::to_string(kInputFilesMax) + " files can be staged.");
  }
  std::vector<FoundReference> found;
  found.reserve(execution.files.size());
  for (const FileReference& reference : execution.files) {
    found.push_back(
        {TRY(find_reference(sessions, execution.tenant, reference, session_id, is_new_session)),
         {}});
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::string& given = execution.files[i].path;
    if (!is_valid_utf8(given)) {
      return fail(ErrorCode::kInvalidArgument, "File paths must be valid UTF-8.");
    }
    found[i].path = TRY(normalize_workspace_path(given.empty() ? found[i].file.path : given));
  }
  return found;
}

Result<SessionInputs> open_inputs(StoredSessions& sessions, std::vector<SessionFile> own_files,
                                  std::vector<FoundReference> references) {
  SessionInputs inputs;
  for (SessionFile& file : own_files) {
    auto content = sessions.open_file(file);
    if (!content && content.error().code == ErrorCode::kNotFound) continue;
    if (!content) return fail(std::move(content).error());
    const std::string path = file.path;
    place(inputs, path, {std::move(file), std::move(*content), false});
  }
  for (FoundReference& reference : references) {
    UniqueFd content = TRY(sessions.open_file(reference.file));
    place(inputs, reference.path, {std::move(reference.file), std::move(content), true});
  }
  return inputs;
}

Result<std::vector<StagedFile>> to_staged_files(const SessionInputs& inputs) {
  std::vector<StagedFile> staged;
  staged.reserve(inputs.size());
  for (const auto& [path, input] : inputs) {
    staged.push_back(TRY(make_staged_file(path, input.content, input.file.is_executable)));
  }
  return staged;
}

}  // namespace cloister::engine
