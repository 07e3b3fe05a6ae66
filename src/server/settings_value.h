// One setting from its text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "server/settings.h"

namespace cloister::server {

// The position of a setting in settings_table().
std::optional<std::size_t> find_setting(std::string_view name);

// Stores `text` into the field that `spec` names. kInvalidArgument, with the setting's name,
// `origin` and what is allowed, when it does not fit; `settings` is then unchanged.
Result<void> parse_setting(const SettingSpec& spec, std::string_view text, std::string_view origin,
                           Settings& settings);

}  // namespace cloister::server
