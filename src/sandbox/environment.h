// The environment of every sandboxed program, and where programs are looked for.
#pragma once

namespace cloister::sandbox {

inline constexpr const char* kPythonPath = "/usr/bin/python3";

// The PYTHON* values and MPLCONFIGDIR are those that programs written for the python-sandbox
// service find there. One BLAS thread: a sandbox has about one core, and interpreters fork without
// threads.
inline constexpr const char* kSandboxEnvironment[] = {
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "HOME=/",
    "LANG=C.UTF-8",
    "TZ=UTC",
    "PYTHONUNBUFFERED=1",
    "PYTHONDONTWRITEBYTECODE=1",
    "PYTHONIOENCODING=utf-8",
    "MPLCONFIGDIR=/tmp/matplotlib",
    "MPLBACKEND=Agg",
    "XDG_CACHE_HOME=/tmp/.cache",
    "OPENBLAS_NUM_THREADS=1",
    nullptr,
};

}  // namespace cloister::sandbox
