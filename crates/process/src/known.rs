//! Every setting by name, read off what parses it: for `--help` and docs/configuration.md.

use bloom_web::Definition;
use clap::{Arg, Args as _, Command};

use crate::settings::Settings;

/// A setting, as its document says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Name of the environment variable.
    pub name: String,
    /// What holds without it; empty when nothing does.
    pub default: String,
    /// What it says.
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

/// The environment variables that a command reads by itself, in the order of its help.
pub fn settings_of(command: &Command) -> Vec<Setting> {
    command.get_arguments().filter_map(Setting::of).collect()
}

/// The settings of every process.
pub fn settings_of_all() -> Vec<Setting> {
    settings_of(&Settings::augment_args(Command::new("bloom")))
}

/// The settings that a service has besides.
pub fn settings_of_service(definition: &Definition) -> Vec<Setting> {
    let all = settings_of_all();
    let mut own = settings_of(&(definition.settings)(Command::new(definition.name)));
    own.retain(|setting| all.iter().all(|other| other.name != setting.name));
    own
}

/// The same as a text below a command's help.
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
