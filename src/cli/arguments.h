// The command line as plain values. The only file that knows the parser library is arguments.cpp.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cloister::cli {

enum class Command {
  kServe,
  kConfig,
  kDoctor,
  kVersion,
  kHealth,
  kImageBuild,
  kImageList,
  kImageImport,
  kImageRemove,
  kImageCheck,
};

struct ImageArguments {
  std::string name;     // Of the image; for build, of its recipe or the path of one.
  std::string archive;  // import
  std::string recipes;  // build: directory with <name>/recipe.toml.
  std::string suite;
  std::string mirror;
  std::string keyring;
  std::vector<std::string> packages;
  std::vector<std::string> add_packages;
  std::string pip_program = "pip3";
  bool without_pip = false;
  bool force = false;
  bool content = false;  // check: read every byte.
};

struct Arguments {
  Command command = Command::kServe;
  std::string config_path;
  std::vector<std::pair<std::string, std::string>> settings;  // Name in settings_table(), text.
  bool json = false;
  ImageArguments image;
};

struct ParsedArguments {
  std::optional<Arguments> arguments;
  int exit_code = 0;  // When there is nothing to run: help was shown, or an error.
};

// Prints help to standard output and errors to standard error.
ParsedArguments parse_arguments(int argc, const char* const* argv, const std::string& version);

}  // namespace cloister::cli
