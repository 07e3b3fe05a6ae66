#include "engine/output_buffer.h"

#include <algorithm>

namespace cloister::engine {
namespace {

constexpr std::string_view kMarker = "\n...[truncated]";
constexpr std::size_t kMarkerReserveBytes = 32;

}  // namespace

void CappedOutput::append(std::string_view bytes) {
  if (truncated_) return;
  const std::size_t room = cap_bytes_ - bytes_.size();
  if (bytes.size() <= room) {
    bytes_ += bytes;
    return;
  }
  truncated_ = true;
  const std::size_t kept = cap_bytes_ - std::min(cap_bytes_, kMarkerReserveBytes);
  if (bytes_.size() < kept) bytes_ += bytes.substr(0, kept - bytes_.size());
  bytes_.resize(kept);
}

std::string CappedOutput::text() const {
  std::string text = repair_utf8(bytes_);
  if (truncated_) text += kMarker;
  return text;
}

std::string StreamCap::accept(std::string_view bytes) {
  const bool cut = bytes.size() > remaining_bytes_;
  if (cut) bytes = bytes.substr(0, remaining_bytes_);
  remaining_bytes_ -= bytes.size();
  std::string text = decoder_.decode(bytes);
  if (cut) text += decoder_.finish();
  return text;
}

}  // namespace cloister::engine
