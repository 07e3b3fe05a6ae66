#include "cli/cli.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "cli/arguments.h"
#include "cli/commands.h"

namespace cloister::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUse = 2;

Result<void> dispatch(const Arguments& arguments, server::LoadedSettings settings,
                      const std::string& version) {
  switch (arguments.command) {
    case Command::kServe:
      return serve(std::move(settings), version);
    case Command::kConfig:
      return print_config(settings, arguments.json);
    case Command::kDoctor:
      return doctor(settings, arguments.json);
    case Command::kHealth:
      return health(settings);
    case Command::kImageBuild:
      return build_image(settings, arguments.image);
    case Command::kImageList:
      return list_images(settings, arguments.json);
    case Command::kImageImport:
      return import_image(settings, arguments.image);
    case Command::kImageRemove:
      return remove_image(settings, arguments.image);
    case Command::kImageCheck:
      return check_image(settings, arguments.image);
    case Command::kVersion:
      fmt::print("cloister {}\n", version);
      return {};
  }
  return {};
}

int report(const Error& error, int exit_code) {
  fmt::print(stderr, "cloister: {}\n", error.describe());
  return exit_code;
}

}  // namespace

int run(int argc, const char* const* argv, const std::string& version) {
  const ParsedArguments parsed = parse_arguments(argc, argv, version);
  if (!parsed.arguments) return parsed.exit_code;
  server::SettingsSources sources;
  sources.config_path = parsed.arguments->config_path;
  sources.environment = server::process_environment();
  sources.command_line = parsed.arguments->settings;
  sources.is_root = ::geteuid() == 0;
  server::LoadedSettings settings;
  if (parsed.arguments->command != Command::kVersion) {
    Result<server::LoadedSettings> loaded = server::load_settings(sources);
    if (!loaded) return report(loaded.error(), kWrongUse);
    settings = std::move(*loaded);
  }
  const Result<void> done = dispatch(*parsed.arguments, std::move(settings), version);
  if (!done) return report(done.error(), kFailed);
  return 0;
}

}  // namespace cloister::cli
