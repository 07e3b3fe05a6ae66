#include "store/database.h"

namespace cloister::store {

WallTime Row::time(int column) const {
  return WallTime(Microseconds(number(column)));
}

std::optional<WallTime> Row::optional_time(int column) const {
  if (is_null(column)) return std::nullopt;
  return time(column);
}

}  // namespace cloister::store
