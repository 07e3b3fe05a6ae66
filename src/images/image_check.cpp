// ImageStore::check(): is this image fit to run sandboxes from?
#include <sys/stat.h>

#include "images/digest.h"
#include "images/image_store.h"
#include "images/root_tree.h"

namespace cloister::images {
namespace {

constexpr const char* kRemedy = "; remove the image and build or import it again";

bool is_real_directory(const std::filesystem::path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

void check_languages(const StoredImage& image, std::vector<std::string>& problems) {
  if (image.manifest.find_language("python") == nullptr) {
    problems.push_back("the image has no python3; import or build one that has");
  }
  for (const Language& language : image.manifest.languages) {
    if (!is_executable_in_root(image.rootfs, language.path)) {
      problems.push_back(language.path + " is missing or not executable" + kRemedy);
    }
  }
}

}  // namespace

Result<ImageCheck> ImageStore::check(std::string_view reference, CheckDepth depth) const {
  ImageCheck result;
  result.digest = TRY(digest_of(reference));
  const Result<StoredImage> image = load(result.digest);
  if (!image) {
    result.problems.push_back(image.error().describe() + kRemedy);
    return result;
  }
  if (!is_real_directory(image->rootfs)) {
    result.problems.push_back("the image has no root file system" + std::string(kRemedy));
    return result;
  }
  check_languages(*image, result.problems);
  for (const std::string_view path : mount_points()) {
    if (!is_real_directory(image->rootfs / path)) {
      result.problems.push_back("the directory /" + std::string(path) + " is missing" + kRemedy);
    }
  }
  if (depth == CheckDepth::kContent && TRY(tree_digest(image->rootfs)) != result.digest) {
    result.problems.push_back("the content was changed: it does not have the image's digest" +
                              std::string(kRemedy));
  }
  return result;
}

}  // namespace cloister::images
