// How many descriptors this process may hold.
#pragma once

namespace cloister::os {

// Raises the limit to the most that the host allows without privilege. Besides the descriptors of
// connections and sandboxes the kernel counts those on their way through sockets against it. Best
// effort: with a low hard limit the process serves less. Post-fork safe.
void raise_descriptor_limit();

}  // namespace cloister::os
