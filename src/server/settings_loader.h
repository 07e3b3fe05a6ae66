// Settings from their sources. Order: default < file < environment < command line.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/settings.h"

namespace cloister::server {

using Environment = std::map<std::string, std::string, std::less<>>;

struct SettingsSources {
  std::string config_path;  // Empty: CLOISTER_CONFIG of the environment, else no file.
  Environment environment;
  std::vector<std::pair<std::string, std::string>> command_line;  // Name of the setting, text.
  bool is_root = false;  // Decides the default of state_dir.
};

struct LoadedSettings {
  Settings values;
  // Where each value of settings_table() came from: "default", "file <path>", "environment <name>",
  // "command line".
  std::vector<std::string> origins;
  std::vector<std::string> warnings;  // For the log, once it exists.
  std::vector<std::string> notes;     // The same, less important.
};

// A value that does not fit, an unknown key of the file and an unreadable file are errors that name
// the setting, its source and what is allowed. An empty value in the environment counts as not set.
Result<LoadedSettings> load_settings(const SettingsSources& sources);

// The environment of this process.
Environment process_environment();

// True for addresses that only this machine reaches.
bool is_loopback(std::string_view host);

// True when the setting names this dialect.
bool serves(const Settings& settings, std::string_view dialect);

// Which of the APIs that are served everybody may use, as the end of a sentence; empty: none.
std::string open_apis(const Settings& settings);

}  // namespace cloister::server
