#include "net/sse.h"

namespace cloister::net {

std::string format_event(std::string_view name, std::string_view line) {
  std::string event;
  event.reserve(name.size() + line.size() + 16);
  event.append("event: ").append(name).append("\ndata: ").append(line).append("\n\n");
  return event;
}

}  // namespace cloister::net
