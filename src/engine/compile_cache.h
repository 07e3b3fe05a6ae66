// What compilers made, so that the same program is compiled once.
//
// The files are in the file store under an owner of their own, what they belong to in memory: the
// cache is empty after a start. An entry belongs to its key, which says everything that decides
// about the compiler's work and whose it is (compile_key). Thread safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/backend.h"
#include "engine/file_store.h"
#include "engine/session_inputs.h"
#include "runtimes/language.h"

namespace cloister::engine {

// The SHA-256 of: tenant, image, language, compiler's command, environment and memory, the
// program's text, and path and id of each input that it may include. Those are the files with one
// of the language's endings, those whose name the text contains, and all when the text embeds
// files, maybe by a pattern.
std::string compile_key(std::string_view tenant, std::string_view image_digest,
                        const runtimes::Language& language, std::string_view code,
                        std::uint64_t memory_bytes, const SessionInputs& inputs);

class CompileCache {
 public:
  // Nothing is owned; both must outlive the cache. 0 bytes: nothing is kept.
  CompileCache(FileStore& files, const Clock& clock, std::uint64_t bytes_max)
      : files_(files), clock_(clock), bytes_max_(bytes_max) {}

  // To be called at start: removes what an earlier process has left; returns how many files.
  Result<std::size_t> remove_leftovers();

  // The files for Sandbox::stage_program; nothing when the key is not known or a file is gone.
  Result<std::optional<std::vector<StagedFile>>> find(const std::string& key);

  // Keeps what is in the sandbox's program directory but `source_name`, when it fits. An error is
  // the sandbox's: a file store that fails costs the next compilation and not this one.
  Result<void> add(const std::string& key, Sandbox& sandbox, std::string_view source_name);

  std::uint64_t size_bytes() const;

 private:
  struct File {
    std::string path;
    std::string file_id;
    bool is_executable = false;
  };
  struct Entry {
    std::string key;
    std::vector<File> files;
    std::uint64_t size_bytes = 0;
  };
  using Entries = std::list<Entry>;
  class Collection;

  std::vector<File> look_up(const std::string& key, bool& is_known);
  void forget(const std::string& key);
  void insert(Entry entry);
  void remove_files(const std::vector<File>& files);

  FileStore& files_;
  const Clock& clock_;
  const std::uint64_t bytes_max_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  Entries entries_;  // The one that was used last first.
  std::map<std::string, Entries::iterator, std::less<>> by_key_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace cloister::engine
