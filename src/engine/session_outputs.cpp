#include "engine/session_outputs.h"

#include <algorithm>
#include <utility>

#include "base/id.h"
#include "base/utf8.h"
#include "engine/staging.h"
#include "engine/workspace_path.h"

namespace cloister::engine {
namespace {

constexpr std::size_t kSkippedPathsMax = 50;

}  // namespace

bool is_in_hidden_directory(std::string_view path) {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/')) {
    if (path.starts_with('.')) return true;
    path.remove_prefix(slash + 1);
  }
  return false;
}

void note_skipped(OutputTruncation& truncation, std::size_t OutputTruncation::* reason,
                  std::string_view path) {
  ++(truncation.*reason);
  if (truncation.skipped.size() < kSkippedPathsMax) {
    truncation.skipped.push_back(repair_utf8(path));
  }
}

SessionOutputCollector::SessionOutputCollector(FileStore& files, SessionOutputOwner owner,
                                               const SessionInputs& inputs,
                                               const std::vector<SessionFile>& own_files,
                                               const SessionOutputLimits& limits)
    : files_(files),
      owner_(std::move(owner)),
      inputs_(inputs),
      own_files_(own_files),
      limits_(limits) {}

SessionOutputCollector::~SessionOutputCollector() {
  // Nobody will ever know these ids. What cannot be removed now goes when it expires.
  for (const std::string& id : unrecorded_)
    static_cast<void>(files_.remove(owner_.tenant, id));
}

Result<CollectedOutputs> SessionOutputCollector::collect(Sandbox& sandbox) {
  const auto walk = [&](Pass pass) {
    return sandbox.visit_files(
        [this, pass](FoundFile file) { return visit(pass, std::move(file)); });
  };
  auto visited = walk(Pass::kVisible);
  const std::size_t left_out = sandbox.files_left_out();
  if (visited && has_hidden_) visited = walk(Pass::kHidden);
  if (!visited) return fail(std::move(visited).error().with("collect output files"));
  outputs_.truncation.depth += left_out;
  note_deleted();
  return std::move(outputs_);
}

Result<void> SessionOutputCollector::visit(Pass pass, FoundFile file) {
  const bool is_hidden = is_in_hidden_directory(file.path);
  if (is_hidden) has_hidden_ = true;
  if (is_hidden != (pass == Pass::kHidden)) return {};
  const auto input = inputs_.find(file.path);
  if (input != inputs_.end()) {
    seen_inputs_.insert(input->first);
    return visit_input(input->second, std::move(file));
  }
  return visit_new(std::move(file));
}

Result<void> SessionOutputCollector::visit_input(const SessionInput& input, FoundFile file) {
  if (file.path == kEntryPointName) return {};
  if (file.size == input.file.size_bytes && file.is_executable == input.file.is_executable &&
      TRY(comparer_.have_same_bytes(input.content.get(), file.content.get(), file.size))) {
    if (input.is_reference) inherit(file.path, input);
    return {};
  }
  if (input.file.is_read_only) {
    inherit(file.path, input);
    return {};
  }
  TRY_VOID(store(file, file.path, &input));
  return {};
}

Result<void> SessionOutputCollector::visit_new(FoundFile file) {
  if (file.path == kEntryPointName) return {};
  std::string path = repair_utf8(file.path);
  // The name that a client will see has to lead back to the same file, and only to it.
  const auto clean = normalize_workspace_path(path);
  if (!clean || *clean != path || inputs_.contains(path) || new_paths_.contains(path)) {
    note_skipped(outputs_.truncation, &OutputTruncation::path, path);
    return {};
  }
  const bool is_own = std::any_of(own_files_.begin(), own_files_.end(),
                                  [&](const SessionFile& own) { return own.path == path; });
  if (!is_own && new_paths_.size() >= limits_.new_files_max) {
    note_skipped(outputs_.truncation, &OutputTruncation::max_files, path);
    return {};
  }
  if (TRY(store(file, path, nullptr))) new_paths_.insert(std::move(path));
  return {};
}

// False when it is too large.
Result<bool> SessionOutputCollector::store(const FoundFile& file, const std::string& path,
                                           const SessionInput* input) {
  const std::uint64_t room =
      std::min(limits_.file_bytes_max, limits_.total_bytes_max - total_bytes_);
  if (file.size > room) {
    note_skipped(outputs_.truncation, &OutputTruncation::size, path);
    return false;
  }
  auto upload = TRY(files_.create(owner_.tenant, limits_.file_bytes_max));
  auto copied = upload->append_from(file.content.get());
  if (!copied) {
    if (copied.error().code != ErrorCode::kTooLarge) return fail(std::move(copied).error());
    note_skipped(outputs_.truncation, &OutputTruncation::size, path);
    return false;
  }
  const FileRecord record = TRY(upload->commit(path, owner_.bytes_expire_at));
  unrecorded_.insert(record.id);
  total_bytes_ += std::min(record.size_bytes, limits_.total_bytes_max - total_bytes_);

  CollectedFile collected;
  collected.file.id = random_nanoid();
  collected.file.tenant = owner_.tenant;
  collected.file.session_id = owner_.session_id;
  collected.file.path = path;
  collected.file.file_id = record.id;
  collected.file.size_bytes = record.size_bytes;
  collected.file.is_executable = file.is_executable;
  collected.file.created_at = owner_.created_at;
  if (input != nullptr) collected.modified_from = input->file;
  collected.is_reported =
      !is_in_hidden_directory(path) || (input != nullptr && input->is_reference);
  outputs_.changed.push_back(std::move(collected));
  return true;
}

void SessionOutputCollector::inherit(const std::string& path, const SessionInput& input) {
  SessionOutput output{input.file, FileChange::kInherited, {}};
  output.file.path = path;
  outputs_.inherited.push_back(std::move(output));
}

void SessionOutputCollector::note_deleted() {
  for (const auto& [path, input] : inputs_) {
    if (seen_inputs_.contains(path)) continue;
    if (input.file.is_read_only) {
      inherit(path, input);
      continue;
    }
    if (input.is_reference || !is_in_hidden_directory(path)) {
      outputs_.deleted_paths.push_back(path);
    }
    // The session's own file of that path, also when a reference lay over it.
    for (const SessionFile& own : own_files_) {
      if (own.path == path && !own.is_read_only) outputs_.retired_ids.push_back(own.id);
    }
  }
}

}  // namespace cloister::engine
