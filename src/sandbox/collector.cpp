#include "sandbox/collector.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "os/syscalls.h"
#include "os/unix_message.h"

namespace cloister::sandbox {
namespace {

constexpr std::uint64_t kResolve =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

// As the kernel fills it (getdents64(2)).
struct DirectoryEntry {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[1];
};

class Collector {
 public:
  Collector(Area area, int socket) : area_(area), socket_(socket) {}

  int walk(int directory, std::size_t path_length, std::size_t depth) {
    alignas(8) char buffer[4096];
    for (;;) {
      const long count = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer);
      if (count <= 0) return 0;  // An unreadable directory ends here; root can read all of them.
      for (long at = 0; at < count;) {
        const auto* entry = reinterpret_cast<const DirectoryEntry*>(buffer + at);
        at += entry->length;
        if (const int error = visit(directory, entry->name, path_length, depth); error != 0) {
          return error;
        }
      }
    }
  }

  int finish() {
    InitReply reply;
    reply.kind = InitReplyKind::kEndOfFiles;
    reply.area = area_;
    reply.count = sent_;
    reply.left_out = left_out_;
    return os::send_message(socket_, &reply, sizeof reply, {});
  }

 private:
  int visit(int directory, const char* name, std::size_t path_length, std::size_t depth) {
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) return 0;
    struct stat status{};
    if (::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return 0;
    const bool is_directory = S_ISDIR(status.st_mode);
    if (!is_directory && !S_ISREG(status.st_mode)) return 0;
    const std::size_t name_length = std::strlen(name);
    const std::size_t start = path_length == 0 ? 0 : path_length + 1;
    if (start + name_length + 1 > kMaxPath || depth >= kMaxWorkspaceDepth ||
        sent_ >= kMaxCollectedFiles) {
      ++left_out_;
      return 0;
    }
    if (path_length != 0) message_.path[path_length] = '/';
    std::memcpy(message_.path + start, name, name_length + 1);
    return is_directory ? enter(directory, name, start + name_length, depth)
                        : send(directory, name, start + name_length);
  }

  int enter(int parent, const char* name, std::size_t path_length, std::size_t depth) {
    const open_how how{O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, kResolve};
    const int directory = os::openat2(parent, name, how);
    if (directory < 0) {
      ++left_out_;
      return 0;
    }
    const int error = walk(directory, path_length, depth + 1);
    ::close(directory);
    return error;
  }

  int send(int directory, const char* name, std::size_t path_length) {
    const open_how how{O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, kResolve};
    const int file = os::openat2(directory, name, how);
    struct stat status{};
    if (file < 0 || ::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
      if (file >= 0) ::close(file);
      ++left_out_;
      return 0;
    }
    message_.reply.kind = InitReplyKind::kFile;
    message_.reply.area = area_;
    message_.reply.flags =
        (status.st_mode & S_IXUSR) != 0 ? static_cast<std::uint32_t>(FileFlag::kExecutable) : 0;
    message_.reply.size = static_cast<std::uint64_t>(status.st_size);
    const int passed[] = {file};
    const int error =
        os::send_message(socket_, &message_, sizeof message_.reply + path_length + 1, passed);
    ::close(file);
    ++sent_;
    return error;
  }

  struct Message {
    InitReply reply;
    char path[kMaxPath];
  };

  Area area_;
  int socket_;
  Message message_{};
  std::uint64_t sent_ = 0;
  std::uint32_t left_out_ = 0;
};

}  // namespace

int collect_files(int workspace, Area area, int socket) {
  Collector collector(area, socket);
  // A descriptor of its own: reading a directory moves the descriptor's position.
  const int directory = ::openat(workspace, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    const int error = collector.walk(directory, 0, 0);
    ::close(directory);
    if (error != 0) return error;
  }
  return collector.finish();
}

}  // namespace cloister::sandbox
