// The answers on this dialect's paths that no handler gives: unknown paths, wrong methods, failed
// handlers.
#pragma once

#include <string>
#include <string_view>

#include "net/fallbacks.h"

namespace cloister::api::librechat {

// In this dialect's form for its own paths, in that of `others` for all else. `api_prefix` is that
// of LibreChatOptions.
net::FallbackHandlers fallbacks(net::FallbackHandlers others, std::string api_prefix);

// True for paths that only a client of this dialect asks for, whether there is a route or not.
bool is_own_path(std::string_view path, std::string_view api_prefix);

}  // namespace cloister::api::librechat
