//! A setting on its way from clap to where it is used: read into its type at once, judged together with all others.
//!
//! clap stops at the first value that it refuses, and prints it. So [`reads`] takes every text, and keeps either the value or
//! what is wrong with it; the `check` of a command collects the problems of all settings.

use std::ffi::OsStr;
use std::fmt;

use clap::builder::{StringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, Command};

/// The default of a setting that has none.
pub const UNSET: &str = "";

/// Reads a setting's text, without the blanks around it. An error is a reason, or several, a line each; it never repeats a
/// secret.
pub type Read<T> = fn(&str) -> Result<T, String>;

/// A setting: what it was set to, or its default. A blank text counts as not set.
#[derive(Clone)]
pub struct Setting<T> {
    name: String,
    example: &'static str,
    is_given: bool,
    value: Option<Result<T, String>>,
}

impl<T: Clone> Setting<T> {
    /// Whether it was set, to whatever.
    pub fn is_given(&self) -> bool {
        self.is_given
    }

    /// Its value, if it has one that can be used.
    pub fn get(&self) -> Option<T> {
        self.value.as_ref()?.as_ref().ok().cloned()
    }

    /// The same, and a problem if it can't be used. To be asked once.
    pub fn check(&self, problems: &mut Problems) -> Option<T> {
        if let Some(Err(why)) = &self.value {
            why.lines().for_each(|why| self.refuse(why, problems));
        }
        self.get()
    }

    /// Its value, and a problem if it has none. To be asked once.
    pub fn required(&self, problems: &mut Problems) -> T
    where
        T: Default,
    {
        if self.value.is_none() {
            self.refuse("must be set", problems);
        }
        self.check(problems).unwrap_or_default()
    }

    /// Adds a problem of this setting: what is wrong with it, and an example.
    pub fn refuse(&self, why: &str, problems: &mut Problems) {
        let Self { name, example, .. } = self;
        problems.0.push(format!("{name}: {why} (example: {name}={example})"));
    }

    /// What `read` makes of it, and a problem if that is nothing: for a text that can be read only together with other
    /// settings.
    pub fn read<U>(&self, read: impl Fn(&T) -> Result<U, String>, problems: &mut Problems) -> Option<U> {
        let read = read(&self.check(problems)?);
        read.map_err(|why| why.lines().for_each(|why| self.refuse(why, problems))).ok()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Shows no value: some are secrets.
impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_given { "set" } else { "not set" })
    }
}

/// Settings that can't be used, a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl Problems {
    /// The one problem that there is no setting for.
    pub(crate) fn of(text: String) -> Self {
        Self(vec![text])
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// `settings`, unless there are problems.
    ///
    /// # Errors
    /// With the problems.
    pub fn or<T>(self, settings: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(settings) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// clap's parser of a [`Setting`].
#[derive(Clone)]
pub struct Reader<T> {
    example: &'static str,
    read: Read<T>,
}

/// The parser of a setting that is read by `read`; errors show `example`.
pub const fn reads<T>(example: &'static str, read: Read<T>) -> Reader<T> {
    Reader { example, read }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Reader<T> {
    type Value = Setting<T>;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Setting<T>, clap::Error> {
        self.parse_ref_(command, arg, value, ValueSource::CommandLine)
    }

    fn parse_ref_(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Setting<T>, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, arg, value)?;
        let given = text.trim();
        let default = arg.and_then(|arg| arg.get_default_values().first()?.to_str()).unwrap_or(UNSET);
        let used = if given.is_empty() { default } else { given };
        Ok(Setting {
            name: arg.map(name).unwrap_or_default(),
            example: self.example,
            is_given: source != ValueSource::DefaultValue && !given.is_empty(),
            value: (!used.is_empty()).then(|| (self.read)(used)),
        })
    }
}

/// What a setting is called in messages: its variable, or its flag if it has none.
fn name(arg: &Arg) -> String {
    let variable = arg.get_env().map(|variable| variable.to_string_lossy().into_owned());
    variable.unwrap_or_else(|| format!("--{}", arg.get_long().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    #[derive(Args)]
    struct Two {
        #[arg(long, default_value = "5", value_parser = reads("7", number))]
        number: Setting<u8>,
        #[arg(long, default_value = UNSET, value_parser = reads("x", list))]
        list: Setting<Vec<u8>>,
    }

    fn number(text: &str) -> Result<u8, String> {
        text.parse().map_err(|_| "must be a number".to_owned())
    }

    fn list(text: &str) -> Result<Vec<u8>, String> {
        let wrong: Vec<_> = text.split(',').filter(|item| number(item).is_err()).collect();
        let all = text.split(',').filter_map(|item| number(item).ok()).collect();
        if wrong.is_empty() { Ok(all) } else { Err(wrong.join("\n")) }
    }

    fn two(args: &[&str]) -> Two {
        let command = Two::augment_args(Command::new("two").no_binary_name(true));
        Two::from_arg_matches(&command.try_get_matches_from(args).unwrap()).unwrap()
    }

    #[test]
    fn a_blank_setting_is_not_set_and_has_its_default() {
        for args in [&[][..], &["--number="], &["--number", " \t"]] {
            let number = two(args).number;
            assert_eq!((number.is_given(), number.get()), (false, Some(5)), "{args:?}");
        }
        let number = two(&["--number", " 5 "]).number;
        assert_eq!((number.is_given(), number.get()), (true, Some(5)));
        assert_eq!(two(&[]).list.get(), None);
    }

    #[test]
    fn problems_are_collected_with_name_reason_and_example() {
        let Two { number, list } = two(&["--number=x", "--list=1,a,b"]);
        assert_eq!(format!("{number:?}"), "set");
        let mut problems = Problems::default();
        assert_eq!((number.check(&mut problems), list.required(&mut problems)), (None, Vec::new()));
        assert_eq!(
            problems.or(()).unwrap_err().to_string(),
            "--number: must be a number (example: --number=7)\n--list: a (example: --list=x)\n--list: b (example: --list=x)"
        );
        let mut problems = Problems::default();
        two(&[]).list.required(&mut problems);
        assert_eq!(problems.or(()).unwrap_err().to_string(), "--list: must be set (example: --list=x)");
    }
}
