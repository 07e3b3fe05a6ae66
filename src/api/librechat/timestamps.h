// Points in time as the texts of this dialect.
#pragma once

#include <string>

#include "base/clock.h"

namespace cloister::api::librechat {

// "2025-11-20T09:14:03.120Z"
std::string iso_utc(WallTime time);
// "2025-11-20T09:14:03.120000": UTC without a zone, as the proxy's own routes have it.
std::string iso_naive(WallTime time);
// "Thu, 20 Nov 2025 09:14:03 GMT"
std::string http_date(WallTime time);

}  // namespace cloister::api::librechat
