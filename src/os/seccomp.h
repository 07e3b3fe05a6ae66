// Loads a seccomp filter into the calling thread. Post-fork safe.
#pragma once

#include <linux/filter.h>

#include <cstddef>

namespace cloister::os {

// Needs no_new_privs. Irrevocable, inherited by children. 0 or an errno value.
int load_seccomp_filter(const sock_filter* instructions, std::size_t count);

}  // namespace cloister::os
