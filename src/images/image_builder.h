// Makes images: from a recipe with Debian's packages, or from a container image's archive.
//
// Runs programs of the host (mmdebstrap, tar, pip, skopeo, umoci, unshare), each with an argument
// vector and never through a shell. As root the files of the image belong to root; as an ordinary
// user, who needs subordinate ids in /etc/subuid and /etc/subgid, they belong to that user.
// Takes minutes. One image at a time: the store's lock sees to that.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "images/image_store.h"
#include "images/recipe.h"

namespace cloister::images {

// One line of progress, without a line end; called on the thread that called build().
using Progress = std::function<void(std::string_view line)>;

// Settings that replace what the recipe or the host's apt configuration says. Empty: not replaced.
struct BuildOptions {
  std::string suite;
  std::string mirror;                     // "https://mirror.example/debian"
  std::filesystem::path keyring;          // A keyring that verifies the mirror's suite.
  std::vector<std::string> packages;      // The whole list.
  std::vector<std::string> add_packages;  // In addition.
  bool without_pip = false;               // Leave out what comes from the Python package index.
  std::string pip_program = "pip3";
  bool force = false;  // Build even when the same recipe was built already.
};

struct BuildResult {
  StoredImage image;
  bool up_to_date = false;  // True when nothing had to be built.
};

class ImageBuilder {
 public:
  // Neither is owned; both must outlive the builder.
  ImageBuilder(ImageStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  // Builds the recipe and points its name to the result. kUnavailable when a program of the host or
  // the network is missing: the message says which and what to do; progress has what it printed.
  Result<BuildResult> build(const Recipe& recipe, const BuildOptions& options,
                            const Progress& progress);

  // Imports an `oci-archive` or `docker save` file under `name`. The image needs no Debian inside;
  // languages are what is found in it. No program of the image runs with any privilege.
  Result<StoredImage> import_archive(const std::filesystem::path& archive, std::string_view name,
                                     const Progress& progress);

 private:
  ImageStore& store_;
  const Clock& clock_;
};

}  // namespace cloister::images
