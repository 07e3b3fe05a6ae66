// The size of a picture, from the header of its file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cloister::api::librechat {

struct ImageSize {
  std::uint32_t width = 0;  // In pixels, never 0.
  std::uint32_t height = 0;
  std::optional<std::uint32_t> dpi;  // Where the file says it, the same in both directions.
};

// True for names that end like those of the formats that read_image_size() knows.
bool has_image_name(std::string_view path);

// PNG, JPEG and GIF, whatever the file's name. Reads a bounded part of it, with pread. Nothing for
// other files and for headers that make no sense.
std::optional<ImageSize> read_image_size(int fd);

}  // namespace cloister::api::librechat
