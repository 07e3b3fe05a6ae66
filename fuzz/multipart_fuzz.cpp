// Feeds arbitrary bytes to the multipart parser, whole and cut in pieces; both must agree.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/multipart.h"

namespace {

class Recorder final : public cloister::net::MultipartSink {
 public:
  cloister::Result<void> on_part_begin(const cloister::net::PartHeader& header) override {
    require(!open_);
    open_ = true;
    text +=
        "<" + header.name + "|" + header.filename.value_or("-") + "|" + header.content_type + ">";
    return {};
  }
  cloister::Result<void> on_part_data(std::string_view bytes) override {
    require(open_);
    text += bytes;
    return {};
  }
  cloister::Result<void> on_part_end() override {
    require(open_);
    open_ = false;
    text += "</>";
    return {};
  }
  std::string text;

 private:
  static void require(bool condition) {
    if (!condition) std::abort();
  }
  bool open_ = false;
};

std::string parse(std::string_view body, std::size_t piece_size) {
  Recorder recorder;
  cloister::net::MultipartParser parser("b", recorder);
  bool good = true;
  while (good && !body.empty()) {
    const std::size_t length = std::min(piece_size, body.size());
    good = parser.feed(body.substr(0, length)).has_value();
    body.remove_prefix(length);
  }
  if (good) good = parser.finish().has_value();
  return recorder.text + std::to_string(static_cast<int>(parser.problem()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece_size = 1 + data[0] % 32;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as text.
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (parse(body, body.size() + 1) != parse(body, piece_size)) std::abort();
  return 0;
}
