// Changes to an image's root file system from outside. Follows no link of it: the tree may come
// from a foreign archive. The tree must not change meanwhile.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace cloister::images {

// The directories that every sandbox mounts something on, relative to the root.
std::span<const std::string_view> mount_points();

// The user that programs run as inside a sandbox. Not in an image's /etc/passwd.
constexpr unsigned kSandboxUid = 65532;

// Makes the mount points, empties /dev, /run and /tmp, removes device nodes, sockets, pipes and
// what matches `removed_paths`, takes set-id bits and file capabilities away, and removes the
// sandbox user's entry from /etc/passwd. Idempotent.
Result<void> prepare_root(const std::filesystem::path& root,
                          const std::vector<std::string>& removed_paths);

// Programs open /dev/null, and a bare root has no devices: a plain file stands in until the next
// prepare_root(), which must have been called before, too.
Result<void> add_stand_in_devices(const std::filesystem::path& root);

// Makes a directory with its parents, replacing whatever else stands in the way.
Result<void> make_root_directory(const std::filesystem::path& root, std::string_view relative,
                                 unsigned mode);

// Opens a file as a program inside the image would: absolute links lead into the image.
Result<UniqueFd> open_in_root(const std::filesystem::path& root, std::string_view path);

// The content of a file opened that way; kTooLarge beyond 64 MiB.
Result<std::string> read_in_root(const std::filesystem::path& root, std::string_view path);

// Adds text to a file, which is made when it is not there; its directory must be.
Result<void> append_in_root(const std::filesystem::path& root, std::string_view path,
                            std::string_view text);

// True for a regular file.
bool is_file_in_root(const std::filesystem::path& root, std::string_view path);

// True for a regular file that somebody may execute.
bool is_executable_in_root(const std::filesystem::path& root, std::string_view path);

// Removes a tree, directories without write permission too. A missing tree is no error.
Result<void> remove_tree(const std::filesystem::path& tree);

}  // namespace cloister::images
