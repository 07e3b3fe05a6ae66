// Turns an image's directory into the root of the launcher's own mount namespace, from which every
// sandbox's is copied.
#pragma once

#include <span>
#include <string_view>

#include "sandbox/arm.h"

namespace cloister::sandbox {

// One file below /cloister. The path is plain: relative, no "..", no empty part.
struct GuestFile {
  const char* path;
  std::string_view bytes;
};

// In a fresh user, mount and PID namespace, as its root, with the host's tree still mounted:
// the working directory becomes "/", read-only, without set-user-id and devices; /proc is fresh;
// /dev is a small read-only tree with null, zero, full, random, urandom and an empty shm; /cloister
// is a read-only tree of `guest_files`; /tmp is private. The host's tree is gone afterwards.
ArmFailure enter_image_root(std::span<const GuestFile> guest_files);

}  // namespace cloister::sandbox
