// The loopback interface of the calling process's network namespace. Post-fork safe.
#pragma once

namespace cloister::os {

// Sets the interface "lo" up. Needs CAP_NET_ADMIN over the namespace. 0 or an errno value.
int bring_loopback_up();

}  // namespace cloister::os
