// The images on this machine: immutable root file systems by digest, and names for them.
//
//   <root>/by-digest/<sha256>/rootfs/         the root file system
//   <root>/by-digest/<sha256>/manifest.json   its manifest
//   <root>/refs/<name>                        a text file with the digest
//   <root>/.partial-<random>/                 an image in the making; never resolved
//   <root>/.lock                              held by whoever adds or removes images
//
// An image appears by one rename after everything in it is on disk, so a reader sees a whole image
// or none. Thread safe; safe between processes.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/manifest.h"

namespace cloister::images {

struct StoredImage {
  std::filesystem::path rootfs;
  Manifest manifest;
  std::vector<std::string> names;  // All names that point to it, sorted. May be empty.
};

// The verdict on one image: usable when there are no problems.
struct ImageCheck {
  std::string digest;
  std::vector<std::string> problems;  // Each says what is wrong and what to do.
};

enum class CheckDepth {
  kQuick,    // Manifest, interpreters, mount points.
  kContent,  // Also the digest of every byte: reads the whole image.
};

// An image in the making. Holds the store's lock; dropping it removes what was made so far.
class PartialImage {
 public:
  PartialImage(PartialImage&&) noexcept;
  PartialImage& operator=(PartialImage&&) = delete;
  ~PartialImage();

  // An empty directory on the store's file system, readable by all.
  std::filesystem::path rootfs() const { return directory_ / "rootfs"; }
  // An empty directory for what is needed only while the image is made.
  std::filesystem::path scratch() const { return directory_ / "scratch"; }

 private:
  friend class ImageStore;
  PartialImage(std::filesystem::path directory, UniqueFd lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}
  std::filesystem::path directory_;  // Empty once published or moved from.
  UniqueFd lock_;
};

class ImageStore {
 public:
  // `root` is made when the first image is.
  explicit ImageStore(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }

  // `reference` is a name, a digest, or the first 8 or more digits of one. kNotFound names the
  // images that there are.
  Result<StoredImage> resolve(std::string_view reference) const;

  // Every image with a readable manifest, by name, then by digest.
  Result<std::vector<StoredImage>> list() const;

  // The image that was built with this recipe hash, kNotFound when there is none.
  Result<StoredImage> find_by_recipe_hash(std::string_view recipe_hash) const;

  // Takes a name away, and the image with it once no name is left. With a digest: the image and all
  // of its names. Sandboxes that run from the image lose their files.
  Result<void> remove(std::string_view reference);

  // An error means that the check could not be made; what is wrong with the image is in the result.
  Result<ImageCheck> check(std::string_view reference, CheckDepth depth) const;

  // Takes the lock (kConflict when somebody else holds it), removes what crashed builds left behind
  // and starts an image.
  Result<PartialImage> begin();

  // Makes everything durable, moves the image to its place under its digest, and points
  // `manifest.name` to it. Sets `manifest.digest`.
  Result<StoredImage> publish(PartialImage partial, Manifest manifest);

  // Points a name to an image that exists; replaces what it pointed to.
  Result<void> set_reference(std::string_view name, std::string_view digest);

 private:
  Result<UniqueFd> lock() const;
  Result<std::string> digest_of(std::string_view reference) const;
  Result<StoredImage> load(const std::string& digest) const;
  Result<std::vector<std::string>> digests() const;
  std::vector<std::pair<std::string, std::string>> references() const;
  Result<void> write_reference(std::string_view name, std::string_view digest);
  std::filesystem::path directory_of(std::string_view digest) const;

  const std::filesystem::path root_;
};

// Letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64, lower case.
bool is_image_name(std::string_view text);

}  // namespace cloister::images
