#include "api/common/multipart_body.h"

#include <vector>

namespace cloister::api {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;

}  // namespace

Fed feed_body(net::Request& request, net::MultipartParser& parser, std::uint64_t limit) {
  std::vector<char> buffer(kReadBytes);
  std::uint64_t total = 0;
  while (true) {
    const Result<std::size_t> count = request.read_body(buffer);
    if (!count) return {fail(count.error()), true};
    if (*count == 0) return {parser.finish()};
    total += *count;
    if (total > limit) return {fail(ErrorCode::kTooLarge, "The form is too large")};
    Result<void> taken = parser.feed({buffer.data(), *count});
    if (!taken) return {std::move(taken)};
  }
}

}  // namespace cloister::api
