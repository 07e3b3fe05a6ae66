// The steps of making a sandbox. A failed one travels as a number and is shown by its name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cloister::sandbox {

enum class Step : std::uint32_t {
  kNone = 0,
  kReceive,
  kCgroupCreate,
  kCgroupEnter,
  kCgroupResize,
  kClone,
  kIdMap,
  kIdentity,
  kUnshareCgroup,
  kMountWorkspace,
  kMountProgram,
  kMountTmp,
  kMountShm,
  kMountProc,
  kMaskProc,
  kLoopback,
  kHostname,
  kInitCapabilities,
  kFork,
  kJoinNamespaces,
  kWorkingDirectory,
  kStandardStreams,
  kCloseDescriptors,
  kResourceLimits,
  kNoNewPrivileges,
  kLandlock,
  kCapabilities,
  kSeccomp,
  kExec,
  kZygote,
  kImageRoot,
  kImageProc,
  kImageDev,
  kImageMountPoints,
  kImageGuestFiles,
  kPivotRoot,
  kNamespaces,
  kCount,
};

// Post-fork safe; a short text for any value.
const char* step_name(std::uint32_t step);

}  // namespace cloister::sandbox
