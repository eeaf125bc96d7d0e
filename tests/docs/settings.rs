//! `docs/settings.md` and `deploy/settings.env.example`: both have every setting that `opwatch serve` takes.

use std::collections::BTreeSet;
use std::{env, fs};

use clap::{Args, Command};
use opwatch::settings::ServeArgs;

use super::page::root;

const UPDATE: &str = "OPWATCH_UPDATE";
const FILE: &str = "docs/settings.md";

const HEAD: &str = "\
# Settings

<!-- Generated from `opwatch serve --help`: OPWATCH_UPDATE=1 cargo test --test opwatch docs:: rewrites it. -->

The settings of `opwatch serve`. Each is an environment variable, or a flag with the same name in lower case
(`CHECK_LIMIT=60` or `--check-limit 60`). All are checked at start, together: a bad value is reported with its name, the reason
and an example, and the exit status is 64. An empty variable counts as not set. Lists are separated by commas.

`deploy/settings.env.example` has the settings of the deployment scripts, which pass these on. A setting that the scripts do not
know goes into `MORE_SETTINGS`.

Plain http is allowed for loopback only. The access token goes to `*.googleapis.com` or, if `ACCESS_TOKEN` is set, to loopback.

| variable | default | meaning |
| --- | --- | --- |
";

/// A setting as clap knows it.
struct Setting {
    variable: String,
    help: String,
    default: String,
}

fn settings() -> Vec<Setting> {
    let command = ServeArgs::augment_args(Command::new("serve"));
    let settings = command.get_arguments().map(|argument| {
        let help = argument.get_help().expect("a help text").to_string();
        let described = help.rsplit_once(" [default: ").and_then(|(_, rest)| rest.strip_suffix(']'));
        let values = argument.get_default_values().iter().map(|value| value.to_str().unwrap());
        let own = values.filter(|_| !argument.is_hide_default_value_set()).collect::<Vec<_>>().join(",");
        let default = described.or(Some(own.as_str()).filter(|own| !own.is_empty()));
        Setting {
            variable: argument.get_env().expect("a variable").to_str().unwrap().to_owned(),
            default: default.unwrap_or("–").to_owned(),
            help: help.split(" [default: ").next().unwrap_or_default().to_owned(),
        }
    });
    settings.collect()
}

#[test]
fn the_page_of_settings_is_that_of_the_command() {
    let rows = settings().into_iter().map(|setting| {
        let Setting { variable, default, help } = setting;
        assert!(
            ![&default, &help].iter().any(|text| text.contains(['|', '\n'])),
            "{variable} breaks the table"
        );
        format!("| `{variable}` | {default} | {help} |\n")
    });
    let generated = HEAD.to_owned() + &rows.collect::<String>();
    let file = root().join(FILE);
    if env::var_os(UPDATE).is_some() {
        fs::write(&file, &generated).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == generated, "{FILE} differs from `opwatch serve --help`: {UPDATE}=1 writes it anew");
}

/// What `deploy/up` sets, what is for local work, and what it does not manage: they are not for the file of settings.
const NOT_DEPLOYED: [&str; 17] = [
    "ACCEPT_PUBLIC_STATE_UNTIL",
    "ACCESS_TOKEN",
    "CHECK_QUEUE",
    "DATASTORE_EMULATOR_HOST",
    "DIGEST_SUBSCRIPTION",
    "DIGEST_TOPIC",
    "ENDPOINTS",
    "EVENTS_SECRET",
    "EVENTS_URL",
    "INTERNAL_TOPIC",
    "NOTICE_QUEUE",
    "PORT",
    "PUBSUB_EMULATOR_HOST",
    "PUSH_AUDIENCE",
    "PUSH_SERVICE_ACCOUNT",
    "REPORT_QUEUE",
    "TASKS_SERVICE_ACCOUNT",
];
/// In the file of settings they are `SLACK_SECRET_FILE`, and the topic has the deployment's name.
const OTHERWISE: [&str; 4] = ["CHAT_WEBHOOK_URL", "SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL", "TOPIC"];

#[test]
fn the_deployments_example_has_every_setting() {
    let example = fs::read_to_string(root().join("deploy/settings.env.example")).unwrap();
    let assigned = example.lines().filter_map(|line| {
        let (name, _) = line.trim_start_matches('#').split_once('=')?;
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_').then_some(name)
    });
    let assigned: BTreeSet<&str> = assigned.collect();
    for Setting { variable, .. } in settings() {
        let expected = ![&NOT_DEPLOYED[..], &OTHERWISE].concat().contains(&variable.as_str());
        let has = assigned.contains(variable.as_str());
        assert_eq!(has, expected, "{variable} in deploy/settings.env.example");
    }
}
