// Arbitrary bytes as a command's memory file; and commands that were written come back unchanged.
#include <cstring>
#include <string>
#include <vector>

#include "backends/native/command_file.h"
#include "fuzz.h"
#include "sandbox/command_parser.h"
#include "sandbox/environment.h"

using cloister::fuzz::require;
using cloister::sandbox::Command;

namespace {

Command command;  // Too large for a stack with a sanitizer.

void check_strings(const char* const* list, std::uint32_t count, std::string_view file) {
  for (std::uint32_t i = 0; i < count; ++i) {
    require(list[i] >= file.data() && list[i] < file.data() + file.size(), "inside the file");
    const std::size_t left = static_cast<std::size_t>(file.data() + file.size() - list[i]);
    require(::strnlen(list[i], left) < left, "ends inside the file");
  }
  require(list[count] == nullptr, "the list is terminated");
}

void write_and_read(std::string_view text) {
  cloister::engine::CommandProgram program;
  for (std::size_t end = 0; end != std::string_view::npos; text.remove_prefix(end + 1)) {
    end = text.find('\n');
    const std::string line(text.substr(0, end));
    // A line with a sign is a variable, so that those are written too.
    if (line.find('=') != std::string::npos) {
      program.environment.push_back(line);
    } else {
      program.argv.push_back(line);
    }
    if (end == std::string_view::npos) break;
  }
  const auto file = cloister::backends::native::make_command_file(program, {});
  if (!file) return;
  require(cloister::sandbox::parse_command(file->data(), file->size(), command), "is accepted");
  require(command.argument_count == program.argv.size(), "as many arguments");
  require(command.directory == program.directory, "the directory is unchanged");
  for (std::size_t i = 0; i < program.argv.size(); ++i)
    require(program.argv[i] == command.argv[i], "an argument is unchanged");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = cloister::fuzz::as_text(data, size);
  if (cloister::sandbox::parse_command(bytes.data(), bytes.size(), command)) {
    require(command.argv[0] != nullptr, "there is a program");
    check_strings(command.argv, command.argument_count, bytes);
    check_strings(command.envp, command.environment_count, bytes);
    const char* const directory[] = {command.directory, nullptr};
    check_strings(directory, 1, bytes);
    require(command.directory[0] == '/', "the directory is absolute");
  }
  write_and_read(bytes);
  return 0;
}
