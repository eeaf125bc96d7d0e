//! What a terminal and gcloud say in the environment of a command.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// What the environment says of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Text may have characters other than ASCII: the locale is one of UTF-8.
    pub unicode: bool,
    /// Text may have colours: <https://no-color.org>.
    pub colours: bool,
    /// What is drawn can be drawn again: not on a terminal that calls itself dumb.
    pub redraws: bool,
}

impl Surroundings {
    /// Reads the environment.
    #[expect(clippy::disallowed_methods, reason = "settings read the environment")]
    pub fn read() -> Self {
        Self::of(|name| env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        // The first of these that is set counts: POSIX, Base Definitions 8.2.
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
        let term = set("TERM").unwrap_or_default();
        let redraws = !term.is_empty() && term != "dumb";
        Self {
            unicode: locale.contains("utf-8") || locale.contains("utf8"),
            colours: redraws && set("NO_COLOR").is_none(),
            redraws,
        }
    }
}

/// The project that gcloud works in, for names without one: of its variables, or of its active configuration.
#[expect(clippy::disallowed_methods, reason = "settings read the environment")]
pub fn default_project() -> Option<String> {
    project_of(|name| env::var(name).ok())
}

fn project_of(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let by_variable = ["CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT"].into_iter().find_map(set);
    by_variable.or_else(|| {
        let folder = set("CLOUDSDK_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| Some(Path::new(&set("HOME")?).join(".config/gcloud")))?;
        let active = set("CLOUDSDK_ACTIVE_CONFIG_NAME");
        let active = active.or_else(|| fs::read_to_string(folder.join("active_config")).ok());
        let name = active.as_deref().map_or("default", str::trim).to_owned();
        let file = folder.join("configurations").join(format!("config_{name}"));
        core_project(&fs::read_to_string(file).ok()?)
    })
}

/// `project` of the section `[core]` of a configuration of gcloud's.
fn core_project(configuration: &str) -> Option<String> {
    let mut section = "";
    for line in configuration.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if section == "core"
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "project"
        {
            return Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn unicode_needs_a_locale_that_has_it_and_colours_can_be_turned_off() {
        let of = |variables: &[(&str, &str)]| {
            let Surroundings { unicode, colours, redraws } = Surroundings::of(with(variables));
            (unicode, colours, redraws)
        };
        let xterm = ("TERM", "xterm-256color");
        assert_eq!(of(&[xterm, ("LANG", "en_US.UTF-8")]), (true, true, true));
        assert_eq!(of(&[xterm, ("LANG", "C")]), (false, true, true));
        assert_eq!(of(&[xterm, ("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]), (false, true, true));
        assert_eq!(of(&[xterm, ("LC_CTYPE", "ja_JP.utf8"), ("NO_COLOR", "1")]), (true, false, true));
        assert_eq!(of(&[xterm, ("NO_COLOR", "")]), (false, true, true), "an empty NO_COLOR is none");
        assert_eq!(of(&[("TERM", "dumb")]), (false, false, false));
        assert_eq!(of(&[]), (false, false, false));
    }

    #[test]
    fn the_project_is_the_one_that_gcloud_works_in() {
        let folder = env::temp_dir().join(format!("opwatch-gcloud-{}", std::process::id()));
        fs::create_dir_all(folder.join("configurations")).unwrap();
        let file = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        file("active_config", "work\n");
        file(
            "configurations/config_work",
            "[compute]\nproject = no\n[core]\naccount = a@b.c\nproject = at-work\n",
        );
        file("configurations/config_home", "[core]\nproject=at-home\n");
        let config = ("CLOUDSDK_CONFIG", folder.to_str().unwrap());
        let project = |variables: &[(&str, &str)]| project_of(with(variables));
        assert_eq!(project(&[config]).as_deref(), Some("at-work"));
        assert_eq!(project(&[config, ("CLOUDSDK_ACTIVE_CONFIG_NAME", "home")]).as_deref(), Some("at-home"));
        assert_eq!(project(&[config, ("GOOGLE_CLOUD_PROJECT", "set")]).as_deref(), Some("set"));
        assert_eq!(project(&[config, ("CLOUDSDK_ACTIVE_CONFIG_NAME", "none")]), None);
        assert_eq!(project(&[]), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
