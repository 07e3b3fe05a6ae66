#include "api/librechat/image_size.h"

#include <unistd.h>

#include <array>
#include <cmath>
#include <span>

#include "api/librechat/content_type.h"

namespace cloister::api::librechat {
namespace {

constexpr int kBlocksMax = 64;  // Chunks or segments that are looked at.

// Fills `buffer` from that place of the file; false when there are fewer bytes.
bool read_at(int fd, std::uint64_t offset, std::span<unsigned char> buffer) {
  std::size_t used = 0;
  while (used < buffer.size()) {
    const ssize_t count =
        ::pread(fd, buffer.data() + used, buffer.size() - used, static_cast<off_t>(offset + used));
    if (count <= 0) return false;
    used += static_cast<std::size_t>(count);
  }
  return true;
}

std::uint32_t big_16(const unsigned char* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 8U | bytes[1];
}
std::uint32_t big_32(const unsigned char* bytes) {
  return big_16(bytes) << 16U | big_16(bytes + 2);
}
std::uint32_t little_16(const unsigned char* bytes) {
  return static_cast<std::uint32_t>(bytes[1]) << 8U | bytes[0];
}

std::optional<ImageSize> sized(std::uint32_t width, std::uint32_t height) {
  constexpr std::uint32_t kMost = 0x7fffffffU;  // The bound that PNG has.
  if (width == 0 || height == 0 || width > kMost || height > kMost) return std::nullopt;
  return ImageSize{width, height, {}};
}

bool is_type(const unsigned char* bytes, std::string_view type) {
  return std::string_view(reinterpret_cast<const char*>(bytes), type.size()) == type;
}

// pHYs: pixels per unit in x and y, and the unit; 1 is a metre.
void read_png_density(const std::array<unsigned char, 9>& data, ImageSize& size) {
  constexpr double kMetresPerInch = 0.0254;
  constexpr std::uint32_t kMost = 1'000'000;
  const std::uint32_t x = big_32(data.data());
  if (x == 0 || x > kMost || x != big_32(data.data() + 4) || data[8] != 1) return;
  size.dpi = static_cast<std::uint32_t>(std::lround(x * kMetresPerInch));
}

// The signature, then chunks: length, type, data, checksum. IHDR is the first one.
std::optional<ImageSize> png_size(int fd) {
  std::array<unsigned char, 24> head{};
  if (!read_at(fd, 0, head) || !is_type(&head[12], "IHDR")) return std::nullopt;
  std::optional<ImageSize> size = sized(big_32(&head[16]), big_32(&head[20]));
  if (!size) return std::nullopt;
  std::uint64_t offset = 8;
  for (int block = 0; block < kBlocksMax; ++block) {
    std::array<unsigned char, 8> chunk{};
    if (!read_at(fd, offset, chunk) || is_type(&chunk[4], "IDAT")) break;
    const std::uint32_t length = big_32(chunk.data());
    if (is_type(&chunk[4], "pHYs") && length == 9) {
      std::array<unsigned char, 9> data{};
      if (read_at(fd, offset + 8, data)) read_png_density(data, *size);
      break;
    }
    offset += 12 + std::uint64_t{length};
  }
  return size;
}

// APP0 "JFIF": version, unit (1: inch, 2: centimetre), density in x and y.
std::optional<std::uint32_t> jfif_density(const std::array<unsigned char, 12>& data) {
  constexpr double kCentimetresPerInch = 2.54;
  if (!is_type(data.data(), "JFIF")) return std::nullopt;
  const std::uint32_t x = big_16(&data[8]);
  if (x == 0 || x != big_16(&data[10])) return std::nullopt;
  if (data[7] == 1) return x;
  if (data[7] == 2) return static_cast<std::uint32_t>(std::lround(x * kCentimetresPerInch));
  return std::nullopt;
}

// SOF0 to SOF15 without those numbers that mean something else.
bool is_frame(unsigned marker) {
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// Segments: 0xff, marker, length with itself, data. The frame's has the size.
std::optional<ImageSize> jpeg_size(int fd) {
  std::optional<std::uint32_t> dpi;
  std::uint64_t offset = 2;
  for (int block = 0; block < kBlocksMax; ++block) {
    std::array<unsigned char, 4> segment{};
    if (!read_at(fd, offset, segment) || segment[0] != 0xff) return std::nullopt;
    const unsigned marker = segment[1];
    if (marker == 0xff) {  // Padding before a marker.
      ++offset;
      continue;
    }
    const std::uint32_t length = big_16(&segment[2]);
    if (length < 2) return std::nullopt;
    if (marker == 0xe0 && length >= 14) {
      std::array<unsigned char, 12> data{};
      if (read_at(fd, offset + 4, data)) dpi = jfif_density(data);
    }
    if (is_frame(marker)) {
      std::array<unsigned char, 5> data{};
      if (!read_at(fd, offset + 4, data)) return std::nullopt;
      std::optional<ImageSize> size = sized(big_16(&data[3]), big_16(&data[1]));
      if (size) size->dpi = dpi;
      return size;
    }
    offset += 2 + std::uint64_t{length};
  }
  return std::nullopt;
}

}  // namespace

bool has_image_name(std::string_view path) {
  const std::string_view type = content_type_of(path);
  return type == "image/png" || type == "image/jpeg" || type == "image/gif";
}

std::optional<ImageSize> read_image_size(int fd) {
  std::array<unsigned char, 10> head{};
  if (!read_at(fd, 0, head)) return std::nullopt;
  if (is_type(head.data(), "\x89PNG\r\n\x1a\n")) return png_size(fd);
  if (is_type(head.data(), "\xff\xd8\xff")) return jpeg_size(fd);
  if (is_type(head.data(), "GIF87a") || is_type(head.data(), "GIF89a")) {
    return sized(little_16(&head[6]), little_16(&head[8]));
  }
  return std::nullopt;
}

}  // namespace cloister::api::librechat
