#include "images/inventory.h"

#include <sys/utsname.h>

#include <array>
#include <sstream>

#include <nlohmann/json.hpp>

#include "images/root_program.h"
#include "images/root_tree.h"

namespace cloister::images {
namespace {

// Prints one JSON object: the interpreter's version and its distributions with theirs.
constexpr const char* kPythonQuery = R"(
import importlib.metadata, json, platform
names = {}
for one in importlib.metadata.distributions():
    if one.metadata['Name']:
        names.setdefault(one.metadata['Name'], one.version)
print(json.dumps({'version': platform.python_version(), 'packages': names}))
)";

constexpr std::array<const char*, 3> kPythonPaths = {"/usr/bin/python3", "/usr/local/bin/python3",
                                                     "/opt/venv/bin/python3"};
constexpr std::array<const char*, 2> kBashPaths = {"/usr/bin/bash", "/bin/bash"};

Result<void> ask_python(const std::filesystem::path& root, const char* path, Manifest& manifest) {
  const std::string answer = TRY(query_in_root(root, {path, "-I", "-c", kPythonQuery}));
  try {
    const nlohmann::json json = nlohmann::json::parse(answer);
    manifest.languages.push_back({"python", json.at("version").get<std::string>(), path});
    json.at("packages").get_to(manifest.python_packages);
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::kInvalidArgument, std::string(path) + " of the image gave no list of " +
                                                 "its packages: " + error.what());
  }
  return {};
}

Result<void> find_python(const std::filesystem::path& root, Manifest& manifest) {
  for (const char* path : kPythonPaths) {
    if (is_executable_in_root(root, path)) return ask_python(root, path, manifest);
  }
  return {};
}

Result<void> find_bash(const std::filesystem::path& root, Manifest& manifest) {
  for (const char* path : kBashPaths) {
    if (!is_executable_in_root(root, path)) continue;
    const std::string version =
        TRY(query_in_root(root, {path, "-c", "printf %s \"${BASH_VERSION%%(*}\""}));
    manifest.languages.push_back({"bash", version.substr(0, 32), path});
    return {};
  }
  return {};
}

std::string find_suite(const std::filesystem::path& root) {
  std::istringstream lines(read_in_root(root, "etc/os-release").value_or(std::string()));
  constexpr std::string_view kKey = "VERSION_CODENAME=";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kKey)) return line.substr(kKey.size());
  }
  return {};
}

// As Debian names it. Programs of another architecture than the host's do not run here anyway.
std::string host_architecture() {
  utsname names{};
  if (::uname(&names) != 0) return {};
  std::string machine = static_cast<const char*>(names.machine);
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

}  // namespace

std::map<std::string, std::string> parse_dpkg_status(std::string_view status) {
  std::map<std::string, std::string> packages;
  std::string name;
  std::string version;
  bool is_installed = false;
  const auto finish = [&] {
    if (is_installed && !name.empty()) packages[name] = version;
    name.clear();
    version.clear();
    is_installed = false;
  };
  std::istringstream lines{std::string(status)};
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) finish();
    if (line.starts_with("Package: ")) name = line.substr(9);
    if (line.starts_with("Version: ")) version = line.substr(9);
    if (line.starts_with("Status: ")) is_installed = line.ends_with(" installed");
  }
  finish();
  return packages;
}

Result<void> take_inventory(const std::filesystem::path& root, Manifest& manifest) {
  manifest.packages =
      parse_dpkg_status(read_in_root(root, "var/lib/dpkg/status").value_or(std::string()));
  if (manifest.suite.empty()) manifest.suite = find_suite(root);
  manifest.architecture = host_architecture();
  TRY_VOID(find_python(root, manifest));
  return find_bash(root, manifest);
}

}  // namespace cloister::images
