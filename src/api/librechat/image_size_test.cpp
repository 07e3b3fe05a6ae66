#include "api/librechat/image_size.h"

#include <gtest/gtest.h>

#include <string>

#include "testing/memory_file.h"

namespace cloister::api::librechat {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values)
    text += static_cast<char>(value);
  return text;
}

std::optional<ImageSize> size_of(const std::string& content) {
  return read_image_size(fakes::memory_file(content).get());
}

const std::string kPngStart = bytes({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});

std::string chunk(const std::string& type, const std::string& data) {
  return bytes({0, 0, 0, static_cast<int>(data.size())}) + type + data + "crc.";
}
std::string header_chunk(int width, int height) {
  return chunk("IHDR", bytes({0, 0, width >> 8, width & 255, 0, 0, height >> 8, height & 255, 8, 6,
                              0, 0, 0}));
}

TEST(ImageSize, Png) {
  const auto plain = size_of(kPngStart + header_chunk(640, 480) + chunk("IDAT", "x"));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->width, 640U);
  EXPECT_EQ(plain->height, 480U);
  EXPECT_FALSE(plain->dpi);
  // 3937 pixels a metre are 100 an inch.
  const std::string density = chunk("pHYs", bytes({0, 0, 15, 97, 0, 0, 15, 97, 1}));
  const auto measured =
      size_of(kPngStart + header_chunk(1, 2) + chunk("tEXt", "a=b") + density + chunk("IDAT", "x"));
  ASSERT_TRUE(measured);
  EXPECT_EQ(measured->dpi, 100U);
  const std::string ratio = chunk("pHYs", bytes({0, 0, 15, 97, 0, 0, 15, 97, 0}));
  EXPECT_FALSE(size_of(kPngStart + header_chunk(1, 2) + ratio)->dpi);
}

TEST(ImageSize, Jpeg) {
  const std::string jfif =
      bytes({0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 1, 0, 96, 0, 96, 0, 0});
  const std::string table = bytes({0xff, 0xc4, 0, 4, 1, 2});
  const std::string frame = bytes({0xff, 0xc2, 0, 17, 8, 0, 200, 1, 64, 3});
  const auto size = size_of(bytes({0xff, 0xd8}) + jfif + table + "\xff" + frame);
  ASSERT_TRUE(size);
  EXPECT_EQ(size->width, 320U);
  EXPECT_EQ(size->height, 200U);
  EXPECT_EQ(size->dpi, 96U);
}

TEST(ImageSize, Gif) {
  const auto size = size_of("GIF89a" + bytes({10, 1, 20, 0, 0, 0, 0}));
  ASSERT_TRUE(size);
  EXPECT_EQ(size->width, 266U);
  EXPECT_EQ(size->height, 20U);
}

TEST(ImageSize, WhatIsNoPictureHasNone) {
  EXPECT_FALSE(size_of(""));
  EXPECT_FALSE(size_of("just some text that is long enough"));
  EXPECT_FALSE(size_of(kPngStart + "too short"));
  EXPECT_FALSE(size_of(kPngStart + header_chunk(0, 5)));
  EXPECT_FALSE(size_of(bytes({0xff, 0xd8, 0xff, 0xe0, 0, 1, 0, 0, 0, 0})));
  // Segments that never come to a frame.
  EXPECT_FALSE(size_of(bytes({0xff, 0xd8}) + std::string(100'000, '\xff')));
}

TEST(ImageSize, NamesOfPictures) {
  EXPECT_TRUE(has_image_name("a/plot_1.PNG"));
  EXPECT_TRUE(has_image_name("b.jpeg"));
  EXPECT_FALSE(has_image_name("png"));
  EXPECT_FALSE(has_image_name("a.svg"));
}

}  // namespace
}  // namespace cloister::api::librechat
