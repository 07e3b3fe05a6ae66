// Which language a request means, and whether the image has it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/backend.h"
#include "runtimes/language.h"

namespace cloister::api::librechat {

// Names of the runtimes' table, in its order.
std::vector<std::string> installed_languages(const engine::BackendStatus& status);

// The language of that name or alias. kInvalidArgument, with a message that says what to do, when
// there is none or the image lacks it.
Result<const runtimes::Language*> choose_language(std::string_view name,
                                                  const engine::BackendStatus& status);

}  // namespace cloister::api::librechat
