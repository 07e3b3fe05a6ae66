#include "images/image_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <tuple>

#include "base/id.h"
#include "images/digest.h"
#include "images/root_tree.h"

namespace cloister::images {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameLimit = 64;
constexpr std::size_t kShortestDigest = 8;
constexpr std::string_view kPartialPrefix = ".partial-";

Result<void> make_directory(const fs::path& path) {
  std::error_code error;
  const bool is_new = fs::create_directories(path, error);
  if (error) return fail_errno("mkdir " + path.string(), error.value());
  // Whatever the umask: the server and its sandboxes run as another user than the one who builds.
  if (is_new && ::chmod(path.c_str(), 0755) != 0) return fail_errno("chmod " + path.string());
  return {};
}

Result<void> rename_path(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return fail_errno("rename to " + to.string(), error.value());
  return {};
}

enum class SyncScope { kEntry, kFileSystem };

Result<void> sync_path(const fs::path& path, SyncScope scope) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return fail_errno("open " + path.string());
  const int result = scope == SyncScope::kEntry ? ::fsync(fd.get()) : ::syncfs(fd.get());
  if (result != 0) return fail_errno("sync " + path.string());
  return {};
}

Result<std::string> read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream.is_open()) return fail(ErrorCode::kNotFound, "cannot read " + path.string());
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// Replaces a file by one rename; a crash leaves the old content or the new.
Result<void> write_file(const fs::path& path, std::string_view content) {
  fs::path draft = path;
  draft += ".new";
  {
    std::ofstream stream(draft, std::ios::binary | std::ios::trunc);
    stream << content;
    stream.close();
    if (!stream) return fail_errno("write " + draft.string(), EIO);
  }
  if (::chmod(draft.c_str(), 0644) != 0) return fail_errno("chmod " + draft.string());
  TRY_VOID(sync_path(draft, SyncScope::kEntry));
  TRY_VOID(rename_path(draft, path));
  return sync_path(path.parent_path(), SyncScope::kEntry);
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

}  // namespace

bool is_image_name(std::string_view text) {
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= kNameLimit && is_plain(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; });
}

PartialImage::PartialImage(PartialImage&& other) noexcept
    : directory_(std::exchange(other.directory_, {})), lock_(std::move(other.lock_)) {}

PartialImage::~PartialImage() {
  // What cannot be removed now is removed when the next image is begun.
  if (!directory_.empty()) static_cast<void>(remove_tree(directory_));
}

fs::path ImageStore::directory_of(std::string_view digest) const {
  return root_ / "by-digest" / digest;
}

Result<UniqueFd> ImageStore::lock() const {
  TRY_VOID(make_directory(root_));
  UniqueFd fd(::open((root_ / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.is_open()) return fail_errno("open " + (root_ / ".lock").string());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return fail_errno("flock " + (root_ / ".lock").string());
  return fail(ErrorCode::kConflict, "another process is changing the images in " + root_.string() +
                                        "; wait until it is done");
}

Result<PartialImage> ImageStore::begin() {
  UniqueFd held = TRY(lock());
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_, error)) {
    if (entry.path().filename().string().starts_with(kPartialPrefix)) {
      TRY_VOID(remove_tree(entry.path()));
    }
  }
  if (error) return fail_errno("read " + root_.string(), error.value());
  fs::path directory = root_ / (std::string(kPartialPrefix) + random_hex(8));
  TRY_VOID(make_directory(directory));
  PartialImage partial(std::move(directory), std::move(held));
  TRY_VOID(make_directory(partial.rootfs()));
  TRY_VOID(make_directory(partial.scratch()));
  return partial;
}

Result<StoredImage> ImageStore::publish(PartialImage partial, Manifest manifest) {
  if (!is_image_name(manifest.name)) {
    return fail(ErrorCode::kInvalidArgument, "'" + manifest.name + "' is not an image name");
  }
  TRY_VOID(remove_tree(partial.scratch()));
  manifest.digest = TRY(tree_digest(partial.rootfs()));
  const fs::path place = directory_of(manifest.digest);
  TRY_VOID(make_directory(place.parent_path()));
  if (fs::exists(place)) {
    // The same content again: the root is kept, for sandboxes may run from it.
    TRY_VOID(write_file(place / "manifest.json", to_json(manifest)));
  } else {
    TRY_VOID(write_file(partial.directory_ / "manifest.json", to_json(manifest)));
    TRY_VOID(sync_path(partial.directory_, SyncScope::kFileSystem));
    TRY_VOID(rename_path(partial.directory_, place));
    partial.directory_.clear();
    TRY_VOID(sync_path(place.parent_path(), SyncScope::kEntry));
  }
  TRY_VOID(write_reference(manifest.name, manifest.digest));
  return load(manifest.digest);
}

Result<void> ImageStore::set_reference(std::string_view name, std::string_view digest) {
  const UniqueFd held = TRY(lock());
  TRY_VOID(load(std::string(digest)));
  return write_reference(name, digest);
}

Result<void> ImageStore::write_reference(std::string_view name, std::string_view digest) {
  if (!is_image_name(name)) {
    return fail(ErrorCode::kInvalidArgument,
                "'" + std::string(name) +
                    "' is not an image name: use lower-case letters, digits, '.', '_' and '-'");
  }
  TRY_VOID(make_directory(root_ / "refs"));
  return write_file(root_ / "refs" / name, std::string(digest) + "\n");
}

std::vector<std::pair<std::string, std::string>> ImageStore::references() const {
  std::vector<std::pair<std::string, std::string>> result;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / "refs", ignored)) {
    const Result<std::string> text = read_file(entry.path());
    const std::string digest = text ? text->substr(0, text->find('\n')) : std::string();
    if (is_digest(digest)) result.emplace_back(entry.path().filename().string(), digest);
  }
  std::sort(result.begin(), result.end());
  return result;
}

Result<std::vector<std::string>> ImageStore::digests() const {
  std::vector<std::string> result;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / "by-digest", error)) {
    const std::string name = entry.path().filename().string();
    if (is_digest(name)) result.push_back(name);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno("read " + (root_ / "by-digest").string(), error.value());
  }
  std::sort(result.begin(), result.end());
  return result;
}

Result<StoredImage> ImageStore::load(const std::string& digest) const {
  const fs::path directory = directory_of(digest);
  const std::string text = TRY(read_file(directory / "manifest.json"));
  Result<Manifest> manifest = parse_manifest(text);
  if (!manifest) return fail(std::move(manifest.error()).with("image " + digest));
  if (manifest->digest != digest) {
    return fail(ErrorCode::kInternal, "the manifest of image " + digest +
                                          " names another digest; " +
                                          "remove the image and build it again");
  }
  StoredImage image{directory / "rootfs", std::move(*manifest), {}};
  for (const auto& [name, target] : references()) {
    if (target == digest) image.names.push_back(name);
  }
  return image;
}

Result<std::string> ImageStore::digest_of(std::string_view reference) const {
  std::vector<std::string> known;
  for (const auto& [name, digest] : references()) {
    if (name == reference) return digest;
    known.push_back(name);
  }
  std::vector<std::string> matching;
  for (const std::string& digest : TRY(digests())) {
    if (reference.size() >= kShortestDigest && digest.starts_with(reference)) {
      matching.push_back(digest);
    }
  }
  if (matching.size() == 1) return matching.front();
  return fail(ErrorCode::kNotFound, "there is no image '" + std::string(reference) + "' in " +
                                        root_.string() + "; images there: " + join(known));
}

Result<StoredImage> ImageStore::resolve(std::string_view reference) const {
  return load(TRY(digest_of(reference)));
}

Result<std::vector<StoredImage>> ImageStore::list() const {
  std::vector<StoredImage> images;
  for (const std::string& digest : TRY(digests())) {
    Result<StoredImage> image = load(digest);
    if (image) images.push_back(std::move(*image));
  }
  std::sort(images.begin(), images.end(), [](const StoredImage& a, const StoredImage& b) {
    return std::tie(a.manifest.name, a.manifest.digest) <
           std::tie(b.manifest.name, b.manifest.digest);
  });
  return images;
}

Result<StoredImage> ImageStore::find_by_recipe_hash(std::string_view recipe_hash) const {
  for (StoredImage& image : TRY(list())) {
    if (!recipe_hash.empty() && image.manifest.recipe_hash == recipe_hash) return std::move(image);
  }
  return fail(ErrorCode::kNotFound, "no image was built with this recipe");
}

Result<void> ImageStore::remove(std::string_view reference) {
  const UniqueFd held = TRY(lock());
  const std::string digest = TRY(digest_of(reference));
  std::vector<std::string> names;
  for (const auto& [name, target] : references()) {
    if (target == digest) names.push_back(name);
  }
  const bool is_by_name = std::find(names.begin(), names.end(), reference) != names.end();
  const bool keeps_image = is_by_name && names.size() > 1;
  for (const std::string& name : names) {
    if (keeps_image && name != reference) continue;
    std::error_code error;
    fs::remove(root_ / "refs" / name, error);
    if (error) return fail_errno("remove the name " + name, error.value());
  }
  if (keeps_image) return {};
  // Renamed first, so that nobody resolves an image that is half removed.
  const fs::path doomed = root_ / (std::string(kPartialPrefix) + random_hex(8));
  TRY_VOID(rename_path(directory_of(digest), doomed));
  return remove_tree(doomed);
}

}  // namespace cloister::images
