#include "api/librechat/fallbacks.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/librechat/answer.h"
#include "net/request_head.h"

namespace cloister::api::librechat {
namespace {

// "exec" for "/exec/x"
std::string_view first_part(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return path.substr(0, path.find('/'));
}

bool is_below(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

}  // namespace

bool is_own_path(std::string_view path, std::string_view api_prefix) {
  if (is_below(path, api_prefix) || is_below(path, "/librechat")) return true;
  if (is_below(path, "/v1")) {
    // Files and sessions are those of other dialects there.
    constexpr std::array<std::string_view, 3> kOwn = {"exec", "upload", "download"};
    return std::ranges::find(kOwn, first_part(path.substr(3))) != kOwn.end();
  }
  constexpr std::array<std::string_view, 5> kBegins = {"exec", "upload", "download", "files",
                                                       "sessions"};
  return std::ranges::any_of(kBegins, [part = first_part(path)](std::string_view begin) {
    return part.starts_with(begin);
  });
}

net::FallbackHandlers fallbacks(net::FallbackHandlers others, std::string api_prefix) {
  return {[others = std::move(others), api_prefix = std::move(api_prefix)](
              int status, const net::Request* request) -> net::PlainAnswer {
    if (request == nullptr || !is_own_path(request->path(), api_prefix)) {
      return others.error(status, request);
    }
    Answer answer = refusal_answer(status, net::reason_phrase(status));
    return {answer.status, std::move(answer.headers), std::move(answer.body)};
  }};
}

}  // namespace cloister::api::librechat
