// Whether anybody still waits for a result.
#pragma once

#include "engine/backend.h"

namespace cloister::engine {

// True when the peer has closed its end; without a descriptor never. Does not wait.
bool has_hung_up(const Cancellation& cancellation);

}  // namespace cloister::engine
