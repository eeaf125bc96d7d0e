//! Settings by their names, for those who start an opwatch of their own: the demo, tests, the fuzzer.

use std::collections::BTreeMap;

use clap::{Arg, Args, Command, FromArgMatches};

use super::{BadSettings, ServeArgs, Settings};

/// The settings of a service by their names, as a deployment has them. The environment has no say.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl<T: Into<String>, const N: usize> From<[(&str, T); N]> for Variables {
    fn from(settings: [(&str, T); N]) -> Self {
        Self(settings.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
    }
}

impl Variables {
    /// Every setting of the service, by name, in the order in which it is defined.
    pub fn names() -> Vec<String> {
        command().get_arguments().filter_map(name).collect()
    }

    /// Sets the setting `name`.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// As if it had never been set.
    pub fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Adds an item to the list that the setting `name` is.
    pub fn append(&mut self, name: &str, item: &str) {
        let list = self.get(name).map_or_else(|| item.to_owned(), |list| format!("{list},{item}"));
        self.set(name, list);
    }

    /// What the setting `name` was set to.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Reads them, as the command does.
    ///
    /// # Errors
    /// When one is not a setting.
    pub fn args(&self) -> Result<ServeArgs, clap::Error> {
        let command = command();
        // A flag that is blank counts as not set, and the variable behind it is not looked at.
        let flags = command.get_arguments().filter_map(|arg| {
            let value = name(arg).and_then(|name| self.get(&name).map(str::to_owned)).unwrap_or_default();
            Some(format!("--{}={value}", arg.get_long()?))
        });
        let known = Self::names();
        let unknown =
            self.0.keys().filter(|name| !known.contains(name)).map(|name| format!("{name} is not a setting"));
        let flags: Vec<String> = unknown.chain(flags).collect();
        ServeArgs::from_arg_matches(&command.try_get_matches_from(flags)?)
    }

    /// Checks them, as the command does.
    ///
    /// # Errors
    /// With a line for each that can't be used.
    pub fn check(&self) -> Result<Settings, BadSettings> {
        self.args().map_err(|error| BadSettings::of(error.to_string()))?.check()
    }
}

fn command() -> Command {
    ServeArgs::augment_args(Command::new("serve").no_binary_name(true))
}

fn name(arg: &Arg) -> Option<String> {
    Some(arg.get_env()?.to_str()?.to_owned())
}
