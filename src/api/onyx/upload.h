// One upload: the parts of a form on their way into the file store.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/file_store.h"
#include "net/multipart.h"

namespace cloister::api::onyx {

// Writes every part named "file" into the store; a later one replaces an earlier one. Other parts
// are read and forgotten. `files` is not owned and must outlive the sink.
class UploadSink final : public net::MultipartSink {
 public:
  UploadSink(engine::FileStore& files, std::string_view tenant) : files_(files), tenant_(tenant) {}

  Result<void> on_part_begin(const net::PartHeader& header) override;
  Result<void> on_part_data(std::string_view bytes) override;
  Result<void> on_part_end() override;

  // True when the last part named "file" came whole and with a file name.
  bool has_file() const { return upload_ != nullptr && complete_; }
  // The text of a last part named "file" without a file name, cut at a bound.
  const std::optional<std::string>& plain_field() const { return plain_field_; }
  // To be called once, and only when has_file().
  Result<engine::FileRecord> commit();

 private:
  engine::FileStore& files_;
  const std::string tenant_;
  bool in_file_part_ = false;
  bool complete_ = false;
  std::unique_ptr<engine::FileUpload> upload_;
  std::string name_;
  std::optional<std::string> plain_field_;
};

}  // namespace cloister::api::onyx
