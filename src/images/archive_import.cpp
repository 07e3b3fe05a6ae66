// ImageBuilder::import_archive(): container images from files, by way of skopeo and umoci.
#include <unistd.h>

#include "images/child_program.h"
#include "images/image_builder.h"
#include "images/inventory.h"
#include "images/root_tree.h"

namespace cloister::images {
namespace {

namespace fs = std::filesystem;

// A `docker save` file may carry OCI's index too, so its own manifest decides.
Result<std::string> transport_of(const fs::path& archive) {
  bool is_docker = false;
  bool is_oci = false;
  std::string rest;
  const ByteSink scan = [&](std::string_view bytes) {
    rest.append(bytes);
    std::size_t end = 0;
    for (std::size_t next = 0; (next = rest.find('\n', end)) != rest.npos; end = next + 1) {
      std::string_view name = std::string_view(rest).substr(end, next - end);
      if (name.starts_with("./")) name.remove_prefix(2);
      is_docker = is_docker || name == "manifest.json";
      is_oci = is_oci || name == "oci-layout";
    }
    rest.erase(0, end);
  };
  TRY_VOID(run_program({"tar", "--list", "--file=" + archive.string(), "--force-local"},
                       ChildOutput{nullptr, scan}));
  if (is_docker) return std::string("docker-archive");
  if (is_oci) return std::string("oci-archive");
  return fail(ErrorCode::kInvalidArgument,
              archive.string() + " is neither an OCI archive nor a `docker save` file");
}

Result<void> unpack(const fs::path& archive, const PartialImage& partial,
                    const Progress& progress) {
  const std::string transport = TRY(transport_of(archive));
  // skopeo takes a colon in a path for the end of it.
  const fs::path link = partial.scratch() / "archive.tar";
  std::error_code error;
  fs::create_symlink(archive, link, error);
  if (error) return fail_errno("symlink " + link.string(), error.value());
  const std::string layout = (partial.scratch() / "layout").string() + ":image";
  progress("reading " + archive.string() + " as " + transport);
  // A signature policy is about registries; this file was named by the operator.
  TRY_VOID(run_program(
      {"skopeo", "copy", "--insecure-policy", transport + ":" + link.string(), "oci:" + layout},
      ChildOutput{progress, nullptr}));
  TRY_VOID(remove_tree(partial.rootfs()));
  std::vector<std::string> argv = {"umoci", "raw", "unpack", "--image", layout};
  if (::geteuid() != 0) argv.emplace_back("--rootless");
  argv.push_back(partial.rootfs().string());
  progress("unpacking its layers");
  return run_program(argv, ChildOutput{progress, nullptr});
}

}  // namespace

Result<StoredImage> ImageBuilder::import_archive(const fs::path& archive, std::string_view name,
                                                 const Progress& progress) {
  if (!is_image_name(name)) {
    return fail(ErrorCode::kInvalidArgument,
                "'" + std::string(name) +
                    "' is not an image name: use lower-case letters, digits, '.', '_' and '-'");
  }
  std::error_code error;
  const fs::path file = fs::canonical(archive, error);
  if (error || !fs::is_regular_file(file)) {
    return fail(ErrorCode::kNotFound, "there is no file " + archive.string());
  }
  PartialImage partial = TRY(store_.begin());
  TRY_VOID(unpack(file, partial, progress));
  TRY_VOID(prepare_root(partial.rootfs(), {}));
  Manifest manifest;
  manifest.name = std::string(name);
  manifest.created_at = to_timestamp(clock_.wall_now());
  manifest.source = "import";
  TRY_VOID(take_inventory(partial.rootfs(), manifest));
  progress("computing the digest");
  return store_.publish(std::move(partial), std::move(manifest));
}

}  // namespace cloister::images
