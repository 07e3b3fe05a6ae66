#include "engine/output_collector.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/utf8.h"

namespace cloister::engine {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{128} << 10;

std::string_view last_part(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// As many bytes as there are, up to `size`; does not move the offset.
Result<std::size_t> read_block(int fd, char* buffer, std::size_t size, std::uint64_t offset) {
  std::size_t count = 0;
  while (count < size) {
    const ssize_t part =
        ::pread(fd, buffer + count, size - count, static_cast<off_t>(offset + count));
    if (part == 0) break;
    if (part < 0) {
      if (errno == EINTR) continue;
      return fail_errno("read a file to compare it");
    }
    count += static_cast<std::size_t>(part);
  }
  return count;
}

}  // namespace

OutputCollector::OutputCollector(FileStore& files, std::string_view tenant,
                                 const ResolvedInputs& inputs, const OutputLimits& limits)
    : files_(files), tenant_(tenant), inputs_(inputs), limits_(limits) {}

Result<std::vector<OutputFile>> OutputCollector::collect(Sandbox& sandbox) {
  auto visited = sandbox.visit_files([this](FoundFile file) { return visit(std::move(file)); });
  // visit() stops the walk by an error of its own once the number of files is reached.
  if (visited || full_) return std::move(outputs_);
  // The caller gets no list, so nobody would ever know these ids. What cannot be removed now goes
  // when it expires.
  for (const OutputFile& output : outputs_) {
    static_cast<void>(files_.remove(tenant_, output.file_id));
  }
  return fail(std::move(visited).error().with("collect output files"));
}

Result<void> OutputCollector::visit(FoundFile file) {
  if (last_part(file.path) == kEntryPointName) return {};
  if (TRY(is_unchanged_input(file))) return {};
  if (outputs_.size() >= limits_.files_max) {
    full_ = true;
    return fail(ErrorCode::kTooLarge, "Too many output files.");
  }
  if (file.size > limits_.total_bytes_max - total_bytes_) return {};
  return store(file);
}

Result<bool> OutputCollector::is_unchanged_input(const FoundFile& file) {
  const auto input = inputs_.find(file.path);
  if (input == inputs_.end() || input->second.size_bytes != file.size) return false;
  if (!buffer_) buffer_ = std::make_unique<char[]>(2 * kBlockBytes);
  char* const ours = buffer_.get();
  char* const theirs = buffer_.get() + kBlockBytes;
  for (std::uint64_t offset = 0; offset < file.size; offset += kBlockBytes) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(file.size - offset, kBlockBytes));
    const std::size_t our_size = TRY(read_block(input->second.content.get(), ours, wanted, offset));
    const std::size_t their_size = TRY(read_block(file.content.get(), theirs, wanted, offset));
    if (our_size != wanted || their_size != wanted) return false;
    if (std::memcmp(ours, theirs, wanted) != 0) return false;
  }
  return true;
}

Result<void> OutputCollector::store(const FoundFile& file) {
  auto upload = TRY(files_.create(tenant_));
  auto copied = upload->append_from(file.content.get());
  if (!copied) {
    if (copied.error().code == ErrorCode::kTooLarge) return {};
    return copied;
  }
  FileRecord record = TRY(upload->commit(repair_utf8(file.path)));
  total_bytes_ += std::min(record.size_bytes, limits_.total_bytes_max - total_bytes_);
  outputs_.push_back({std::move(record.name), std::move(record.id), record.size_bytes});
  return {};
}

}  // namespace cloister::engine
