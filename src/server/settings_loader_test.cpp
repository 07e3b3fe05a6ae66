#include "server/settings_loader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "server/settings_value.h"

namespace cloister::server {
namespace {

// A settings file that is gone when the test is over.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content)
      : path_(testing::TempDir() + "cloister-settings-" + std::to_string(getpid()) + ".toml") {
    std::ofstream(path_) << content;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

std::string origin_of(const LoadedSettings& loaded, std::string_view name) {
  return loaded.origins[find_setting(name).value()];
}

std::string error_of(const SettingsSources& sources) {
  const auto loaded = load_settings(sources);
  return loaded ? "" : loaded.error().message;
}

TEST(Settings, DefaultsAreTheContracts) {
  const auto loaded = load_settings({});
  ASSERT_TRUE(loaded);
  const Settings& values = loaded->values;
  EXPECT_EQ(values.host, "127.0.0.1");
  EXPECT_EQ(values.port, 8000);
  EXPECT_EQ(values.max_exec_timeout_ms, 60000);
  EXPECT_EQ(values.max_output_bytes, 1000000);
  EXPECT_EQ(values.cpu_time_limit_sec, 5);
  EXPECT_EQ(values.memory_limit_mb, 256);
  EXPECT_EQ(values.max_file_size_mb, 100);
  EXPECT_EQ(values.file_ttl_sec, 3600);
  EXPECT_EQ(values.max_concurrent_executions, 16);
  EXPECT_EQ(values.execution_queue_timeout_sec, 5);
  EXPECT_EQ(values.backend_check_timeout_sec, 2.5);
  for (const std::string& origin : loaded->origins)
    EXPECT_EQ(origin, "default");
}

TEST(Settings, EveryDefaultIsWithinItsBounds) {
  for (const SettingSpec& spec : settings_table()) {
    Settings settings;
    EXPECT_TRUE(parse_setting(spec, value_text(spec, Settings()), "test", settings)) << spec.name;
  }
}

TEST(Settings, CommandLineBeatsEnvironmentBeatsFile) {
  const TemporaryFile file("port = 1\nprocesses = 2\ntmp_mb = 3\ndocs = false\n");
  SettingsSources sources;
  sources.config_path = file.path();
  sources.environment = {{"PORT", "11"}, {"CLOISTER_PROCESSES", "12"}};
  sources.command_line = {{"port", "21"}};
  const auto loaded = load_settings(sources);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->values.port, 21);
  EXPECT_EQ(loaded->values.processes, 12);
  EXPECT_EQ(loaded->values.tmp_mb, 3);
  EXPECT_FALSE(loaded->values.docs);
  EXPECT_EQ(origin_of(*loaded, "port"), "command line");
  EXPECT_EQ(origin_of(*loaded, "processes"), "environment CLOISTER_PROCESSES");
  EXPECT_EQ(origin_of(*loaded, "tmp_mb"), "file " + file.path());
  EXPECT_EQ(origin_of(*loaded, "user"), "default");
}

TEST(Settings, OwnVariableBeatsTheLegacyOne) {
  SettingsSources sources;
  sources.environment = {{"PORT", "1"}, {"CLOISTER_PORT", "2"}};
  const auto loaded = load_settings(sources);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->values.port, 2);
}

TEST(Settings, EmptyVariableCountsAsUnset) {
  SettingsSources sources;
  sources.environment = {{"PORT", ""}, {"CLOISTER_PORT", ""}, {"MEMORY_LIMIT_MB", ""}};
  const auto loaded = load_settings(sources);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->values.port, 8000);
  EXPECT_EQ(loaded->values.memory_limit_mb, 256);
}

TEST(Settings, ConfigVariableNamesTheFile) {
  const TemporaryFile file("accept_weaker = [\"landlock\", \"cgroups\"]\n");
  SettingsSources sources;
  sources.environment = {{"CLOISTER_CONFIG", file.path()}};
  const auto loaded = load_settings(sources);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->values.accept_weaker, (std::vector<std::string>{"landlock", "cgroups"}));
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Settings, FileErrorsNameTheKeyAndTheLine) {
  const TemporaryFile unknown("port = 1\nporte = 2\n");
  EXPECT_EQ(error_of({unknown.path(), {}, {}, false}),
            unknown.path() + ": line 2: there is no setting 'porte'");
  const TemporaryFile broken("port = = 1\n");
  EXPECT_NE(error_of({broken.path(), {}, {}, false}).find("line 1"), std::string::npos);
  EXPECT_NE(error_of({"/nonexistent/cloister.toml", {}, {}, false}), "");
}

TEST(Settings, BadValuesNameSettingSourceAndBounds) {
  SettingsSources sources;
  sources.environment = {{"MEMORY_LIMIT_MB", "15"}};
  EXPECT_EQ(error_of(sources),
            "memory_limit_mb: '15' (from environment MEMORY_LIMIT_MB) is not allowed; it has to be "
            "an integer from 16 to 1048576");
  for (const char* value : {"x", "1x", "1.5", "", "-1", "65536", "0x10", "99999999999999999999"}) {
    EXPECT_NE(error_of({"", {}, {{"port", value}}, false}), "") << value;
  }
  for (const char* value : {"nan", "-1", "x"}) {
    EXPECT_NE(error_of({"", {}, {{"execution_queue_timeout_sec", value}}, false}), "") << value;
  }
  EXPECT_NE(error_of({"", {}, {{"docs", "maybe"}}, false}), "");
  EXPECT_NE(error_of({"", {}, {{"python_start", "slow"}}, false}), "");
  EXPECT_EQ(error_of({"", {}, {{"port", "65535"}}, false}), "");
}

TEST(Settings, PublicAddressNeedsTheExplicitSetting) {
  SettingsSources sources;
  sources.environment = {{"HOST", "0.0.0.0"}};
  const std::string error = error_of(sources);
  EXPECT_NE(error.find("environment HOST"), std::string::npos);
  EXPECT_NE(error.find("CLOISTER_ALLOW_PUBLIC=true"), std::string::npos);
  sources.environment["CLOISTER_ALLOW_PUBLIC"] = "1";
  EXPECT_EQ(error_of(sources), "");
  for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) {
    EXPECT_EQ(error_of({"", {}, {{"host", host}}, false}), "") << host;
  }
  for (const char* host : {"::", "10.0.0.1", "127.example.org", "example.org", "0"}) {
    EXPECT_NE(error_of({"", {}, {{"host", host}}, false}), "") << host;
  }
}

TEST(Settings, LegacyEnvironmentKeepsWorking) {
  SettingsSources sources;
  sources.environment = {{"EXECUTOR_BACKEND", "docker"},
                         {"LOG_LEVEL", "chatty"},
                         {"PYTHON_EXECUTOR_DOCKER_IMAGE", "example/runner"},
                         {"KUBERNETES_EXECUTOR_NAMESPACE", "default"}};
  auto loaded = load_settings(sources);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->values.executor_backend, "native");
  EXPECT_EQ(loaded->values.log_level, "info");
  EXPECT_EQ(loaded->warnings.size(), 2U);
  ASSERT_EQ(loaded->notes.size(), 1U);
  EXPECT_NE(loaded->notes[0].find("PYTHON_EXECUTOR_DOCKER_IMAGE"), std::string::npos);
  EXPECT_NE(loaded->notes[0].find("KUBERNETES_EXECUTOR_NAMESPACE"), std::string::npos);

  sources.environment = {{"LOG_LEVEL", "INFO"}, {"LOG_FORMAT", "JSON"}};
  loaded = load_settings(sources);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->values.log_format, "json");
  EXPECT_NE(error_of({"", {{"CLOISTER_LOG_LEVEL", "chatty"}}, {}, false}), "");
  EXPECT_NE(error_of({"", {{"EXECUTOR_BACKEND", "other"}}, {}, false}), "");
}

TEST(Settings, LibreChatProxyEnvironmentKeepsWorking) {
  SettingsSources sources;
  sources.environment = {
      {"CI_CI_API_KEY", "prefixed"},           {"ci_port", "8123"},
      {"CI_SESSION_TTL_MINUTES", "5"},         {"CI_MAX_FILE_SIZE_BYTES", "1000"},
      {"CI_SANDBOX_SWEEP_ON_STARTUP", "off"},  {"CI_BACKEND", "docker"},
      {"CI_SANDBOX_IMAGE_PREFIXES", "[\"x\"]"}};
  auto loaded = load_settings(sources);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->values.librechat_api_key, "prefixed");
  EXPECT_EQ(loaded->values.port, 8123);
  EXPECT_EQ(loaded->values.librechat_session_ttl_min, 5);
  EXPECT_EQ(loaded->values.librechat_upload_bytes, 1000);
  EXPECT_FALSE(loaded->values.sweep_on_start);
  ASSERT_EQ(loaded->notes.size(), 1U);
  EXPECT_NE(loaded->notes[0].find("CI_BACKEND"), std::string::npos);

  sources.environment = {{"CI_CI_API_KEY", "prefixed"}, {"CI_API_KEY", "documented"}};
  loaded = load_settings(sources);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->values.librechat_api_key, "documented");
}

TEST(Settings, APublicAddressNeedsAuthenticationOfEveryApi) {
  EXPECT_NE(error_of({"", {{"HOST", "0.0.0.0"}}, {}, false}), "");
  EXPECT_NE(error_of({"", {{"HOST", "0.0.0.0"}, {"CI_API_KEY", "mine"}}, {}, false})
                .find("the Onyx API has no authentication"),
            std::string::npos);
  const Environment librechat = {{"HOST", "0.0.0.0"}, {"CLOISTER_DIALECTS", "librechat"}};
  EXPECT_NE(error_of({"", librechat, {}, false}).find("CI_API_KEY"), std::string::npos);
  Environment with_key = librechat;
  with_key["CI_API_KEY"] = "mine";
  EXPECT_EQ(error_of({"", with_key, {}, false}), "");
  with_key["CLOISTER_LIBRECHAT_AUTH"] = "off";
  EXPECT_NE(error_of({"", with_key, {}, false}), "");
  EXPECT_NE(error_of({"", {{"CLOISTER_DIALECTS", "esperanto"}}, {}, false}), "");
}

TEST(Settings, ServiceLinksOfKubernetesAreNotSettings) {
  SettingsSources sources;
  sources.environment = {{"CLOISTER_PORT", "tcp://10.0.0.1:8000"},
                         {"CLOISTER_PORT_8000_TCP_ADDR", "10.0.0.1"},
                         {"CLOISTER_SERVICE_HOST", "10.0.0.1"},
                         {"PORT", "81"}};
  const auto loaded = load_settings(sources);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->values.port, 81);
  EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Settings, UnknownOwnVariablesAreWarnedOf) {
  const auto loaded = load_settings({"", {{"CLOISTER_PROT", "1"}}, {}, false});
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->warnings.size(), 1U);
  EXPECT_NE(loaded->warnings[0].find("CLOISTER_PROT"), std::string::npos);
}

TEST(Settings, StateDirectoryFollowsTheUser) {
  EXPECT_EQ(load_settings({"", {}, {}, true})->values.state_dir, "/var/lib/cloister");
  EXPECT_EQ(load_settings({"", {{"HOME", "/people/x"}}, {}, false})->values.state_dir,
            "/people/x/.local/share/cloister");
  const auto loaded =
      load_settings({"", {{"HOME", "/people/x"}, {"XDG_DATA_HOME", "/data"}}, {}, false});
  EXPECT_EQ(loaded->values.state_dir, "/data/cloister");
  EXPECT_EQ(loaded->values.file_storage_dir, "/data/cloister/data/blobs");
}

}  // namespace
}  // namespace cloister::server
