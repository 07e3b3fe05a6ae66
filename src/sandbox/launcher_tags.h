// What the launcher's epoll set tells about a descriptor that is ready.
#pragma once

#include <cstdint>

namespace cloister::sandbox {

// What epoll says is ready: a kind in the upper byte and a token or number below.
inline constexpr std::uint64_t kKindShift = 56;
enum class Tag : std::uint64_t { kServer = 1, kSignals = 2, kZygote = 3, kInit = 4 };

inline std::uint64_t make_tag(Tag kind, std::uint64_t value = 0) {
  return static_cast<std::uint64_t>(kind) << kKindShift | value;
}

}  // namespace cloister::sandbox
