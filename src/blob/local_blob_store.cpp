#include "blob/local_blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/id.h"
#include "blob/local_blob_writer.h"

namespace cloister::blob {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// Opens below `root` and never outside of it, whatever links are there.
int open_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
}

// Calls `visitor` with each name in the directory but "." and "..".
Result<void> visit_names(int parent, const std::string& path,
                         const std::function<Result<void>(int, const char*)>& visitor) {
  const int fd = open_beneath(parent, path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return fail_errno("open directory " + path);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd), &::closedir);
  if (!directory) {
    const int error_number = errno;
    ::close(fd);
    return fail_errno("fdopendir " + path, error_number);
  }
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) {
      if (errno != 0) return fail_errno("readdir " + path);
      return {};
    }
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    TRY_VOID(visitor(fd, entry->d_name));
  }
}

Result<UniqueFd> open_root(const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path(directory);
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return fail_errno("create directory " + path.parent_path().string(), error.value());
  if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return fail_errno("create directory " + directory);
  }
  UniqueFd root(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return fail_errno("open directory " + directory);
  struct stat status{};
  if (::fstat(root.get(), &status) != 0) return fail_errno("stat directory " + directory);
  // A directory of somebody else, as anyone can prepare below /tmp, would show them every file.
  if (status.st_uid != ::geteuid()) {
    return fail(ErrorCode::kPermission,
                "The directory " + directory + " must belong to the user that runs the server");
  }
  if ((status.st_mode & 07777) != S_IRWXU && ::fchmod(root.get(), S_IRWXU) != 0) {
    return fail_errno("chmod directory " + directory);
  }
  return root;
}

// A record lock, because a forked child does not inherit it: it ends with this process alone.
Result<UniqueFd> lock_directory(int root, const std::string& directory) {
  UniqueFd file(
      ::openat(root, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.is_open()) return fail_errno("open " + directory + "/lock");
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(file.get(), F_SETLK, &lock) == 0) return file;
  if (errno == EACCES || errno == EAGAIN) {
    return fail(ErrorCode::kConflict, "The directory " + directory + " is used by another process");
  }
  return fail_errno("lock " + directory + "/lock");
}

Result<UniqueFd> open_empty_temporary(int root) {
  if (::mkdirat(root, "tmp", S_IRWXU) != 0 && errno != EEXIST) return fail_errno("mkdir tmp");
  UniqueFd temporary(::openat(root, "tmp", kDirectoryFlags));
  if (!temporary.is_open()) return fail_errno("open directory tmp");
  TRY_VOID(visit_names(root, "tmp", [](int directory, const char* name) -> Result<void> {
    if (::unlinkat(directory, name, 0) != 0) return fail_errno("remove temporary file");
    return {};
  }));
  return temporary;
}

tl::unexpected<Error> no_such_blob() {
  return fail(ErrorCode::kNotFound, "There is no such blob.");
}

BlobInfo describe(const char* name, const struct stat& status) {
  const auto modified = std::chrono::seconds(status.st_mtim.tv_sec) +
                        std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  return {name, static_cast<std::uint64_t>(status.st_size),
          WallTime(std::chrono::duration_cast<Microseconds>(modified))};
}

}  // namespace

LocalBlobStore::LocalBlobStore(LocalBlobSettings settings, UniqueFd root, UniqueFd temporary,
                               UniqueFd lock)
    : settings_(std::move(settings)),
      root_(std::move(root)),
      temporary_(std::move(temporary)),
      lock_(std::move(lock)) {}

Result<std::unique_ptr<LocalBlobStore>> LocalBlobStore::open_directory(LocalBlobSettings settings) {
  UniqueFd root = TRY(open_root(settings.directory));
  UniqueFd lock = TRY(lock_directory(root.get(), settings.directory));
  auto temporary = open_empty_temporary(root.get());
  if (!temporary) return fail(std::move(temporary).error().with("in " + settings.directory));
  return std::unique_ptr<LocalBlobStore>(new LocalBlobStore(
      std::move(settings), std::move(root), std::move(*temporary), std::move(lock)));
}

Result<std::unique_ptr<BlobWriter>> LocalBlobStore::create() {
  return LocalBlobWriter::create(root_.get(), temporary_.get(), settings_);
}

Result<OpenedBlob> LocalBlobStore::open(std::string_view id) {
  if (!is_uuid(id)) return no_such_blob();
  OpenedBlob blob{UniqueFd(open_beneath(root_.get(), place_of(id), O_RDONLY)), 0};
  if (!blob.content.is_open()) {
    if (errno == ENOENT) return no_such_blob();
    return fail_errno("open a blob in " + settings_.directory);
  }
  struct stat status{};
  if (::fstat(blob.content.get(), &status) != 0) return fail_errno("stat a blob");
  if (!S_ISREG(status.st_mode)) return no_such_blob();
  blob.size_bytes = static_cast<std::uint64_t>(status.st_size);
  return blob;
}

Result<void> LocalBlobStore::remove(std::string_view id) {
  if (!is_uuid(id)) return no_such_blob();
  if (::unlinkat(root_.get(), place_of(id).c_str(), 0) == 0) return {};
  if (errno == ENOENT) return no_such_blob();
  return fail_errno("remove a blob in " + settings_.directory);
}

Result<void> LocalBlobStore::visit(const std::function<Result<void>(const BlobInfo&)>& visitor) {
  const auto visit_blob = [&](int directory, const char* name) -> Result<void> {
    struct stat status{};
    if (!is_uuid(name)) return {};
    if (::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};
      return fail_errno("stat a blob");
    }
    if (!S_ISREG(status.st_mode)) return {};
    return visitor(describe(name, status));
  };
  return visit_names(root_.get(), ".", [&](int, const char* name) -> Result<void> {
    if (std::string_view(name).size() != 2) return {};
    return visit_names(root_.get(), name, visit_blob);
  });
}

}  // namespace cloister::blob
