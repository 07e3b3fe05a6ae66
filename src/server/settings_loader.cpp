#include "server/settings_loader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "server/settings_file.h"
#include "server/settings_value.h"

namespace cloister::server {
namespace {

constexpr std::string_view kPrefix = "CLOISTER_";
constexpr std::string_view kConfigVariable = "CLOISTER_CONFIG";

bool same_letters(std::string_view one, std::string_view other) {
  return one.size() == other.size() &&
         std::equal(one.begin(), one.end(), other.begin(), [](char left, char right) {
           return std::toupper(static_cast<unsigned char>(left)) ==
                  std::toupper(static_cast<unsigned char>(right));
         });
}

// Settings of the replaced systems that mean nothing without a container engine.
bool is_ignored_legacy_variable(std::string_view name) {
  return name.starts_with("PYTHON_EXECUTOR_DOCKER_") || name.starts_with("KUBERNETES_EXECUTOR_") ||
         name == "KUBERNETES_OWN_NAMESPACE" || name == "KUBERNETES_OWNER_DEPLOYMENT_NAME" ||
         same_letters(name, "CI_BACKEND") || same_letters(name, "CI_SANDBOX_IMAGE_PREFIXES") ||
         same_letters(name, "CI_SANDBOX_LABEL") || same_letters(name, "CI_SUPPORTED_LANGUAGES");
}

// Kubernetes puts such variables into every pod beside a service of the same name as this program.
bool is_service_link(std::string_view name, std::string_view value) {
  return name == "CLOISTER_SERVICE_HOST" || name.starts_with("CLOISTER_SERVICE_PORT") ||
         name.starts_with("CLOISTER_PORT_") ||
         (name == "CLOISTER_PORT" && (value.starts_with("tcp://") || value.starts_with("udp://")));
}

class Loader {
 public:
  explicit Loader(const SettingsSources& sources) : sources_(sources) {
    loaded_.origins.assign(settings_table().size(), "default");
  }

  Result<LoadedSettings> load() {
    TRY_VOID(apply_file());
    TRY_VOID(apply_environment());
    TRY_VOID(apply_command_line());
    apply_dynamic_defaults();
    TRY_VOID(check_dialects());
    TRY_VOID(check_public_address());
    return std::move(loaded_);
  }

 private:
  Result<void> set(std::size_t index, std::string_view text, std::string origin) {
    TRY_VOID(parse_setting(settings_table()[index], text, origin, loaded_.values));
    loaded_.origins[index] = std::move(origin);
    return {};
  }

  Result<void> apply_file() {
    std::string path = sources_.config_path;
    if (path.empty()) path = variable(kConfigVariable).value_or("");
    if (path.empty()) return {};
    for (const FileSetting& setting : TRY(read_settings_file(path))) {
      TRY_VOID(set(setting.index, setting.text, "file " + path));
    }
    return {};
  }

  Result<void> apply_environment() {
    const std::vector<SettingSpec>& table = settings_table();
    for (std::size_t index = 0; index < table.size(); ++index) {
      const std::string own_name = environment_name(table[index]);
      const std::optional<std::string> own = variable(own_name);
      if (own && !is_service_link(own_name, *own)) {
        TRY_VOID(set(index, *own, "environment " + own_name));
        continue;
      }
      TRY_VOID(apply_legacy_variables(index));
    }
    note_other_variables();
    return {};
  }

  Result<void> apply_legacy_variables(std::size_t index) {
    for (const std::string_view name : settings_table()[index].legacy_variables) {
      const std::optional<std::string> value = legacy_variable(name);
      if (value) return apply_legacy_variable(index, std::string(name), *value);
    }
    return {};
  }

  Result<void> apply_legacy_variable(std::size_t index, const std::string& name,
                                     const std::string& value) {
    if (name == "EXECUTOR_BACKEND" && (value == "docker" || value == "kubernetes")) {
      loaded_.warnings.push_back(fmt::format(
          "EXECUTOR_BACKEND={} is not used: sandboxes run in the native backend", value));
      return {};
    }
    Result<void> done = set(index, value, "environment " + name);
    if (!done && name == "LOG_LEVEL") {
      loaded_.warnings.push_back(fmt::format("LOG_LEVEL={} is not known; allowed is {}; using {}",
                                             value, allowed_values(settings_table()[index]),
                                             loaded_.values.log_level));
      return {};
    }
    return done;
  }

  void note_other_variables() {
    std::vector<std::string> ignored;
    for (const auto& [name, value] : sources_.environment) {
      if (value.empty()) continue;
      if (is_ignored_legacy_variable(name)) ignored.push_back(name);
      if (name.starts_with(kPrefix) && name != kConfigVariable && !is_service_link(name, value) &&
          !is_known_variable(name)) {
        loaded_.warnings.push_back(
            fmt::format("environment variable {} is not the name of a setting", name));
      }
    }
    if (!ignored.empty()) {
      loaded_.notes.push_back(fmt::format("settings of a container engine that are not used: {}",
                                          fmt::join(ignored, ", ")));
    }
  }

  static bool is_known_variable(std::string_view name) {
    const auto& table = settings_table();
    return std::any_of(table.begin(), table.end(),
                       [&](const SettingSpec& spec) { return environment_name(spec) == name; });
  }

  Result<void> apply_command_line() {
    for (const auto& [name, text] : sources_.command_line) {
      const std::optional<std::size_t> index = find_setting(name);
      if (!index) return fail(ErrorCode::kInvalidArgument, "there is no setting " + name);
      TRY_VOID(set(*index, text, "command line"));
    }
    return {};
  }

  void apply_dynamic_defaults() {
    Settings& values = loaded_.values;
    if (values.state_dir.empty()) values.state_dir = default_state_dir();
    if (values.file_storage_dir.empty()) values.file_storage_dir = values.state_dir + "/data/blobs";
  }

  std::string default_state_dir() const {
    if (sources_.is_root) return "/var/lib/cloister";
    const std::optional<std::string> data_home = variable("XDG_DATA_HOME");
    if (data_home && data_home->starts_with('/')) return *data_home + "/cloister";
    return variable("HOME").value_or("/tmp") + "/.local/share/cloister";
  }

  Result<void> check_dialects() const {
    constexpr std::array<std::string_view, 2> kDialects = {"onyx", "librechat"};
    for (const std::string& word : loaded_.values.dialects) {
      if (std::find(kDialects.begin(), kDialects.end(), word) != kDialects.end()) continue;
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("dialects: there is no API '{}'; allowed are words of: {}", word,
                              fmt::join(kDialects, ", ")));
    }
    return {};
  }

  Result<void> check_public_address() const {
    const Settings& values = loaded_.values;
    const std::string open = open_apis(values);
    if (values.allow_public || is_loopback(values.host) || open.empty()) return {};
    const std::size_t index = find_setting("host").value_or(0);
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "host: {} (from {}) can be reached from other machines, and {}. If only trusted "
            "clients can reach it, set CLOISTER_ALLOW_PUBLIC=true (or --allow-public, or "
            "allow_public = true in the file); an API that is not used can be left out "
            "(CLOISTER_DIALECTS=librechat); otherwise set host to 127.0.0.1",
            values.host, loaded_.origins[index], open));
  }

  // The LibreChat proxy takes the names of its settings in any letter case.
  std::optional<std::string> legacy_variable(std::string_view name) const {
    if (!name.starts_with("CI_")) return variable(name);
    for (const auto& [given, value] : sources_.environment) {
      if (!value.empty() && same_letters(given, name)) return value;
    }
    return std::nullopt;
  }

  // Empty counts as unset.
  std::optional<std::string> variable(std::string_view name) const {
    const auto found = sources_.environment.find(name);
    if (found == sources_.environment.end() || found->second.empty()) return std::nullopt;
    return found->second;
  }

  const SettingsSources& sources_;
  LoadedSettings loaded_;
};

}  // namespace

Result<LoadedSettings> load_settings(const SettingsSources& sources) {
  return Loader(sources).load();
}

Environment process_environment() {
  Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

bool serves(const Settings& settings, std::string_view dialect) {
  return std::find(settings.dialects.begin(), settings.dialects.end(), dialect) !=
         settings.dialects.end();
}

std::string open_apis(const Settings& settings) {
  std::vector<std::string_view> open;
  if (serves(settings, "onyx")) open.emplace_back("the Onyx API has no authentication");
  if (serves(settings, "librechat")) {
    if (settings.librechat_auth == "off") {
      open.emplace_back("the LibreChat API has none (librechat_auth is off)");
    } else if (settings.librechat_api_key == Settings().librechat_api_key) {
      open.emplace_back(
          "the key of the LibreChat API is the one that everybody knows "
          "(set CI_API_KEY)");
    }
  }
  return fmt::format("{}", fmt::join(open, ", and "));
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1" || host == "[::1]") return true;
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace cloister::server
