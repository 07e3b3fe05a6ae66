#include "images/image_builder.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <array>

#include "images/apt_sources.h"
#include "images/child_program.h"
#include "images/inventory.h"
#include "images/root_program.h"
#include "images/root_tree.h"

namespace cloister::images {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFontCache = "usr/share/cloister/matplotlib";
// compileall's own command fails when one module does not compile.
constexpr const char* kCompileAll = R"(
import compileall, sys
for path in sys.argv[1:]:
    compileall.compile_dir(path, maxlevels=30, quiet=2)
)";
// Not even unpacked: nobody reads them in a sandbox, and they are a tenth of the image.
constexpr std::array<const char*, 6> kExcluded = {"/usr/share/doc/*",     "/usr/share/doc-base/*",
                                                  "/usr/share/man/*",     "/usr/share/info/*",
                                                  "/usr/share/lintian/*", "/usr/share/locale/*"};

// Some packages are set up only where their manual could be linked to.
constexpr const char* kManualDirectories = "/usr/share/man/man[1-9]";

bool is_root() {
  return ::geteuid() == 0;
}

// The recipe with the options' replacements.
Recipe effective_recipe(Recipe recipe, const BuildOptions& options) {
  if (!options.suite.empty()) recipe.suite = options.suite;
  if (!options.packages.empty()) recipe.packages = options.packages;
  recipe.packages.insert(recipe.packages.end(), options.add_packages.begin(),
                         options.add_packages.end());
  if (options.without_pip) recipe.pip.clear();
  return recipe;
}

Result<AptSources> effective_sources(const BuildOptions& options) {
  AptSources sources;
  if (options.mirror.empty() || options.keyring.empty()) sources = TRY(read_host_sources());
  if (!options.mirror.empty()) {
    sources = AptSources{options.mirror, false, {}, sources.keyring};
  }
  if (!options.keyring.empty()) sources.keyring = options.keyring;
  if (!sources.mirror.empty()) return sources;
  return fail(ErrorCode::kUnavailable,
              "the host's apt configuration names no Debian archive with the component main; name "
              "one with the setting for the image mirror");
}

std::vector<std::string> mmdebstrap_argv(const Recipe& recipe, const AptSources& sources) {
  std::vector<std::string> argv = {"mmdebstrap", "--variant=minbase", "--format=tar",
                                   "--components=main",
                                   std::string("--mode=") + (is_root() ? "root" : "unshare")};
  // The store makes the finished image durable; a half installed one is thrown away.
  argv.emplace_back("--dpkgopt=force-unsafe-io");
  for (const char* path : kExcluded) {
    argv.push_back(std::string("--dpkgopt=path-exclude=") + path);
  }
  argv.push_back(std::string("--dpkgopt=path-include=") + kManualDirectories);
  std::string include;
  for (const std::string& package : recipe.packages) {
    include += (include.empty() ? "" : ",") + package;
  }
  if (!include.empty()) argv.push_back("--include=" + include);
  if (!sources.keyring.empty()) argv.push_back("--keyring=" + sources.keyring.string());
  argv.push_back(recipe.suite);
  argv.emplace_back("-");
  for (std::string& line : mirror_lines(sources, recipe.suite))
    argv.push_back(std::move(line));
  return argv;
}

// Root keeps the owners of the archive. A user owns everything, which inside a sandbox, where the
// image is read-only, looks like any other owner.
std::vector<std::string> extract_argv(const fs::path& rootfs) {
  std::vector<std::string> argv = {"tar", "--extract", "--file=-", "--directory=" + rootfs.string(),
                                   "--exclude=./dev/*"};
  argv.emplace_back("--preserve-permissions");
  if (is_root()) {
    argv.insert(argv.end(), {"--same-owner", "--numeric-owner"});
  } else {
    argv.emplace_back("--no-same-owner");
  }
  return argv;
}

// "3.13" for an image that has /usr/lib/python3.13.
std::string python_series(const fs::path& rootfs) {
  constexpr std::string_view kPrefix = "python3.";
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(rootfs / "usr/lib", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix)) return name.substr(6);
  }
  return {};
}

// Only wheels that do not depend on CPython's binary interface: pure ones, and ones that carry a
// plain shared library for this machine.
std::vector<std::string> pip_argv(const Recipe& recipe, const BuildOptions& options,
                                  const std::string& series, const fs::path& target) {
  utsname names{};
  ::uname(&names);
  const std::string machine = static_cast<const char*>(names.machine);
  std::vector<std::string> argv = {options.pip_program,
                                   "install",
                                   "--no-deps",
                                   "--no-compile",
                                   "--no-input",
                                   "--disable-pip-version-check",
                                   "--root-user-action=ignore",
                                   "--progress-bar=off",
                                   "--only-binary=:all:",
                                   "--python-version=" + series,
                                   "--implementation=py",
                                   "--abi=none",
                                   "--platform=any",
                                   "--platform=manylinux_2_17_" + machine,
                                   "--target=" + target.string()};
  argv.insert(argv.end(), recipe.pip.begin(), recipe.pip.end());
  return argv;
}

Result<void> install_from_pip(const Recipe& recipe, const BuildOptions& options,
                              const fs::path& rootfs, const Progress& progress) {
  if (recipe.pip.empty()) return {};
  const std::string series = python_series(rootfs);
  if (series.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "the recipe has pip packages and the image has no python3");
  }
  const std::string packages = "usr/local/lib/python" + series + "/dist-packages";
  TRY_VOID(make_root_directory(rootfs, packages, 0755));
  progress("installing Python packages that Debian does not have");
  const Result<void> installed =
      run_program(pip_argv(recipe, options, series, rootfs / packages), ChildOutput{progress, {}});
  if (!installed) {
    return fail(ErrorCode::kUnavailable,
                "the host's pip could not install the recipe's Python packages (" +
                    installed.error().message +
                    "); install python3-pip and check the network, or build without pip packages");
  }
  // Start scripts name the host's interpreter.
  return remove_tree(rootfs / packages / "bin");
}

// Files that programs make on their first start, made now: in a sandbox the image is read-only.
Result<void> warm_up(const fs::path& rootfs, const Progress& progress) {
  const std::string series = python_series(rootfs);
  if (!series.empty()) {
    progress("compiling Python modules");
    // One worker: several need /dev/shm, which a bare root does not have. Modules that do
    // not compile belong to other Python versions and are never imported.
    TRY_VOID(run_trusted_in_root(
        rootfs,
        {"python3", "-c", kCompileAll, "/usr/lib/python" + series, "/usr/lib/python3/dist-packages",
         "/usr/local/lib/python" + series + "/dist-packages"},
        progress));
  }
  if (fs::exists(rootfs / "usr/lib/python3/dist-packages/matplotlib")) {
    progress("collecting fonts for matplotlib");
    TRY_VOID(make_root_directory(rootfs, kFontCache, 0755));
    TRY_VOID(run_trusted_in_root(rootfs,
                                 {"env", std::string("MPLCONFIGDIR=/") + kFontCache, "python3",
                                  "-c", "import matplotlib.font_manager"},
                                 progress));
  }
  if (is_executable_in_root(rootfs, "usr/bin/fc-cache")) {
    TRY_VOID(run_trusted_in_root(rootfs, {"fc-cache", "--force"}, progress));
  }
  return {};
}

Result<void> run_steps(const Recipe& recipe, const fs::path& rootfs, const Progress& progress) {
  for (const RunStep& step : recipe.steps) {
    progress("running: " + step.reason);
    for (const std::vector<std::string>& command : step.commands) {
      std::vector<std::string> argv = {"env"};
      argv.insert(argv.end(), step.environment.begin(), step.environment.end());
      argv.insert(argv.end(), command.begin(), command.end());
      TRY_VOID(run_trusted_in_root(rootfs, argv, progress).map_error([&](Error&& error) {
        return std::move(error).with("run '" + command.front() + "' for: " + step.reason);
      }));
    }
  }
  return {};
}

Result<void> append_lines(const Recipe& recipe, const fs::path& rootfs) {
  for (const AppendedLines& appended : recipe.appended) {
    std::string text;
    for (const std::string& line : appended.lines)
      text += line + "\n";
    TRY_VOID(append_in_root(rootfs, appended.path, text));
  }
  return {};
}

Result<void> fill_root(const Recipe& recipe, const BuildOptions& options, const AptSources& sources,
                       const fs::path& rootfs, const Progress& progress) {
  progress("installing " + std::to_string(recipe.packages.size()) + " packages of " + recipe.suite +
           " from " + sources.mirror);
  TRY_VOID(run_pipeline({mmdebstrap_argv(recipe, sources), extract_argv(rootfs)},
                        ChildOutput{progress, {}}));
  TRY_VOID(prepare_root(rootfs, recipe.removed_paths));
  TRY_VOID(install_from_pip(recipe, options, rootfs, progress));
  TRY_VOID(append_lines(recipe, rootfs));
  TRY_VOID(add_stand_in_devices(rootfs));
  TRY_VOID(warm_up(rootfs, progress));
  TRY_VOID(run_steps(recipe, rootfs, progress));
  return prepare_root(rootfs, recipe.removed_paths);
}

}  // namespace

Result<BuildResult> ImageBuilder::build(const Recipe& wanted, const BuildOptions& options,
                                        const Progress& progress) {
  const Recipe recipe = effective_recipe(wanted, options);
  const AptSources sources = TRY(effective_sources(options));
  const std::string hash = recipe_hash(recipe, sources.mirror);
  if (!options.force) {
    Result<StoredImage> present = store_.find_by_recipe_hash(hash);
    if (present) {
      const std::string digest = present->manifest.digest;
      const Result<StoredImage> named = store_.resolve(recipe.name);
      if (!named || named->manifest.digest != digest) {
        TRY_VOID(store_.set_reference(recipe.name, digest));
      }
      return BuildResult{TRY(store_.resolve(digest)), true};
    }
  }
  PartialImage partial = TRY(store_.begin());
  TRY_VOID(fill_root(recipe, options, sources, partial.rootfs(), progress));
  Manifest manifest;
  manifest.name = recipe.name;
  manifest.created_at = to_timestamp(clock_.wall_now());
  manifest.source = "recipe";
  manifest.suite = recipe.suite;
  manifest.recipe_hash = hash;
  manifest.pip_requirements = recipe.pip;
  TRY_VOID(take_inventory(partial.rootfs(), manifest));
  progress("computing the digest");
  return BuildResult{TRY(store_.publish(std::move(partial), std::move(manifest))), false};
}

}  // namespace cloister::images
