#include "os/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace cloister::os {

int limit_bounding_set(CapabilitySet kept) {
  // Numbers beyond the kernel's last capability give EINVAL: the end of the list.
  for (int number = 0; number < 64; ++number) {
    if ((kept & capability(number)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
      if (errno == EINVAL) break;
      return errno;
    }
  }
  return 0;
}

int set_capabilities(CapabilitySet kept) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  data[0].effective = data[0].permitted = static_cast<std::uint32_t>(kept);
  data[1].effective = data[1].permitted = static_cast<std::uint32_t>(kept >> 32);
  if (::syscall(SYS_capset, &header, data) != 0) return errno;
  return 0;
}

int limit_capabilities(CapabilitySet kept) {
  const int error = limit_bounding_set(kept);
  return error != 0 ? error : set_capabilities(kept);
}

}  // namespace cloister::os
