#include "cli/arguments.h"

#include <deque>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "server/settings.h"

namespace cloister::cli {
namespace {

constexpr int kUsageError = 2;

// One option for each setting; remembers what was given.
class SettingOptions {
 public:
  void add_to(CLI::App& app) {
    const server::Settings defaults;
    for (const server::SettingSpec& spec : server::settings_table()) {
      const std::string help = std::string(spec.help) + " [" + environment_name(spec) + "]";
      std::string& text = texts_.emplace_back();
      CLI::Option* option = std::holds_alternative<server::BooleanKind>(spec.kind)
                                ? app.add_flag(option_name(spec), text, help)
                                : app.add_option(option_name(spec), text, help)->type_name("");
      option->default_str(value_text(spec, defaults))->group("Settings");
      options_.push_back({std::string(spec.name), option, &text});
    }
  }

  void take(std::vector<std::pair<std::string, std::string>>& settings) const {
    for (const Entry& entry : options_) {
      if (entry.option->count() > 0) settings.emplace_back(entry.name, *entry.text);
    }
  }

 private:
  struct Entry {
    std::string name;
    CLI::Option* option;
    const std::string* text;
  };
  std::deque<std::string> texts_;  // Options keep references to its elements.
  std::vector<Entry> options_;
};

// The commands, and where their arguments go.
class CommandLine {
 public:
  explicit CommandLine(const std::string& version)
      : app_("Cloister runs untrusted code in native Linux sandboxes, behind an HTTP API.",
             "cloister") {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "cloister " + version);
    app_.add_option("--config", arguments_.config_path, "Settings file (TOML) [CLOISTER_CONFIG]");
    app_.fallthrough();

    command("serve", "Serve the API", Command::kServe);
    with_json(command("config", "Print every setting, its value and its origin", Command::kConfig));
    with_json(command("doctor", "Look at what this host offers for isolation", Command::kDoctor));
    command("version", "Print the version", Command::kVersion);
    command("health", "Ask the running server for its health", Command::kHealth);
    add_image_commands();
  }

  ParsedArguments parse(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const bool is_error = app_.exit(error) != 0;
      return {std::nullopt, is_error ? kUsageError : 0};
    }
    for (const SettingOptions& options : settings_)
      options.take(arguments_.settings);
    return {arguments_, 0};
  }

 private:
  CLI::App* add(CLI::App& parent, const char* name, const char* help, Command value) {
    CLI::App* app = parent.add_subcommand(name, help);
    app->callback([this, value] { arguments_.command = value; });
    return app;
  }
  CLI::App* command(const char* name, const char* help, Command value) {
    CLI::App* app = add(app_, name, help, value);
    if (value != Command::kVersion) settings_.emplace_back().add_to(*app);
    return app;
  }
  void with_json(CLI::App* app) { app->add_flag("--json", arguments_.json, "Print JSON"); }

  void add_image_commands() {
    ImageArguments& image = arguments_.image;
    CLI::App* images = app_.add_subcommand("image", "Make and manage the images of sandboxes");
    images->require_subcommand(1);
    images->fallthrough();
    // The settings of `image` itself: state_dir says where the images are.
    settings_.emplace_back().add_to(*images);

    CLI::App* build = add(*images, "build", "Build an image from a recipe", Command::kImageBuild);
    build->add_option("recipe", image.name, "Name of a recipe, or the path of a recipe.toml")
        ->default_str("default");
    build->add_option("--recipes", image.recipes, "Directory with <name>/recipe.toml");
    build->add_option("--suite", image.suite, "Debian suite instead of the recipe's");
    build->add_option("--mirror", image.mirror, "Debian mirror instead of the host's");
    build->add_option("--keyring", image.keyring, "Keyring that verifies the mirror");
    build->add_option("--packages", image.packages, "The whole list of Debian packages")
        ->delimiter(',');
    build->add_option("--add-packages", image.add_packages, "Further Debian packages")
        ->delimiter(',');
    build->add_option("--pip", image.pip_program, "The pip program")->capture_default_str();
    build->add_flag("--without-pip", image.without_pip, "Leave out what is not from Debian");
    build->add_flag("--force", image.force, "Build even when nothing has changed");

    with_json(add(*images, "list", "List the images", Command::kImageList));
    CLI::App* import =
        add(*images, "import", "Import an OCI or docker-save archive", Command::kImageImport);
    import->add_option("archive", image.archive, "The archive")->required();
    import->add_option("name", image.name, "Name of the image")->required();
    add(*images, "remove", "Remove an image", Command::kImageRemove)
        ->add_option("image", image.name, "Name or digest")
        ->required();
    CLI::App* check = add(*images, "check", "Check an image", Command::kImageCheck);
    check->add_option("image", image.name, "Name or digest")->required();
    check->add_flag("--content", image.content, "Compare every byte with the digest");
  }

  CLI::App app_;
  Arguments arguments_;
  std::deque<SettingOptions> settings_;  // Options refer to its elements.
};

}  // namespace

ParsedArguments parse_arguments(int argc, const char* const* argv, const std::string& version) {
  return CommandLine(version).parse(argc, argv);
}

}  // namespace cloister::cli
