#include "blob/local_blob_writer.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/id.h"
#include "blob/file_copy.h"

namespace cloister::blob {
namespace {

Result<void> flush_directory(int root, const std::string& path) {
  const UniqueFd directory(::openat(root, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return fail_errno("open directory " + path);
  if (::fsync(directory.get()) != 0) return fail_errno("fsync directory " + path);
  return {};
}

}  // namespace

std::string place_of(std::string_view id) {
  std::string place(id.substr(0, 2));
  place += '/';
  place += id;
  return place;
}

LocalBlobWriter::LocalBlobWriter(int root, int temporary, const LocalBlobSettings& settings,
                                 std::string name, UniqueFd file)
    : root_(root),
      temporary_(temporary),
      settings_(settings),
      temporary_name_(std::move(name)),
      file_(std::move(file)) {}

LocalBlobWriter::~LocalBlobWriter() {
  if (!moved_) ::unlinkat(temporary_, temporary_name_.c_str(), 0);
}

Result<std::unique_ptr<BlobWriter>> LocalBlobWriter::create(int root, int temporary,
                                                            const LocalBlobSettings& settings) {
  std::string name = random_hex(16);
  UniqueFd file(::openat(temporary, name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  const int error_number = errno;
  const bool made = file.is_open();
  std::unique_ptr<LocalBlobWriter> writer(
      new LocalBlobWriter(root, temporary, settings, std::move(name), std::move(file)));
  if (!made) {
    Error error = fail_errno("create a temporary file", error_number).value();
    return fail(writer->explain(std::move(error)));
  }
  return writer;
}

// A full disk is nothing that the request did wrong, and the operator needs to know which one.
Error LocalBlobWriter::explain(Error error) const {
  if (error.system_errno != ENOSPC && error.system_errno != EDQUOT) {
    return std::move(error).with("in " + settings_.directory);
  }
  error.code = ErrorCode::kUnavailable;
  error.message = "The storage for files is full: no space is left in " + settings_.directory;
  return error;
}

Result<void> LocalBlobWriter::append(std::string_view bytes) {
  auto written = write_all(file_.get(), bytes.data(), bytes.size());
  if (!written) return fail(explain(std::move(written).error()));
  size_bytes_ += bytes.size();
  return {};
}

Result<std::uint64_t> LocalBlobWriter::append_from(int fd, std::uint64_t limit_bytes) {
  auto copied = copy_bytes(fd, file_.get(), limit_bytes);
  if (!copied) return fail(explain(std::move(copied).error()));
  size_bytes_ += *copied;
  return copied;
}

Result<void> LocalBlobWriter::make_parent(std::string_view id) {
  const std::string parent(id.substr(0, 2));
  if (::mkdirat(root_, parent.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return fail_errno("mkdir " + parent);
  }
  if (settings_.durability == Durability::kMachineDeath) return flush_directory(root_, ".");
  return {};
}

Result<void> LocalBlobWriter::move_into_place(const std::string& place) {
  if (::renameat2(temporary_, temporary_name_.c_str(), root_, place.c_str(), RENAME_NOREPLACE) ==
      0) {
    moved_ = true;
    return {};
  }
  // Not every network file system knows the flag; a hard link never replaces anything either. The
  // destructor then removes the temporary name.
  if (errno == EINVAL &&
      ::linkat(temporary_, temporary_name_.c_str(), root_, place.c_str(), 0) == 0) {
    return {};
  }
  return fail_errno("move a blob to " + place);
}

Result<void> LocalBlobWriter::commit(std::string_view id) {
  if (!is_uuid(id)) return fail(ErrorCode::kInvalidArgument, "The id of a blob must be a UUID.");
  const bool flush = settings_.durability == Durability::kMachineDeath;
  if (flush && ::fdatasync(file_.get()) != 0) {
    return fail(explain(fail_errno("fdatasync a blob").value()));
  }
  const std::string place = place_of(id);
  auto moved = move_into_place(place);
  if (!moved && moved.error().system_errno == ENOENT) {
    auto made = make_parent(id);
    if (!made) return fail(explain(std::move(made).error()));
    moved = move_into_place(place);
  }
  if (!moved && moved.error().system_errno == EEXIST) {
    return fail(ErrorCode::kConflict, "The id of the blob is taken.");
  }
  if (!moved) return fail(explain(std::move(moved).error()));
  if (flush) return flush_directory(root_, std::string(id.substr(0, 2)));
  return {};
}

}  // namespace cloister::blob
