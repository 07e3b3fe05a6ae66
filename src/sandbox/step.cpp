#include "sandbox/step.h"

namespace cloister::sandbox {

const char* step_name(std::uint32_t step) {
  static constexpr const char* kNames[] = {
      "none",
      "receive the request",
      "create the cgroup",
      "enter the cgroup",
      "change the limits of the cgroup",
      "clone the namespaces",
      "write the identity maps",
      "take the sandbox's identity",
      "unshare the cgroup namespace",
      "mount the workspace",
      "mount /program",
      "mount /tmp",
      "mount /dev/shm",
      "mount /proc",
      "mask /proc",
      "bring up the loopback interface",
      "set the host name",
      "drop the init's capabilities",
      "fork",
      "join the namespaces",
      "enter the working directory",
      "connect the standard streams",
      "close other descriptors",
      "set resource limits",
      "set no_new_privs",
      "restrict with Landlock",
      "drop capabilities",
      "load the seccomp filter",
      "execute the program",
      "start a zygote",
      "mount the image",
      "mount /proc for the launcher",
      "make /dev",
      ("find /program and the other mount points in the image; one that was built by an older "
       "version has to be built again: cloister image build"),
      "make /cloister",
      "pivot into the image",
      "make the launcher's namespaces",
  };
  static_assert(sizeof kNames / sizeof kNames[0] == static_cast<std::size_t>(Step::kCount));
  return step < static_cast<std::uint32_t>(Step::kCount) ? kNames[step] : "unknown step";
}

}  // namespace cloister::sandbox
