// The settings file: TOML with one flat table of the names in settings_table().
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"

namespace cloister::server {

struct FileSetting {
  std::size_t index = 0;  // Into settings_table().
  std::string text;
};

// kInvalidArgument for a file that cannot be read or is not TOML, and for an unknown key.
Result<std::vector<FileSetting>> read_settings_file(const std::string& path);

}  // namespace cloister::server
