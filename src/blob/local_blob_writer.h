// One blob on its way into a LocalBlobStore. Private to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "blob/local_blob_store.h"

namespace cloister::blob {

// "ab/<id>", the place of a blob below the directory. `id` has passed is_uuid().
std::string place_of(std::string_view id);

class LocalBlobWriter final : public BlobWriter {
 public:
  // Nothing is owned; descriptors and settings must outlive the writer.
  static Result<std::unique_ptr<BlobWriter>> create(int root, int temporary,
                                                    const LocalBlobSettings& settings);
  ~LocalBlobWriter() override;
  LocalBlobWriter(const LocalBlobWriter&) = delete;
  LocalBlobWriter& operator=(const LocalBlobWriter&) = delete;

  Result<void> append(std::string_view bytes) override;
  Result<std::uint64_t> append_from(int fd, std::uint64_t limit_bytes) override;
  std::uint64_t size_bytes() const override { return size_bytes_; }
  Result<void> commit(std::string_view id) override;

 private:
  LocalBlobWriter(int root, int temporary, const LocalBlobSettings& settings, std::string name,
                  UniqueFd file);
  Error explain(Error error) const;
  Result<void> move_into_place(const std::string& place);
  Result<void> make_parent(std::string_view id);

  // Constant after construction:
  const int root_;
  const int temporary_;
  const LocalBlobSettings& settings_;
  const std::string temporary_name_;

  UniqueFd file_;
  std::uint64_t size_bytes_ = 0;
  bool moved_ = false;
};

}  // namespace cloister::blob
