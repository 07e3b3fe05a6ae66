// Arbitrary bytes as a path from a client: what is accepted stays inside the workspace.
#include "engine/workspace_path.h"
#include "fuzz.h"

using cloister::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = cloister::fuzz::as_text(data, size);
  const auto path = cloister::engine::normalize_workspace_path(input);
  if (!path) {
    require(path.error().code == cloister::ErrorCode::kInvalidArgument, "the client is told");
    require(!path.error().message.empty(), "with a reason");
    return 0;
  }
  require(!path->empty() && path->size() <= input.size(), "something is left, nothing is added");
  require(path->find('\0') == std::string::npos, "there is no NUL");
  require(path->front() != '/' && path->back() != '/', "it is relative and names a file");
  std::string_view rest = *path;
  while (!rest.empty()) {
    const std::size_t end = rest.find('/');
    const std::string_view part = rest.substr(0, end);
    require(!part.empty() && part != "." && part != "..", "every part is a name");
    require(part.size() <= 255, "a file system takes every part");
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  const auto again = cloister::engine::normalize_workspace_path(*path);
  require(again.has_value() && *again == *path, "a normal path is left alone");
  return 0;
}
