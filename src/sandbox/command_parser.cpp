#include "sandbox/command_parser.h"

#include <cstring>

namespace cloister::sandbox {

bool parse_command(const char* bytes, std::size_t size, Command& command) {
  CommandHeader header;
  if (size < sizeof header || size > kMaxCommandBytes) return false;
  std::memcpy(&header, bytes, sizeof header);
  const char* at = bytes + sizeof header;
  const char* const end = bytes + size;
  const auto take = [&](const char** list, std::uint32_t count) {
    if (count > kMaxCommandStrings) return false;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto* terminator =
          static_cast<const char*>(std::memchr(at, 0, static_cast<std::size_t>(end - at)));
      if (terminator == nullptr) return false;
      list[i] = at;
      at = terminator + 1;
    }
    list[count] = nullptr;
    return true;
  };
  command.limits = header.limits;
  command.argument_count = header.argument_count;
  command.environment_count = header.environment_count;
  const char* directory[2];
  if (header.argument_count == 0 || !take(command.argv, header.argument_count) ||
      !take(command.envp, header.environment_count) || !take(directory, 1)) {
    return false;
  }
  command.directory = directory[0];
  return directory[0][0] == '/' && std::strlen(directory[0]) < kMaxPath;
}

}  // namespace cloister::sandbox
