// One function a command. Each writes its results to standard output and returns; errors are
// printed by the caller.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/arguments.h"
#include "server/settings_loader.h"

namespace cloister::cli {

Result<void> serve(server::LoadedSettings settings, const std::string& version);
Result<void> print_config(const server::LoadedSettings& settings, bool as_json);
// kUnsupported when a layer is missing that no setting accepts.
Result<void> doctor(const server::LoadedSettings& settings, bool as_json);
// kUnavailable when the server does not answer that it is healthy.
Result<void> health(const server::LoadedSettings& settings);

Result<void> build_image(const server::LoadedSettings& settings, const ImageArguments& arguments);
Result<void> list_images(const server::LoadedSettings& settings, bool as_json);
Result<void> import_image(const server::LoadedSettings& settings, const ImageArguments& arguments);
Result<void> remove_image(const server::LoadedSettings& settings, const ImageArguments& arguments);
Result<void> check_image(const server::LoadedSettings& settings, const ImageArguments& arguments);

}  // namespace cloister::cli
