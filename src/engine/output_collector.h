// Stores what a program left in its workspace: the new files and the changed ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/backend.h"
#include "engine/file_comparer.h"
#include "engine/file_store.h"
#include "engine/staging.h"

namespace cloister::engine {

// A new or changed file of the workspace, stored under `file_id`. `path` is its path as valid UTF-8
// and also its name in the store.
struct OutputFile {
  std::string path;
  std::string file_id;
  std::uint64_t size_bytes = 0;
};

// Files beyond a limit are left out; the execution does not fail.
struct OutputLimits {
  std::size_t files_max = 1000;
  std::uint64_t total_bytes_max = std::uint64_t{512} << 20;
};

// Collects one workspace. Names, numbers and sizes are in the hands of the program that made them:
// everything is streamed and counted. Used by one thread.
class OutputCollector {
 public:
  // Nothing is owned; all must outlive the collector. `inputs` is what was staged.
  OutputCollector(FileStore& files, std::string_view tenant, const ResolvedInputs& inputs,
                  const OutputLimits& limits);

  // Every regular file, but inputs whose bytes are the same and files named "__main__.py" at any
  // depth. When storing fails, the files that were stored already are removed again.
  Result<std::vector<OutputFile>> collect(Sandbox& sandbox);

 private:
  Result<void> visit(FoundFile file);
  Result<bool> is_unchanged_input(const FoundFile& file);
  Result<void> store(const FoundFile& file);

  FileStore& files_;
  const std::string tenant_;
  const ResolvedInputs& inputs_;
  const OutputLimits limits_;

  std::vector<OutputFile> outputs_;
  std::uint64_t total_bytes_ = 0;
  bool full_ = false;
  FileComparer comparer_;
};

}  // namespace cloister::engine
