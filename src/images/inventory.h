// Finds out what a root file system contains, for its manifest.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "images/manifest.h"
#include "runtimes/language.h"

namespace cloister::images {

// Fills architecture, suite, languages, packages and python_packages. An image without any of them
// gives empty ones; kUnavailable when a language is there and does not tell its version. The root
// has been prepared (prepare_root), and is again afterwards: programs of the image run.
Result<void> take_inventory(const std::filesystem::path& root, Manifest& manifest);

// Runs a command of the image and returns what it printed.
using AskRoot = std::function<Result<std::string>(const std::vector<std::string>& argv)>;

// The languages of `table` that have all of their programs in the root, in the table's order,
// except those that are forked from a loaded interpreter: where that one is, is found out
// differently.
Result<std::vector<Language>> find_languages(const std::filesystem::path& root,
                                             std::span<const runtimes::Language> table,
                                             const AskRoot& ask);

// The first numbers with dots between them, "14.2.0"; else the first number. Empty: none. At most
// 32 characters; `output` comes from a program of the image and is not trusted.
std::string find_version(std::string_view output);

// Reads the stanzas of dpkg's status file: what is installed and at which version.
std::map<std::string, std::string> parse_dpkg_status(std::string_view status);

}  // namespace cloister::images
