// Arbitrary bytes as the settings file: every value that is taken can be written and taken again.
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <variant>

#include "base/unique_fd.h"
#include "fuzz.h"
#include "server/settings_file.h"
#include "server/settings_value.h"

using cloister::fuzz::require;
namespace server = cloister::server;

namespace {

void check_value(const server::SettingSpec& spec, const std::string& text) {
  server::Settings settings;
  const auto taken = server::parse_setting(spec, text, "fuzz", settings);
  if (!taken) {
    const std::string& message = taken.error().message;
    require(message.find(spec.name) != std::string::npos, "a refusal names the setting");
    return;
  }
  if (const auto* kind = std::get_if<server::IntegerKind>(&spec.kind)) {
    const std::int64_t value = settings.*kind->field;
    require(value >= kind->minimum && value <= kind->maximum, "an integer is in its range");
  }
  if (const auto* kind = std::get_if<server::RealKind>(&spec.kind)) {
    const double value = settings.*kind->field;
    require(value >= kind->minimum && value <= kind->maximum, "a number is in its range");
  }
  const std::string shown = server::value_text(spec, settings);
  server::Settings again;
  require(server::parse_setting(spec, shown, "fuzz", again).has_value(), "what is shown is taken");
  require(server::value_text(spec, again) == shown, "and means the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const cloister::UniqueFd file(::memfd_create("settings", MFD_CLOEXEC));
  const ssize_t written = ::write(file.get(), data, size);
  require(written == static_cast<ssize_t>(size), "the input is in a file");
  const auto read = server::read_settings_file("/proc/self/fd/" + std::to_string(file.get()));
  if (!read) {
    require(!read.error().message.empty(), "a refusal has a reason");
    return 0;
  }
  for (const server::FileSetting& setting : *read) {
    require(setting.index < server::settings_table().size(), "every key is a setting");
    check_value(server::settings_table()[setting.index], setting.text);
  }
  return 0;
}
