// From the operator's settings to the limits and options of each part.
#pragma once

#include <string>
#include <vector>

#include "api/onyx/onyx.h"
#include "api/operations/health_monitor.h"
#include "api/operations/operations.h"
#include "engine/admission.h"
#include "engine/sessions.h"
#include "engine/stored_files.h"
#include "net/http_server_limits.h"
#include "sandbox/layers.h"
#include "sandbox/limits.h"
#include "server/settings.h"

namespace cloister::server {

Milliseconds milliseconds(double seconds);

// What the server itself writes: the database, and the files' bytes unless they are elsewhere.
std::string data_directory(const Settings& settings);
// What `cloister image` writes.
std::string images_directory(const Settings& settings);
// With its parents, mode 0700 when it is new.
Result<void> make_private_directory(const std::string& path);

engine::AdmissionLimits admission_limits(const Settings& settings);
engine::SessionLimits session_limits(const Settings& settings);
engine::StoredFilesLimits stored_files_limits(const Settings& settings);
api::operations::HealthLimits health_limits(const Settings& settings);
api::operations::OperationsOptions operations_options(
    const Settings& settings, const std::string& version,
    const std::vector<sandbox::LayerReport>& layers);
api::onyx::OnyxOptions onyx_options(const Settings& settings);
net::HttpServerLimits http_limits(const Settings& settings);
sandbox::SandboxLimits sandbox_limits(const Settings& settings);
// A run gives back no more bytes than its workspace holds: a sparse file can claim to be larger.
engine::OutputLimits output_limits(const Settings& settings);

}  // namespace cloister::server
