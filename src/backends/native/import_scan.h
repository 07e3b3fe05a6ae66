// A look at a program's imports, to pick an interpreter that has them loaded.
#pragma once

#include <string_view>

#include "sandbox/protocol.h"

namespace cloister::backends::native {

// The largest zygote that the program's import statements call for. A wrong guess costs time, never
// correctness: the interpreter then imports what is missing itself.
sandbox::Zygote pick_zygote(std::string_view python_code);

}  // namespace cloister::backends::native
