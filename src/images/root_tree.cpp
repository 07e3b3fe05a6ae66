#include "images/root_tree.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <fts.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>

namespace cloister::images {
namespace {

constexpr std::size_t kFileLimitBytes = std::size_t{64} << 20U;
constexpr std::array<std::string_view, 10> kMountPoints = {
    "workspace", "cloister", "program", "mnt/data", "sandbox", "proc", "dev", "tmp", "run", "sys"};
constexpr std::array<std::string_view, 3> kEmptied = {"dev", "run", "tmp"};

Result<UniqueFd> open_directory(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return fail_errno("open " + path.string());
  return fd;
}

Result<UniqueFd> open_as_inside(const std::filesystem::path& root, std::string_view path,
                                unsigned flags) {
  const UniqueFd directory = TRY(open_directory(root));
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NONBLOCK;
  if ((flags & O_CREAT) != 0) how.mode = 0644;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const std::string name(path);
  const long fd = ::syscall(SYS_openat2, directory.get(), name.c_str(), &how, sizeof how);
  if (fd < 0) return fail_errno("open " + name + " in the image");
  return UniqueFd(static_cast<int>(fd));
}

// Calls `visit` for every entry below `root`, directories before their content; `visit` returns
// false to keep out of a directory.
Result<void> walk(const std::filesystem::path& root,
                  const std::function<Result<bool>(const FTSENT&)>& visit) {
  std::string start = root.string();
  std::array<char*, 2> starts = {start.data(), nullptr};
  const std::unique_ptr<FTS, int (*)(FTS*)> stream(
      ::fts_open(starts.data(), FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr), &::fts_close);
  if (!stream) return fail_errno("fts_open " + start);
  errno = 0;
  while (FTSENT* entry = ::fts_read(stream.get())) {
    if (entry->fts_info == FTS_DP) continue;
    if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR) {
      return fail_errno("read " + std::string(entry->fts_path), entry->fts_errno);
    }
    if (!TRY(visit(*entry))) ::fts_set(stream.get(), entry, FTS_SKIP);
    errno = 0;
  }
  if (errno != 0) return fail_errno("read " + start);
  return {};
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& path) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
  });
}

Result<void> weaken(const FTSENT& entry) {
  constexpr mode_t kSetIdBits = S_ISUID | S_ISGID;
  const mode_t mode = entry.fts_statp->st_mode;
  if ((mode & kSetIdBits) != 0 && ::chmod(entry.fts_path, mode & 07777U & ~kSetIdBits) != 0) {
    return fail_errno("chmod " + std::string(entry.fts_path));
  }
  // Looked for first: removing even an absent one needs privileges.
  constexpr const char* kCapabilities = "security.capability";
  if (entry.fts_info == FTS_F && ::lgetxattr(entry.fts_path, kCapabilities, nullptr, 0) >= 0 &&
      ::lremovexattr(entry.fts_path, kCapabilities) != 0) {
    return fail_errno("lremovexattr " + std::string(entry.fts_path));
  }
  return {};
}

Result<void> clean(const std::filesystem::path& root, const std::vector<std::string>& patterns) {
  const std::size_t prefix = root.string().size() + 1;
  return walk(root, [&](const FTSENT& entry) -> Result<bool> {
    const std::string path(entry.fts_path);
    if (entry.fts_level == 0) return true;
    const std::string relative = path.substr(prefix);
    const bool is_emptied =
        entry.fts_level == 2 &&
        std::any_of(kEmptied.begin(), kEmptied.end(), [&](std::string_view directory) {
          return relative.starts_with(std::string(directory) + "/");
        });
    const bool is_special = entry.fts_info == FTS_DEFAULT;
    if (is_special || is_emptied || matches_any(patterns, relative)) {
      TRY_VOID(remove_tree(path));
      return false;
    }
    if (entry.fts_info == FTS_D || entry.fts_info == FTS_F) TRY_VOID(weaken(entry));
    return true;
  });
}

// Of a regular file; nothing for all else.
std::optional<mode_t> file_mode(const std::filesystem::path& root, std::string_view path) {
  const Result<UniqueFd> file = open_as_inside(root, path, O_RDONLY);
  struct stat status{};
  if (!file || ::fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return status.st_mode;
}

// Rewrites /etc/passwd without the sandbox's user, if it is there at all and has that user.
Result<void> remove_sandbox_user(const std::filesystem::path& root) {
  const Result<std::string> text = read_in_root(root, "etc/passwd");
  if (!text) return {};
  const std::string field = ":" + std::to_string(kSandboxUid) + ":";
  std::istringstream lines(*text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t name_end = line.find(':');
    const std::size_t id = name_end == line.npos ? line.npos : line.find(':', name_end + 1);
    if (id == line.npos || line.compare(id, field.size(), field) != 0) kept += line + "\n";
  }
  if (kept == *text) return {};
  const UniqueFd directory = TRY(open_in_root(root, "etc"));
  const UniqueFd file(
      ::openat(directory.get(), "passwd", O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open()) return fail_errno("open /etc/passwd of the image");
  if (::write(file.get(), kept.data(), kept.size()) != static_cast<ssize_t>(kept.size())) {
    return fail_errno("write /etc/passwd of the image");
  }
  return {};
}

}  // namespace

std::span<const std::string_view> mount_points() {
  return kMountPoints;
}

Result<void> make_root_directory(const std::filesystem::path& root, std::string_view relative,
                                 unsigned mode) {
  UniqueFd parent = TRY(open_directory(root));
  const std::filesystem::path path(relative);
  for (const std::filesystem::path& name : path) {
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    UniqueFd child(::openat(parent.get(), name.c_str(), flags));
    if (!child.is_open()) {
      if (errno != ENOENT && ::unlinkat(parent.get(), name.c_str(), 0) != 0) {
        return fail_errno("replace /" + std::string(relative) + " of the image");
      }
      if (::mkdirat(parent.get(), name.c_str(), 0755) != 0) {
        return fail_errno("make /" + std::string(relative) + " in the image");
      }
      child.reset(::openat(parent.get(), name.c_str(), flags));
      if (!child.is_open()) return fail_errno("open /" + std::string(relative) + " of the image");
    }
    parent = std::move(child);
  }
  if (::fchmod(parent.get(), mode) != 0) return fail_errno("chmod " + std::string(relative));
  return {};
}

Result<void> prepare_root(const std::filesystem::path& root,
                          const std::vector<std::string>& removed_paths) {
  TRY_VOID(clean(root, removed_paths));
  for (const std::string_view path : kMountPoints) {
    TRY_VOID(make_root_directory(root, path, path == "tmp" ? 01777U : 0755U));
  }
  return remove_sandbox_user(root);
}

Result<void> add_stand_in_devices(const std::filesystem::path& root) {
  const UniqueFd directory = TRY(open_in_root(root, "dev"));
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd file(::openat(directory.get(), "null", kFlags, 0666));
  if (!file.is_open()) return fail_errno("make /dev/null of the image");
  if (::fchmod(file.get(), 0666) != 0) return fail_errno("chmod /dev/null of the image");
  return {};
}

Result<UniqueFd> open_in_root(const std::filesystem::path& root, std::string_view path) {
  return open_as_inside(root, path, O_RDONLY);
}

Result<void> append_in_root(const std::filesystem::path& root, std::string_view path,
                            std::string_view text) {
  const UniqueFd file = TRY(open_as_inside(root, path, O_WRONLY | O_CREAT | O_APPEND));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail_errno("write " + std::string(path) + " of the image");
  }
  return {};
}

Result<std::string> read_in_root(const std::filesystem::path& root, std::string_view path) {
  const UniqueFd file = TRY(open_in_root(root, path));
  std::string content;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count == 0) return content;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("read " + std::string(path) + " of the image");
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > kFileLimitBytes) {
      return fail(ErrorCode::kTooLarge, std::string(path) + " of the image is too large");
    }
  }
}

bool is_file_in_root(const std::filesystem::path& root, std::string_view path) {
  return file_mode(root, path).has_value();
}

bool is_executable_in_root(const std::filesystem::path& root, std::string_view path) {
  return (file_mode(root, path).value_or(0) & 0111U) != 0;
}

Result<void> remove_tree(const std::filesystem::path& tree) {
  struct stat status{};
  if (::lstat(tree.c_str(), &status) != 0 && errno == ENOENT) return {};
  if (S_ISDIR(status.st_mode)) {
    TRY_VOID(walk(tree, [](const FTSENT& entry) -> Result<bool> {
      const bool is_closed = (entry.fts_statp->st_mode & S_IRWXU) != S_IRWXU;
      if (entry.fts_info == FTS_D && is_closed) ::chmod(entry.fts_path, S_IRWXU);
      return true;
    }));
  }
  std::error_code error;
  std::filesystem::remove_all(tree, error);
  if (error) return fail_errno("remove " + tree.string(), error.value());
  return {};
}

}  // namespace cloister::images
