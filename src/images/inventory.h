// Finds out what a root file system contains, for its manifest.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/manifest.h"

namespace cloister::images {

// Fills architecture, suite, languages, packages and python_packages. An image without any of them
// gives empty ones; kUnavailable when an interpreter is there and does not run.
Result<void> take_inventory(const std::filesystem::path& root, Manifest& manifest);

// Reads the stanzas of dpkg's status file: what is installed and at which version.
std::map<std::string, std::string> parse_dpkg_status(std::string_view status);

}  // namespace cloister::images
