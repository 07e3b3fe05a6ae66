// The way of stored files into a workspace: from ids and paths as sent to open descriptors.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "engine/backend.h"
#include "engine/file_store.h"

namespace cloister::engine {

// A stored file and where it goes. `path` is as the client sent it.
struct InputFile {
  std::string path;
  std::string file_id;
};

// Whether a client may stage a file at the place of the program itself.
enum class EntryPoint { kReserved, kOrdinary };

inline constexpr std::string_view kEntryPointName = "__main__.py";

// Each holds descriptors for the length of a call.
inline constexpr std::size_t kInputFilesMax = 1000;

// A file that is to be staged, open.
struct ResolvedInput {
  UniqueFd content;
  std::uint64_t size_bytes = 0;
};

// By clean path; where a path was given twice, the last one.
using ResolvedInputs = std::map<std::string, ResolvedInput, std::less<>>;

// Looks every id up (kNotFound, naming id and path), then checks every path (kInvalidArgument).
Result<ResolvedInputs> resolve_inputs(FileStore& files, std::string_view tenant,
                                      std::span<const InputFile> inputs, EntryPoint entry_point);

// A file for Sandbox::stage, on a descriptor of its own that shares the offset.
Result<StagedFile> make_staged_file(const std::string& path, const UniqueFd& content,
                                    bool is_executable);

// The same files for Sandbox::stage, on descriptors of their own that share the offset.
Result<std::vector<StagedFile>> to_staged_files(const ResolvedInputs& inputs);

}  // namespace cloister::engine
