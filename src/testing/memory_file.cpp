#include "testing/memory_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace cloister::fakes {

UniqueFd memory_file(std::string_view bytes) {
  UniqueFd file(::memfd_create("cloister-test", MFD_CLOEXEC));
  if (!file.is_open()) std::abort();
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pwrite(file.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count <= 0) std::abort();
    done += static_cast<std::size_t>(count);
  }
  return file;
}

std::string read_file(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) std::abort();
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count <= 0) std::abort();
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace cloister::fakes
