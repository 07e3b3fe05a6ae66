// Framing of server-sent events.
#pragma once

#include <string>
#include <string_view>

namespace cloister::net {

// "event: <name>", "data: <line>" and a blank line, separated by LF alone. `line` is one line: it
// must not contain CR or LF, which compact JSON never does.
std::string format_event(std::string_view name, std::string_view line);

}  // namespace cloister::net
