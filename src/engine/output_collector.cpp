#include "engine/output_collector.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace cloister::engine {
namespace {

std::string_view last_part(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
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
  return comparer_.have_same_bytes(input->second.content.get(), file.content.get(), file.size);
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
