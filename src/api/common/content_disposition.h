// The header that names a download.
#pragma once

#include <string>
#include <string_view>

namespace cloister::api {

// `attachment; filename="<name>"`, with `"` and `\` escaped. A name with characters outside
// printable ASCII gets an ASCII fallback ('_' for each such character) and the true name as RFC
// 8187 filename*. The result never contains a control character. `name` should be UTF-8.
std::string content_disposition(std::string_view name);

}  // namespace cloister::api
