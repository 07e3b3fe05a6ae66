#include "engine/workspace_path.h"

#include <cstddef>

namespace cloister::engine {
namespace {

constexpr std::size_t kPartBytesMax = 255;   // NAME_MAX of Linux file systems.
constexpr std::size_t kPathBytesMax = 4096;  // PATH_MAX.

tl::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

}  // namespace

Result<std::string> normalize_workspace_path(std::string_view path) {
  if (path.starts_with('/')) return refuse("File paths must be relative.");
  if (path.find('\0') != std::string_view::npos) {
    return refuse("File paths must not contain NUL characters.");
  }
  if (path.size() > kPathBytesMax) return refuse("File paths must not exceed 4096 bytes.");
  std::string clean;
  clean.reserve(path.size());
  while (!path.empty()) {
    const std::size_t end = path.find('/');
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse("File paths must not contain '..'.");
    if (part.size() > kPartBytesMax) {
      return refuse("The parts of file paths must not exceed 255 bytes.");
    }
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  if (clean.empty()) return refuse("File path must not be empty.");
  return clean;
}

}  // namespace cloister::engine
