#include "engine/compile_cache.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "engine/workspace_path.h"

namespace cloister::engine {
namespace {

// No dialect has a tenant of this name.
constexpr std::string_view kOwner = "compile cache";
constexpr std::chrono::hours kTimeToLive{24 * 7};
constexpr std::size_t kEntriesMax = 4096;
constexpr std::size_t kFilesMax = 1000;  // Of one entry.

// A change of what an entry means needs another one.
constexpr std::string_view kKeyVersion = "1";

// Fields with their lengths, so that no two lists of fields give the same text.
void add_field(std::string& text, std::string_view field) {
  text += std::to_string(field.size());
  text += ':';
  text += field;
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  // SHA-256 is part of every OpenSSL; without it, or without memory, nothing here can go on.
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, EVP_sha256(), nullptr) != 1) {
    std::abort();
  }
  return {bytes.begin(), bytes.begin() + size};
}

bool may_include(const runtimes::Language& language, std::string_view code,
                 const std::string& path) {
  if (code.find("embed") != std::string_view::npos) return true;
  const auto& endings = language.include_endings;
  if (std::any_of(endings.begin(), endings.end(),
                  [&](std::string_view ending) { return path.ends_with(ending); })) {
    return true;
  }
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  return code.find(name) != std::string_view::npos;
}

}  // namespace

std::string compile_key(std::string_view tenant, std::string_view image_digest,
                        const runtimes::Language& language, std::string_view code,
                        std::uint64_t memory_bytes, const SessionInputs& inputs) {
  std::string text;
  add_field(text, kKeyVersion);
  add_field(text, tenant);
  add_field(text, image_digest);
  add_field(text, language.name);
  add_field(text, std::to_string(language.compile.size()));
  for (const std::string& word : runtimes::expand(language.compile, language, memory_bytes))
    add_field(text, word);
  add_field(text, std::to_string(language.environment.size()));
  for (const std::string_view variable : language.environment)
    add_field(text, variable);
  add_field(text, std::to_string(memory_bytes));
  add_field(text, code);
  for (const auto& [path, input] : inputs) {
    if (!may_include(language, code, path)) continue;
    add_field(text, path);
    add_field(text, input.file.file_id);
  }
  return sha256(text);
}

// One program directory on its way into the cache.
class CompileCache::Collection {
 public:
  Collection(CompileCache& cache, std::string_view source_name)
      : cache_(cache), source_name_(source_name) {}
  ~Collection() { cache_.remove_files(files_); }

  // Goes on after a failure of the store, as the sandbox has to be visited to the end.
  Result<void> visit(const FoundFile& file) {
    if (failed_ || file.path == source_name_) return {};
    failed_ = !store(file);
    return {};
  }

  std::optional<Entry> take(const std::string& key) {
    if (failed_) return std::nullopt;
    return Entry{key, std::exchange(files_, {}), size_bytes_};
  }

 private:
  Result<void> store(const FoundFile& file) {
    const std::string path = TRY(normalize_workspace_path(file.path));
    const std::uint64_t room = cache_.bytes_max_ - size_bytes_;
    if (path != file.path || files_.size() >= kFilesMax || file.size > room) {
      return fail(ErrorCode::kTooLarge, "not to be kept");
    }
    auto upload = TRY(cache_.files_.create(kOwner, cache_.bytes_max_));
    TRY_VOID(upload->append_from(file.content.get()));
    const FileRecord record =
        TRY(upload->commit("compiled", cache_.clock_.wall_now() + kTimeToLive));
    files_.push_back({path, record.id, file.is_executable});
    size_bytes_ += std::min(record.size_bytes, room);
    return {};
  }

  CompileCache& cache_;
  const std::string_view source_name_;
  std::vector<File> files_;
  std::uint64_t size_bytes_ = 0;
  bool failed_ = false;
};

Result<std::size_t> CompileCache::remove_leftovers() {
  const std::vector<FileRecord> leftovers = TRY(files_.list(kOwner));
  for (const FileRecord& record : leftovers)
    TRY_VOID(files_.remove(kOwner, record.id));
  return leftovers.size();
}

std::vector<CompileCache::File> CompileCache::look_up(const std::string& key, bool& is_known) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  is_known = found != by_key_.end();
  if (!is_known) return {};
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->files;
}

Result<std::optional<std::vector<StagedFile>>> CompileCache::find(const std::string& key) {
  bool is_known = false;
  const std::vector<File> files = look_up(key, is_known);
  if (!is_known) return std::optional<std::vector<StagedFile>>();
  std::vector<StagedFile> staged;
  staged.reserve(files.size());
  for (const File& file : files) {
    auto opened = files_.open(kOwner, file.file_id);
    if (!opened && opened.error().code == ErrorCode::kNotFound) {
      forget(key);
      return std::optional<std::vector<StagedFile>>();
    }
    if (!opened) return fail(std::move(opened).error());
    staged.push_back({file.path, std::move(opened->content), file.is_executable});
  }
  return staged;
}

Result<void> CompileCache::add(const std::string& key, Sandbox& sandbox,
                               std::string_view source_name) {
  if (bytes_max_ == 0) return {};
  Collection collection(*this, source_name);
  TRY_VOID(sandbox.visit_program([&](FoundFile file) { return collection.visit(file); }));
  if (auto entry = collection.take(key)) insert(std::move(*entry));
  return {};
}

void CompileCache::insert(Entry entry) {
  std::vector<File> evicted;
  {
    const std::lock_guard lock(mutex_);
    const auto drop = [&](Entries::iterator dropped) {
      evicted.insert(evicted.end(), dropped->files.begin(), dropped->files.end());
      size_bytes_ -= dropped->size_bytes;
      by_key_.erase(dropped->key);
      entries_.erase(dropped);
    };
    // Somebody else may have compiled the same at the same time.
    if (const auto present = by_key_.find(entry.key); present != by_key_.end()) {
      drop(present->second);
    }
    while (!entries_.empty() &&
           (entries_.size() >= kEntriesMax || size_bytes_ + entry.size_bytes > bytes_max_)) {
      drop(std::prev(entries_.end()));
    }
    size_bytes_ += entry.size_bytes;
    entries_.push_front(std::move(entry));
    by_key_.emplace(entries_.front().key, entries_.begin());
  }
  remove_files(evicted);
}

void CompileCache::forget(const std::string& key) {
  std::vector<File> files;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;
    files = std::move(found->second->files);
    size_bytes_ -= found->second->size_bytes;
    entries_.erase(found->second);
    by_key_.erase(found);
  }
  remove_files(files);
}

void CompileCache::remove_files(const std::vector<File>& files) {
  // What cannot be removed now goes when it expires.
  for (const File& file : files)
    static_cast<void>(files_.remove(kOwner, file.file_id));
}

std::uint64_t CompileCache::size_bytes() const {
  const std::lock_guard lock(mutex_);
  return size_bytes_;
}

}  // namespace cloister::engine
