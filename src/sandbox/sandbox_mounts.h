// The mounts that make one sandbox out of the image's root. Post-fork safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "sandbox/arm.h"
#include "sandbox/limits.h"

namespace cloister::sandbox {

// What every sandbox of a launcher shares; filled once at the launcher's start, then read-only.
struct MountPlan {
  static constexpr std::size_t kMaxMasks = 32;
  static constexpr std::size_t kMaxCacheFiles = 8;
  static constexpr std::size_t kNameLength = 64;

  // Paths below /proc to hide, such as "kcore"; those that this kernel has.
  std::array<std::array<char, kNameLength>, kMaxMasks> masked_files{};
  std::size_t masked_file_count = 0;
  std::array<std::array<char, kNameLength>, kMaxMasks> masked_directories{};
  std::size_t masked_directory_count = 0;
  // Files of the image's prepared matplotlib cache, linked into /tmp/matplotlib.
  std::array<std::array<char, kNameLength>, kMaxCacheFiles> cache_files{};
  std::size_t cache_file_count = 0;
};

inline constexpr const char* kMatplotlibCache = "/usr/share/cloister/matplotlib";
// Bound over entries of /proc that are to be hidden; made by enter_image_root.
inline constexpr const char* kMaskFile = "/dev/.mask/file";
inline constexpr const char* kMaskDirectory = "/dev/.mask/directory";

// The workspace's other names.
inline constexpr const char* kWorkspaceNames[] = {"/mnt/data", "/sandbox"};

// Looks at /proc and at the image's cache; to be called in the image's root.
MountPlan plan_mounts();

// In a fresh mount namespace whose root is the image: private /workspace (which is /mnt/data and
// /sandbox too), /program, /tmp, /dev/shm and /proc.
ArmFailure mount_sandbox(const MountPlan& plan, const SandboxLimits& limits);

}  // namespace cloister::sandbox
