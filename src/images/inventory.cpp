#include "images/inventory.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <iterator>
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
constexpr std::size_t kErrorsLimitBytes = 4096;
constexpr std::size_t kVersionLimit = 32;

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

// Some programs print their version to standard error.
Result<std::string> ask_both_streams(const std::filesystem::path& root,
                                     const std::vector<std::string>& argv) {
  std::string errors;
  const LineSink keep = [&errors](std::string_view line) {
    if (errors.size() + line.size() < kErrorsLimitBytes) errors.append(line).append("\n");
  };
  return TRY(query_in_root(root, argv, keep)) + "\n" + errors;
}

// The first one is a program; the others may be libraries or data.
bool has_all_programs(const std::filesystem::path& root, const runtimes::Language& language) {
  const std::vector<std::string_view>& paths = language.programs;
  return !paths.empty() && is_executable_in_root(root, paths.front()) &&
         std::all_of(paths.begin() + 1, paths.end(),
                     [&](std::string_view path) { return is_file_in_root(root, path); });
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Digits, and dots with a digit behind them.
std::size_t version_length(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() &&
         (is_digit(text[length]) || (text[length] == '.' && length > 0 &&
                                     length + 1 < text.size() && is_digit(text[length + 1])))) {
    ++length;
  }
  return length;
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

std::string find_version(std::string_view output) {
  std::string_view number;
  for (std::size_t start = 0; start < output.size(); ++start) {
    const std::string_view found = output.substr(start, version_length(output.substr(start)));
    if (found.find('.') != found.npos) return std::string(found.substr(0, kVersionLimit));
    if (number.empty()) number = found;
    if (!found.empty()) start += found.size() - 1;
  }
  return std::string(number.substr(0, kVersionLimit));
}

Result<std::vector<Language>> find_languages(const std::filesystem::path& root,
                                             std::span<const runtimes::Language> table,
                                             const AskRoot& ask) {
  std::vector<Language> found;
  for (const runtimes::Language& language : table) {
    if (language.start == runtimes::Start::kPython || !has_all_programs(root, language)) continue;
    const std::vector<std::string> command(language.version_command.begin(),
                                           language.version_command.end());
    const std::string version = find_version(TRY(ask(command).map_error([&](Error&& error) {
      return std::move(error).with("ask for the version of " + std::string(language.title));
    })));
    const std::string path(language.programs.front());
    if (version.empty()) {
      return fail(ErrorCode::kUnavailable, path + " of the image does not tell its version");
    }
    found.push_back({std::string(language.name), version, path});
  }
  return found;
}

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
  TRY_VOID(add_stand_in_devices(root));
  TRY_VOID(find_python(root, manifest));
  std::vector<Language> others =
      TRY(find_languages(root, runtimes::languages(), [&](const std::vector<std::string>& argv) {
        return ask_both_streams(root, argv);
      }));
  manifest.languages.insert(manifest.languages.end(), std::make_move_iterator(others.begin()),
                            std::make_move_iterator(others.end()));
  return prepare_root(root, {});
}

}  // namespace cloister::images
