//! Lists every setting by name, taken from the command-line parser: for `--help` and docs/configuration.md.

use bloom_web::Definition;
use clap::{Arg, Args as _, Command};

use crate::settings::Settings;

/// A setting as it is documented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Name of the environment variable.
    pub name: String,
    /// The default value; empty if there is none.
    pub default: String,
    /// The description.
    pub meaning: String,
}

impl Setting {
    fn of(argument: &Arg) -> Option<Self> {
        let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        Some(Self {
            name: argument.get_env()?.to_str()?.to_owned(),
            default: defaults.join(","),
            meaning: argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default(),
        })
    }
}

/// The environment variables of a command itself, without subcommands, in the order of its help.
pub fn settings_of(command: &Command) -> Vec<Setting> {
    command.get_arguments().filter_map(Setting::of).collect()
}

/// The settings of every process.
pub fn settings_of_all() -> Vec<Setting> {
    settings_of(&Settings::augment_args(Command::new("bloom")))
}

/// The additional settings of a service.
pub fn settings_of_service(definition: &Definition) -> Vec<Setting> {
    let all = settings_of_all();
    let mut own = settings_of(&(definition.settings)(Command::new(definition.name)));
    own.retain(|setting| all.iter().all(|other| other.name != setting.name));
    own
}

/// A service's additional settings as a text for its help.
pub fn own_settings(definition: &Definition) -> String {
    use std::fmt::Write as _;
    let own = settings_of_service(definition);
    if own.is_empty() {
        return String::new();
    }
    let mut text = format!("Settings of {}, from the environment only:\n", definition.name);
    for Setting { name, default, meaning } in own {
        let default = if default.is_empty() { default } else { format!(" [default: {default}]") };
        let _ = writeln!(text, "  {name}\n          {meaning}{default}");
    }
    text
}
