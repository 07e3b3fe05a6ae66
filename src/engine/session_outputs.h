// Stores what a program left in its workspace and says what has become of each input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/backend.h"
#include "engine/file_comparer.h"
#include "engine/file_store.h"
#include "engine/session_executor.h"
#include "engine/session_inputs.h"

namespace cloister::engine {

struct SessionOutputLimits {
  std::size_t new_files_max = 100;  // Beside the new versions of inputs.
  std::uint64_t file_bytes_max = std::uint64_t{256} << 20;
  std::uint64_t total_bytes_max = std::uint64_t{512} << 20;
};

// Whose the outputs are.
struct SessionOutputOwner {
  std::string tenant;
  std::string session_id;
  WallTime created_at{};
  WallTime bytes_expire_at{};
};

// A new or changed file: its bytes are stored, its record is not.
struct CollectedFile {
  SessionFile file;
  std::optional<SessionFile> modified_from;
  bool is_reported = true;
};

// What a run has made of its workspace.
struct CollectedOutputs {
  std::vector<CollectedFile> changed;
  std::vector<SessionOutput> inherited;
  std::vector<std::string> deleted_paths;
  // Own files of the session that are current no more.
  std::vector<std::string> retired_ids;
  OutputTruncation truncation;
};

// True for a path with a part, but the last, that begins with '.'.
bool is_in_hidden_directory(std::string_view path);

// Notes a file that was left out.
void note_skipped(OutputTruncation& truncation, std::size_t OutputTruncation::* reason,
                  std::string_view path);

// Collects one workspace. Names, numbers and sizes are in the hands of the program that made them:
// everything is streamed and counted. Used by one thread.
class SessionOutputCollector {
 public:
  // Nothing is owned; all must outlive the collector. `own_files`: the session's current ones,
  // whether they were staged or not.
  SessionOutputCollector(FileStore& files, SessionOutputOwner owner, const SessionInputs& inputs,
                         const std::vector<SessionFile>& own_files,
                         const SessionOutputLimits& limits);
  // Removes the bytes that keep() did not name.
  ~SessionOutputCollector();
  SessionOutputCollector(const SessionOutputCollector&) = delete;
  SessionOutputCollector& operator=(const SessionOutputCollector&) = delete;

  // To be called once. Files that the program may have wanted to be seen come before those in
  // hidden directories, so that a limit does not fall on them first.
  Result<CollectedOutputs> collect(Sandbox& sandbox);

  // The file has a record now.
  void keep(const SessionFile& file) { unrecorded_.erase(file.file_id); }

 private:
  enum class Pass { kVisible, kHidden };

  Result<void> visit(Pass pass, FoundFile file);
  Result<void> visit_input(const SessionInput& input, FoundFile file);
  Result<void> visit_new(FoundFile file);
  Result<bool> store(const FoundFile& file, const std::string& path, const SessionInput* input);
  void inherit(const std::string& path, const SessionInput& input);
  void note_deleted();

  FileStore& files_;
  const SessionOutputOwner owner_;
  const SessionInputs& inputs_;
  const std::vector<SessionFile>& own_files_;
  const SessionOutputLimits limits_;

  CollectedOutputs outputs_;
  std::set<std::string, std::less<>> seen_inputs_;
  std::set<std::string, std::less<>> new_paths_;
  std::set<std::string, std::less<>> unrecorded_;  // Ids of bytes that would be nobody's.
  std::uint64_t total_bytes_ = 0;
  bool has_hidden_ = false;
  FileComparer comparer_;
};

}  // namespace cloister::engine
