#include "engine/staging.h"

#include <fcntl.h>

#include <utility>

#include "base/utf8.h"
#include "engine/workspace_path.h"

namespace cloister::engine {
namespace {

Result<OpenedFile> open_input(FileStore& files, std::string_view tenant, const InputFile& input) {
  auto opened = files.open(tenant, input.file_id);
  if (opened || opened.error().code != ErrorCode::kNotFound) return opened;
  return fail(ErrorCode::kNotFound, "File with ID '" + repair_utf8(input.file_id) +
                                        "' not found for path '" + repair_utf8(input.path) + "'.");
}

Result<std::string> check_path(const InputFile& input, EntryPoint entry_point) {
  std::string path = TRY(normalize_workspace_path(input.path));
  if (entry_point == EntryPoint::kReserved && path == kEntryPointName) {
    return fail(ErrorCode::kInvalidArgument,
                "File path '__main__.py' is reserved for the execution entrypoint.");
  }
  return path;
}

}  // namespace

Result<ResolvedInputs> resolve_inputs(FileStore& files, std::string_view tenant,
                                      std::span<const InputFile> inputs, EntryPoint entry_point) {
  if (inputs.size() > kInputFilesMax) {
    return fail(ErrorCode::kInvalidArgument,
                "At most " + std::to_string(kInputFilesMax) + " files can be staged.");
  }
  std::vector<OpenedFile> opened;
  opened.reserve(inputs.size());
  for (const InputFile& input : inputs)
    opened.push_back(TRY(open_input(files, tenant, input)));
  ResolvedInputs resolved;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::string path = TRY(check_path(inputs[i], entry_point));
    resolved.insert_or_assign(
        std::move(path), ResolvedInput{std::move(opened[i].content), opened[i].record.size_bytes});
  }
  return resolved;
}

Result<StagedFile> make_staged_file(const std::string& path, const UniqueFd& content,
                                    bool is_executable) {
  UniqueFd source(::fcntl(content.get(), F_DUPFD_CLOEXEC, 0));
  if (!source.is_open()) return fail_errno("duplicate the descriptor of an input file");
  return StagedFile{path, std::move(source), is_executable};
}

Result<std::vector<StagedFile>> to_staged_files(const ResolvedInputs& inputs) {
  std::vector<StagedFile> staged;
  staged.reserve(inputs.size());
  for (const auto& [path, input] : inputs) {
    staged.push_back(TRY(make_staged_file(path, input.content, false)));
  }
  return staged;
}

}  // namespace cloister::engine
