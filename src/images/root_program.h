// Runs programs of an image with the image as their root, in namespaces of their own, without
// network or devices. They see /proc of their own PID namespace: compilers and virtual machines
// find their libraries by /proc/self/exe. The root must have been prepared (prepare_root), so that
// its /proc is a directory.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/child_program.h"

namespace cloister::images {

// For programs of an image that this host built from Debian's packages: they may write to it.
Result<void> run_trusted_in_root(const std::filesystem::path& root,
                                 const std::vector<std::string>& argv, const LineSink& on_line);

// For programs of any image: an unprivileged user, no capabilities, no new privileges, one minute
// at most, and every process gone afterwards. Returns standard output; standard error goes to
// `on_line`, which may be null. The output is not to be trusted.
Result<std::string> query_in_root(const std::filesystem::path& root,
                                  const std::vector<std::string>& argv,
                                  const LineSink& on_line = nullptr);

}  // namespace cloister::images
