#include "api/onyx/upload.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace cloister::api::onyx {
namespace {

constexpr std::string_view kPartName = "file";
constexpr std::string_view kUnnamed = "unnamed";
constexpr std::size_t kMaxPlainFieldBytes = 1024;

}  // namespace

Result<void> UploadSink::on_part_begin(const net::PartHeader& header) {
  in_file_part_ = header.name == kPartName;
  if (!in_file_part_) return {};
  complete_ = false;
  upload_.reset();
  plain_field_.reset();
  if (!header.filename) {
    plain_field_.emplace();
    return {};
  }
  name_ = header.filename->empty() ? std::string(kUnnamed) : repair_utf8(*header.filename);
  upload_ = TRY(files_.create(tenant_));
  return {};
}

Result<void> UploadSink::on_part_data(std::string_view bytes) {
  if (!in_file_part_) return {};
  if (upload_ != nullptr) return upload_->append(bytes);
  const std::size_t room = kMaxPlainFieldBytes - plain_field_->size();
  plain_field_->append(bytes.substr(0, std::min(room, bytes.size())));
  return {};
}

Result<void> UploadSink::on_part_end() {
  if (in_file_part_) complete_ = true;
  return {};
}

Result<engine::FileRecord> UploadSink::commit() {
  return std::exchange(upload_, nullptr)->commit(name_);
}

}  // namespace cloister::api::onyx
