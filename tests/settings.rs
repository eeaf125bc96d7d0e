//! Each setting, good and bad: an error names the setting, the reason and an example, and never a secret.

use clap::{Args, Command};
use opwatch::net::endpoints::Api;
use opwatch::policy::{Database, Limits, Locations, Targets};
use opwatch::settings::{ServeArgs, Settings, Variables};
use opwatch::trust::{Internal, Trust};
use opwatch::watch::{Mention, Notify, Routing, Target};

const SECRET: &str = "https://hooks.slack.com/services/T0/B0/canary-hook";
const TOKEN: &str = "ya29.canary-token";

fn good() -> Variables {
    Variables::from([
        ("TOPIC", "projects/demo/topics/opwatch"),
        ("CHECK_QUEUE", "projects/demo/locations/europe-west1/queues/checks"),
        ("TASKS_SERVICE_ACCOUNT", "tasks@demo.iam.gserviceaccount.com"),
        ("SLACK_WEBHOOK_URL", SECRET),
        ("ACCESS_TOKEN", TOKEN),
    ])
}

fn with(setting: &str, value: &str) -> Result<Settings, String> {
    let mut args = good();
    if setting.starts_with("LEDGER_") {
        // The others mean nothing without it.
        args.set("LEDGER_KIND", "OpwatchOperation");
    }
    args.set(setting, value);
    args.check().map_err(|bad| bad.to_string())
}

const REQUIRED: [&str; 4] = ["TOPIC", "CHECK_QUEUE", "TASKS_SERVICE_ACCOUNT", "SLACK_WEBHOOK_URL"];

#[test]
fn defaults_are_those_of_the_documents() {
    let settings = good().check().unwrap();
    assert_eq!(settings.port, 8080);
    assert_eq!((settings.config.defaults.interval_s, settings.config.defaults.max_checks), (60, 60));
    assert_eq!((settings.config.defaults.until_s, settings.config.signals), (Some(86_400), false));
    assert_eq!(settings.config.report_queue, settings.config.check_queue);
    assert_eq!(settings.config.notice_queue, settings.config.check_queue);
    let limits = Limits {
        starts_per_hour: 100,
        watches_per_minute: 0,
        adoptions_per_minute: 10,
        notices_per_hour: 10,
        min_interval: 1,
    };
    assert_eq!(settings.config.policy.limits, limits);
    assert_eq!((settings.config.zone.name(), settings.config.locale.id()), ("UTC", "en"));
    assert_eq!(settings.config.policy.projects, Some(vec!["demo".to_owned()]));
    let services: Vec<_> = settings.config.policy.services.iter().map(ToString::to_string).collect();
    assert_eq!(services, ["datastore", "firestore"]);
    let starts: Vec<_> = settings.config.policy.starts.iter().map(ToString::to_string).collect();
    assert_eq!(starts, ["datastore:export", "firestore:exportDocuments"]);
    let policy = &settings.config.policy;
    assert_eq!((&policy.adoption.of, &policy.routes.0), (&Vec::new(), &Vec::new()));
    assert_eq!([&policy.exports, &policy.imports], [&Locations::Unset; 2]);
    assert_eq!(policy.databases, None);
    assert_eq!(settings.project(), "demo");
    assert_eq!(settings.config.ledger, None);
    assert!(!settings.outlets[0].powers().edits);
    assert_eq!((settings.config.title, settings.config.stall_after), (None, 10));
    let routing = Routing { notify: Some(Notify::End), ..Routing::default() };
    assert_eq!(settings.config.routing, routing);
}

/// Settings with a bot in place of the webhook, and `more`.
fn of_bot(more: &[(&str, &str)]) -> Result<Settings, String> {
    let mut args = good();
    args.unset("SLACK_WEBHOOK_URL");
    args.set("SLACK_BOT_TOKEN", "xoxb-canary");
    args.set("SLACK_CHANNEL", "C024BE91L");
    for (setting, value) in more {
        args.set(setting, *value);
    }
    args.check().map_err(|bad| bad.to_string())
}

#[test]
fn slack_is_a_webhook_or_a_bot() {
    let settings = of_bot(&[]).unwrap();
    assert!(settings.outlets[0].powers().edits);
    let own = Targets::Only(vec![Target::new("C024BE91L")]);
    assert_eq!(settings.config.policy.targets, own, "messages choose no other by default");
    let any = of_bot(&[("SLACK_CHANNELS", "any")]).unwrap().config.policy.targets;
    assert_eq!(any, Targets::Any);
    assert_eq!(settings.config.routing.notify, Some(Notify::Live));
    assert_eq!(settings.config.routing.target.unwrap().to_string(), "C024BE91L");
    let only = of_bot(&[("SLACK_CHANNELS", "C0A1, C0B2")]).unwrap().config.policy.targets;
    let channels = ["C0A1", "C0B2", "C024BE91L"].map(Target::new).to_vec();
    assert_eq!(only, Targets::Only(channels));
    let error = |result: Result<Settings, String>| {
        let error = result.unwrap_err();
        assert!(error.lines().count() == 1 && !error.contains("canary"), "{error}");
        error
    };
    let both = with("SLACK_BOT_TOKEN", "xoxb-canary").map_err(|error| error.replace('\n', " "));
    assert!(error(both).contains("can't be set together with SLACK_WEBHOOK_URL"));
    let none = error(with("SLACK_WEBHOOK_URL", ""));
    assert!(
        none.starts_with("SLACK_WEBHOOK_URL: must be set, or SLACK_BOT_TOKEN with SLACK_CHANNEL"),
        "{none}"
    );
    assert!(error(of_bot(&[("SLACK_CHANNEL", "")])).starts_with("SLACK_CHANNEL: must be set together"));
    for token in ["canary", "xoxp-canary", "xoxb-canary x"] {
        assert!(error(of_bot(&[("SLACK_BOT_TOKEN", token)])).starts_with("SLACK_BOT_TOKEN: "), "{token}");
    }
    for (setting, value) in [("SLACK_CHANNEL", "C024BE91L"), ("SLACK_CHANNELS", "C024BE91L")] {
        assert!(error(with(setting, value)).contains("can't be used with a webhook"), "{setting}");
    }
    assert!(error(with("NOTIFY", "live")).contains("needs an outlet that can edit its messages"));
}

/// Whoever set no endpoint is not told of one.
#[test]
fn a_webhook_of_another_host_is_told_of_endpoints_only_where_they_are_set() {
    let error = |endpoints: &str| {
        let mut args = good();
        args.set("ENDPOINTS", endpoints);
        args.set("SLACK_WEBHOOK_URL", "https://example.com/canary-hook");
        args.check().unwrap_err().to_string()
    };
    let plain = "SLACK_WEBHOOK_URL: must begin with https://hooks.slack.com/ (example: ";
    assert!(error("").starts_with(plain), "{}", error(""));
    let local = error("slack=http://localhost:1");
    assert!(
        local.contains("https://hooks.slack.com/ (or with the slack URL in ENDPOINTS: http://localhost:1)"),
        "{local}"
    );
}

#[test]
fn good_values_are_taken() {
    for (setting, value) in [
        ("PORT", "0"),
        ("PORT", " 65535 "),
        ("TOPIC", "projects/example.com:demo/topics/a-b_c.d"),
        ("INTERNAL_TOPIC", "projects/other/topics/opwatch-internal"),
        ("REPORT_QUEUE", "projects/demo/locations/europe-west1/queues/reports"),
        ("NOTICE_QUEUE", "projects/demo/locations/europe-west1/queues/notices"),
        ("MAX_STARTS_PER_HOUR", "0"),
        ("MAX_STARTS_PER_HOUR", "10000"),
        ("MAX_WATCHES_PER_MINUTE", "60"),
        ("MAX_NOTICES_PER_HOUR", "20"),
        ("MIN_INTERVAL", "60s"),
        ("CHECK_INTERVAL", "1s"),
        ("CHECK_INTERVAL", "90s"),
        ("CHECK_INTERVAL", "24h"),
        ("CHECK_LIMIT", "1"),
        ("CHECK_LIMIT", "10000"),
        ("SIGNALS", "yes"),
        ("SIGNALS", "no"),
        ("ADOPT_EXCEPT", "a@p.iam.gserviceaccount.com, *.gserviceaccount.com"),
        ("MAX_ADOPTIONS_PER_MINUTE", "0"),
        ("TITLE", "夜間バックアップ"),
        ("MENTION", "here"),
        ("MENTION", "U024BE7LH"),
        ("MENTIONS", "here, U024BE7LH,S0614TZR7"),
        ("MENTIONS", "any"),
        ("MENTION_ON", "always"),
        ("NOTIFY", "start,end"),
        ("NOTIFY", "failure"),
        ("STALL_AFTER", "0"),
        ("STARTS", "datastore:export, datastore:import,firestore:importDocuments"),
        ("STARTS", "none"),
        ("EXPORT_PREFIXES", "gs://a,gs://b/c/"),
        ("EXPORT_PREFIXES", "any"),
        ("IMPORT_PREFIXES", "gs://a, gs://b/c"),
        ("DATABASES", "(default),orders, example.com:b/orders,b/(default)"),
        ("DATABASES", "any"),
        ("LEDGER_KIND", "OpwatchOperation"),
        ("LEDGER_PROJECT", "example.com:b"),
        ("LEDGER_NAMESPACE", "ops_1.x-y"),
        ("LEDGER_DATABASE", "(default)"),
        ("LEDGER_KEEP", "400days"),
        ("LEDGER_KEEP", "24h"),
        ("SERVICES", "firestore"),
        ("PROJECTS", "a, example.com:b"),
        ("TIME_ZONE", "Asia/Tokyo"),
        ("LOCALE", "ja"),
        ("ENDPOINTS", "datastore=http://127.0.0.1:9001, slack=http://localhost:1"),
        ("PUBSUB_EMULATOR_HOST", "[::1]:8085"),
        ("DATASTORE_EMULATOR_HOST", "http://localhost:8081"),
    ] {
        assert!(with(setting, value).is_ok(), "{setting}={value}: {:?}", with(setting, value).err());
    }
    assert_eq!(with("CHECK_INTERVAL", "5m").unwrap().config.defaults.interval_s, 300);
    for fixed in [with("CHECK_INTERVAL", "60s"), with("CHECK_LIMIT", "60")] {
        assert_eq!(fixed.unwrap().config.defaults.until_s, None);
    }
}

#[test]
fn what_may_be_touched_is_bounded_by_lists_or_by_any() {
    let below =
        |prefixes: &[&str]| Locations::Below(prefixes.iter().map(|&prefix| prefix.to_owned()).collect());
    let exports = |value| with("EXPORT_PREFIXES", value).unwrap().config.policy.exports;
    assert_eq!(exports("gs://b/c/"), below(&["gs://b/c"]));
    assert_eq!(exports("any"), Locations::Any);
    let policy = with("IMPORT_PREFIXES", "gs://a, gs://b").unwrap().config.policy;
    assert_eq!((policy.exports, policy.imports), (Locations::Unset, below(&["gs://a", "gs://b"])));
    let databases = |value| with("DATABASES", value).unwrap().config.policy.databases;
    assert_eq!(databases("any"), None);
    let database =
        |project: Option<&str>, id: &str| Database { project: project.map(str::to_owned), id: id.to_owned() };
    let listed = [database(None, "(default)"), database(Some("example.com:p"), "orders")];
    assert_eq!(databases("(default), example.com:p/orders"), Some(listed.to_vec()));
    let mentions = |setting, value| with(setting, value).unwrap().config.policy.mentions;
    assert_eq!(good().check().unwrap().config.policy.mentions, Some(Vec::new()));
    assert_eq!(mentions("MENTION", "here"), Some(vec![Mention::new("here")]));
    assert_eq!(mentions("MENTIONS", "here"), Some(vec![Mention::new("here")]));
    assert_eq!(mentions("MENTIONS", "any"), None);
    assert!(with("STARTS", "none").unwrap().config.policy.starts.is_empty());
}

#[test]
fn what_comes_without_a_kickoff_is_adopted_and_routed_as_the_settings_say() {
    use opwatch::policy::{Adopted, Of, Principal, Route};
    use opwatch::services::Service;
    use opwatch::watch::Target;
    let policy = of_bot(&[
        ("SIGNALS", "yes"),
        ("SERVICES", "datastore,firestore,run"),
        ("ADOPT", "firestore, datastore:ExportEntities"),
        ("ADOPT_EXCEPT", "me@example.com,*.gserviceaccount.com"),
        (
            "ROUTES",
            "shop:C1AAAAAAA:here, run:C2AAAAAAA,example.com:shop:C3AAAAAAA,example.com:b:C4AAAAAAA:S0614TZR7",
        ),
    ]);
    let policy = policy.unwrap().config.policy;
    let adopted = |service, method: Option<&str>| Adopted { service, method: method.map(str::to_owned) };
    assert_eq!(
        policy.adoption.of,
        [adopted(Service::FIRESTORE, None), adopted(Service::DATASTORE, Some("ExportEntities"))]
    );
    let except = [
        Principal::Account("me@example.com".to_owned()),
        Principal::EndsWith(".gserviceaccount.com".to_owned()),
        Principal::Account("tasks@demo.iam.gserviceaccount.com".to_owned()),
    ];
    assert_eq!(policy.adoption.except, except, "opwatch's own account is never adopted");
    let route = |of, target: &str, mention: Option<&str>| Route {
        of,
        target: Target::new(target),
        mention: mention.map(Mention::new),
    };
    let project = |id: &str| Of::Project(id.to_owned());
    assert_eq!(
        policy.routes.0,
        [
            route(project("shop"), "C1AAAAAAA", Some("here")),
            route(Of::Service("run".parse().unwrap()), "C2AAAAAAA", None),
            route(project("example.com:shop"), "C3AAAAAAA", None),
            route(project("example.com:b"), "C4AAAAAAA", Some("S0614TZR7")),
        ]
    );
    let all = of_bot(&[("SIGNALS", "yes"), ("ADOPT", "all")]).unwrap().config.policy.adoption.of;
    assert_eq!(all.len(), 2, "all that SERVICES lists: {all:?}");
}

#[test]
fn services_are_ids_or_all_without_some() {
    let policy = |value| with("SERVICES", value).unwrap().config.policy;
    let ids = |services: &[opwatch::services::Service]| {
        services.iter().map(|service| service.id()).collect::<Vec<_>>()
    };
    let all = policy("all");
    assert!(opwatch::services::Service::table().all(|service| all.services.contains(&service)));
    assert_eq!(
        (ids(&all.named), &all.starts),
        (Vec::<&str>::new(), &policy("datastore").starts),
        "starts nothing more"
    );
    let some = policy("all, -compute,spanner");
    assert!(!ids(&some.services).contains(&"compute") && ids(&some.services).contains(&"sqladmin"));
    assert_eq!(ids(&some.named), ["spanner"]);
    for (value, reason) in [
        ("-compute", "\"-compute\" leaves something out of nothing: write all,-compute"),
        ("datastore,-compute", "write all,-compute"),
        ("all,-bigtable", "\"-bigtable\" is not a service"),
        ("all,ALL", "\"ALL\" is not a service"),
        ("all,spanner,-spanner", "names spanner and leaves it out"),
    ] {
        is_told("SERVICES", &[value], reason);
    }
}

#[test]
fn operations_of_all_services_can_be_elsewhere() {
    let endpoints = |value: &str| with("ENDPOINTS", value).unwrap().endpoints;
    let of = |endpoints: &opwatch::net::endpoints::Endpoints, id: &str| {
        endpoints.get(Api::Operations(id.parse().unwrap())).base
    };
    for value in [
        "spanner=http://127.0.0.1:2,operations=http://127.0.0.1:1",
        "operations=http://127.0.0.1:1,spanner=http://127.0.0.1:2",
    ] {
        let endpoints = endpoints(value);
        assert_eq!(
            ["compute", "bigquery.jobs", "spanner"].map(|id| of(&endpoints, id)),
            ["http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:2"]
        );
        assert_eq!(endpoints.get(Api::CloudTasks).base, "https://cloudtasks.googleapis.com");
        assert_eq!(endpoints.get(Api::Ledger).base, "https://datastore.googleapis.com");
    }
    is_told("ENDPOINTS", &["operations=https://evil.com"], "tokens are only sent to *.googleapis.com");
    let error = with("ENDPOINTS", "x=http://127.0.0.1:1,operations=,y=").unwrap_err();
    assert_eq!(error.lines().count(), 3, "{error}");
}

/// What would run a workflow, or posts nothing.
#[test]
fn what_is_no_incoming_webhook_is_refused_with_what_to_create() {
    for (what, paths) in [
        (
            "is a Workflow Builder URL, which runs a workflow and posts no message",
            &["/triggers/T0/1/canary-hook", "/workflows/T0/A1/2/canary-hook"][..],
        ),
        ("is the response URL of a slash command, which lasts 30 minutes", &["/commands/T0/1/canary-hook"]),
        (
            "is not a complete webhook URL",
            &[
                "",
                "/",
                "/services/",
                "/services/T0",
                "/services/T0/B0",
                "/services/T0/B0/",
                "/services/B0/T0/canary-hook",
                "/services/T0/B0/canary-hook/more",
                "/services/T0//canary-hook",
                "/canary-hook",
            ],
        ),
    ] {
        for path in paths {
            let error = with("SLACK_WEBHOOK_URL", &format!("https://hooks.slack.com{path}")).unwrap_err();
            assert!(error.contains(&format!("{what}: create an incoming webhook")), "{path}: {error}");
            assert!(
                !error.contains("canary") && error.contains("(example: SLACK_WEBHOOK_URL=https://hooks."),
                "{path}: {error}"
            );
        }
    }
}

#[test]
fn the_interval_of_the_settings_is_no_shorter_than_the_shortest() {
    let set = |least: &str, interval: &str| {
        let mut args = good();
        args.set("MIN_INTERVAL", least);
        args.set("CHECK_INTERVAL", interval);
        args.check().map(|settings| settings.config.defaults.interval_s).map_err(|bad| bad.to_string())
    };
    assert_eq!(set("30s", "30s"), Ok(30));
    assert_eq!(set("5m", ""), Ok(300), "the default gives way");
    let error = set("30s", "29s").unwrap_err();
    assert!(error.starts_with("CHECK_INTERVAL: must be at least MIN_INTERVAL, 30s"), "{error}");
}

#[test]
fn a_bad_value_is_told_with_setting_reason_and_example() {
    for (setting, values, reason) in [
        ("PORT", &["x", "-1", "65536", "80 80"][..], "must be a number from 0 to 65535"),
        (
            "TOPIC",
            &["opwatch", "projects/p/topics/", "projects/p/topics/a/b", "projects/../topics/t"],
            "must have the form projects/…/topics/…",
        ),
        ("INTERNAL_TOPIC", &["opwatch-internal"], "must have the form projects/…/topics/…"),
        ("INTERNAL_TOPIC", &["projects/demo/topics/opwatch"], "must differ from TOPIC"),
        ("ACCEPT_PUBLIC_STATE_UNTIL", &["tomorrow", "2026-12-07"], "is not an RFC 3339 time"),
        (
            "CHECK_QUEUE",
            &["q", "projects/p/queues/q", "projects/p/locations/l/queues/q?x"],
            "must have the form projects/…/locations/…/queues/…",
        ),
        ("REPORT_QUEUE", &["projects/p/locations//queues/q"], "must have the form"),
        ("NOTICE_QUEUE", &["notices"], "must have the form"),
        ("TASKS_SERVICE_ACCOUNT", &["me", "@x", "a@", "a b@c", "a@b@c"], "is not an email address"),
        (
            "SLACK_WEBHOOK_URL",
            &[
                "http://hooks.slack.com/services/canary-hook",
                "https://evil.com/canary-hook",
                "https://hooks.slack.com.evil.com/canary-hook",
                "https://x@evil.com/canary-hook",
            ],
            "must begin with https://hooks.slack.com/",
        ),
        ("SLACK_WEBHOOK_URL", &["canary-hook"], "is not a URL"),
        (
            "CHECK_INTERVAL",
            &["0s", "500ms", "1500ms", "25h", "2days"],
            "must be whole seconds from 1s to 24h",
        ),
        ("CHECK_INTERVAL", &["60", "x", "-5s"], "CHECK_INTERVAL"),
        ("CHECK_LIMIT", &["0", "10001", "1.5", "x"], "must be a whole number from 1 to 10000"),
        ("SIGNALS", &["true", "1", "Yes"], "is not one of: yes, no"),
        ("LEDGER_KIND", &["__x__", "__"], "is reserved by Datastore"),
        ("LEDGER_KIND", &["a b", "a/b", "日本"], "must be at most 100 letters, digits"),
        ("LEDGER_PROJECT", &["a/b", ".."], "is not a project ID"),
        ("LEDGER_NAMESPACE", &["a b", "a/b"], "must be at most 100 letters, digits"),
        ("LEDGER_DATABASE", &["a b", "..", "(other)"], "is not a database ID"),
        ("LEDGER_KEEP", &["1h", "101years"], "must be from 1 day to 36500 days"),
        ("LEDGER_KEEP", &["x", "400"], "LEDGER_KEEP"),
        ("SERVICES", &["bigtable", "datastore,x"], "is not a service (`opwatch services` lists them)"),
        ("EXTRA_SERVICES", &["livestream", "a.b"], "has no URL: write ID=https://HOST/VERSION"),
        (
            "EXTRA_SERVICES",
            &["spanner=https://spanner.googleapis.com/v2"],
            "spanner is in the table of services already: remove it, or use another id",
        ),
        (
            "EXTRA_SERVICES",
            &["all=https://a.googleapis.com/v1", "pubsub=https://a.googleapis.com/v1"],
            "has another meaning in SERVICES or ENDPOINTS: use another id",
        ),
        (
            "EXTRA_SERVICES",
            &["ab=https://a.googleapis.com/v1,ab=https://b.googleapis.com/v1"],
            "ab is there twice: remove one",
        ),
        (
            "EXTRA_SERVICES",
            &["evil=https://evil.com/v1", "evil=http://a.googleapis.com/v1", "evil=https://a.googleapis.com"],
            "is not the address of a Google API",
        ),
        ("REGIONAL_SERVICES", &["bigtable", "alloydb,x"], "is not a service (`opwatch services` lists them)"),
        ("PROJECTS", &["a/b", "a b", "..", "a,b?"], "is not a project ID"),
        ("TIME_ZONE", &["Tokyo", "JST", "+09:00"], "is not an IANA time zone"),
        ("LOCALE", &["de", "EN", "japanese"], "is not one of en, ja"),
        (
            "ENDPOINTS",
            &["datastore=http://10.0.0.1:80", "datastore=http://example.com"],
            "plain http is only allowed for loopback",
        ),
        ("ENDPOINTS", &["cloudtasks=https://evil.com"], "tokens are only sent to *.googleapis.com"),
        (
            "ENDPOINTS",
            &["datastore", "datastore=", "datastore=127.0.0.1:80"],
            "must be a URL with scheme, host and port only",
        ),
        ("ENDPOINTS", &["bigtable=http://127.0.0.1:80"], "is neither one of cloudtasks, pubsub, slack"),
        ("PUBSUB_EMULATOR_HOST", &["10.0.0.1:80"], "plain http is only allowed for loopback"),
        ("DATASTORE_EMULATOR_HOST", &["evil.com:80"], "plain http is only allowed for loopback"),
        ("CHECK_INTERVAL", &["60"], "\"60\" has no unit; for seconds, write 60s"),
        ("LEDGER_KEEP", &["400"], "\"400\" has no unit; for seconds, write 400s"),
        ("TITLE", &["a\u{202e}b", "a\u{85}b"], "on one line"),
        ("TITLE", &["a\nb", &"x".repeat(101)], "at most 100 characters on one line"),
        ("MENTION", &["@jane", "channel", "<!here>"], "must be here, or the ID of"),
        ("MENTION_ON", &["success"], "is not one of: failure, always, never"),
        ("NOTIFY", &["all", "start"], "is not one of: \"live\", \"end\""),
        ("STALL_AFTER", &["-1", "x"], "must be a whole number of checks"),
        (
            "ACCESS_TOKEN",
            &["canary-token with space", "canary-token\nx", "日本canary-token"],
            "contains characters that a token can't have",
        ),
    ] {
        is_told(setting, values, reason);
    }
}

#[test]
fn a_bad_setting_of_signals_is_told_with_setting_reason_and_example() {
    for (setting, values, reason) in [
        (
            "ADOPT",
            &["datastore:", "datastore:Export Entities", "datastore:a:b"][..],
            "is not the name of a method",
        ),
        ("ADOPT", &["bigtable", "bigtable:CreateBackup"], "\"bigtable\" is not a service"),
        ("ADOPT", &["spanner"], "spanner can't be watched, since SERVICES doesn't list it: add it there"),
        ("ADOPT", &["-spanner"], "leaves a service out, which works in SERVICES only"),
        ("ADOPT", &["datastore"], "has no effect without signals: set SIGNALS=yes, or unset it"),
        ("ADOPT_EXCEPT", &["me", "a@b@c"], "is not an email address"),
        ("ADOPT_EXCEPT", &["*", "*a*"], "must be * and the end of an address"),
        ("MAX_ADOPTIONS_PER_MINUTE", &["many", "10001"], "a whole number from 0 (no limit) to 10000"),
        (
            "ROUTES",
            &["C024BE91L", "p:C024BE91L:here:x"],
            "must have the form PROJECT:CHANNEL or SERVICE:CHANNEL",
        ),
        ("ROUTES", &["p:general", "p:general:here"], "must be a channel ID such as"),
        ("ROUTES", &["p:C024BE91L:@jane"], "must be here, or the ID of"),
        ("ROUTES", &["a/b:C024BE91L"], "is not a project ID"),
        ("ROUTES", &["p:C024BE91L"], "needs a bot, since a webhook has a fixed channel"),
    ] {
        is_told(setting, values, reason);
    }
}

/// The settings that bound what messages may ask for.
#[test]
fn a_bad_bound_is_told_with_setting_reason_and_example() {
    for (setting, values, reason) in [
        (
            "STARTS",
            &[
                "export",
                "datastore:drop",
                "datastore:export;firestore:exportDocuments",
                "none,datastore:export",
            ][..],
            "is not one of datastore:export, datastore:import",
        ),
        (
            "EXPORT_PREFIXES",
            &["my-backups", "gs://", "gs:///x", "s3://x", "gs://a,b", "any,gs://b", "ANY"],
            "must begin with gs:// and a bucket (or be any, alone)",
        ),
        ("MAX_STARTS_PER_HOUR", &["-1", "x", "10001", "1.5"], "a whole number from 0 (no limit) to 10000"),
        ("MAX_NOTICES_PER_HOUR", &["few", "10001"], "a whole number from 0 (no limit) to 10000"),
        ("MAX_WATCHES_PER_MINUTE", &["many", "10001"], "a whole number from 0 (no limit) to 10000"),
        ("MIN_INTERVAL", &["0s", "500ms", "25h"], "must be whole seconds from 1s to 24h"),
        ("IMPORT_PREFIXES", &["my-backups", "gs://", "gs://a,any"], "must begin with gs:// and a bucket"),
        ("DATABASES", &["(other)", "a b", "p/", "..", "orders,any/"], "is not a database ID"),
        ("DATABASES", &["/orders", "a/b/orders", "a b/orders"], "is not a project ID"),
        ("MENTIONS", &["@jane", "any,here", "here U024BE7LH"], "(or any, alone)"),
    ] {
        is_told(setting, values, reason);
    }
}

/// Each of these values has a line with the setting, this reason and an example, and no secret.
fn is_told(setting: &str, values: &[&str], reason: &str) {
    for value in values {
        let error = with(setting, value).map(|_| ()).expect_err(value);
        assert_eq!(error.lines().count(), 1, "{setting}={value}: {error}");
        assert!(error.starts_with(&format!("{setting}: ")), "{error}");
        assert!(error.contains(reason), "{setting}={value}: {error}");
        assert!(error.contains(&format!("(example: {setting}=")), "{error}");
        assert!(!error.contains("canary"), "a secret is in: {error}");
    }
}

#[test]
fn what_must_be_set_says_so_and_blank_counts_as_unset() {
    for setting in &Variables::names() {
        for blank in ["", " ", "\t\n"] {
            match with(setting, blank) {
                Ok(_) => assert!(!REQUIRED.contains(&setting.as_str()), "{setting} must be set"),
                Err(error) => {
                    assert!(REQUIRED.contains(&setting.as_str()), "{error}");
                    assert!(error.starts_with(&format!("{setting}: must be set")), "{error}");
                    assert!(error.contains(&format!("(example: {setting}=")), "{error}");
                }
            }
        }
    }
    assert_eq!(with("PORT", "").unwrap().port, 8080);
    assert!(with("ACCESS_TOKEN", " ").unwrap().access_token.is_none());
}

/// The two accounts are told apart by their examples.
#[test]
fn an_account_has_the_example_of_its_own_work() {
    for (setting, value, account) in [
        ("TASKS_SERVICE_ACCOUNT", "", "TASKS_SERVICE_ACCOUNT=opwatch-tasks@"),
        ("PUSH_SERVICE_ACCOUNT", "me", "PUSH_SERVICE_ACCOUNT=opwatch-push@"),
        ("PUSH_AUDIENCE", "https://opwatch.demo.internal", "PUSH_SERVICE_ACCOUNT=opwatch-push@"),
    ] {
        let error = with(setting, value).unwrap_err();
        assert!(
            error.contains(&format!("(example: {account}my-project.iam.gserviceaccount.com)")),
            "{error}"
        );
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let error = Variables::default().check().unwrap_err().to_string();
    assert_eq!(error.lines().count(), REQUIRED.len(), "{error}");
    let mut args = good();
    for setting in &Variables::names() {
        args.set(setting, "\u{1}bad\u{1}");
    }
    let error = args.check().unwrap_err().to_string();
    for setting in &Variables::names() {
        assert!(error.lines().any(|line| line.starts_with(&format!("{setting}: "))), "{setting}: {error}");
    }
}

#[test]
fn secrets_are_in_no_debug_text() {
    let args = good();
    let settings = args.check().unwrap();
    for text in [format!("{:?}", args.args().unwrap()), format!("{settings:?}"), format!("{settings:#?}")] {
        assert!(!text.contains("canary"), "{text}");
    }
}

/// clap prints the values of variables in its help, secret or not.
#[test]
fn every_setting_is_a_variable_whose_value_help_hides() {
    let command = ServeArgs::augment_args(Command::new("serve"));
    let mut variables = Vec::new();
    for argument in command.get_arguments() {
        assert!(argument.is_hide_env_values_set(), "{}", argument.get_id());
        assert!(argument.get_help().is_some(), "{}", argument.get_id());
        let variable = argument.get_env().expect("a variable").to_str().unwrap().to_owned();
        let flag = argument.get_long().unwrap();
        assert_eq!(variable, flag.to_uppercase().replace('-', "_"), "one name");
        variables.push(variable);
    }
    assert_eq!(variables, Variables::names());
}

/// What clap would refuse by itself, with its own words and the value.
#[test]
fn every_text_is_read_and_a_name_that_is_no_setting_is_not() {
    for setting in Variables::names() {
        for text in ["\u{0}", "-", "--topic", "=", "a\nb", "日本"] {
            assert!(Variables::from([(setting.as_str(), text)]).args().is_ok(), "{setting}={text:?}");
        }
    }
    let error = Variables::from([("TOPIK", "x")]).check().unwrap_err().to_string();
    assert!(error.contains("TOPIK is not a setting"), "{error}");
}

#[test]
fn state_is_trusted_from_everyone_or_from_the_internal_topic() {
    assert_eq!(good().check().unwrap().config.trust, Trust::Everyone);
    let until = "2026-12-07T00:00:00+01:00";
    let internal = |public_until: Option<&str>| {
        let mut args = good();
        args.set("INTERNAL_TOPIC", "projects/demo/topics/opwatch-internal");
        args.set("ACCEPT_PUBLIC_STATE_UNTIL", public_until.unwrap_or_default());
        args.check().unwrap().config.trust
    };
    let topic = "projects/demo/topics/opwatch-internal".to_owned();
    let public_until = "2026-12-06T23:00:00Z".parse().ok();
    assert_eq!(internal(Some(until)), Trust::Internal(Internal { topic: topic.clone(), public_until }));
    assert_eq!(internal(None), Trust::Internal(Internal { topic, public_until: None }));
    let alone = with("ACCEPT_PUBLIC_STATE_UNTIL", until).unwrap_err();
    assert!(alone.contains("has no effect without INTERNAL_TOPIC"), "{alone}");
}

#[test]
fn opwatch_does_not_receive_its_own_events() {
    let internal = "projects/demo/topics/opwatch-internal";
    for topic in ["projects/demo/topics/opwatch", internal, "projects/demo/topics/ends"] {
        let mut args = good();
        args.set("INTERNAL_TOPIC", internal);
        args.set("EVENTS_TOPIC", topic);
        let refused = args.check().err().map(|bad| bad.to_string()).unwrap_or_default();
        assert_eq!(refused.contains("EVENTS_TOPIC"), !topic.ends_with("/ends"), "{topic}: {refused}");
    }
}

#[test]
fn outlets_are_those_that_are_listed_in_their_order() {
    let outlets = |listed: &str| {
        let mut args = good();
        args.set("EVENTS_TOPIC", "projects/demo/topics/ends");
        args.set("OUTLETS", listed);
        let settings = args.check().map_err(|bad| bad.to_string())?;
        Ok::<_, String>(settings.outlets.iter().map(|outlet| outlet.id().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(outlets("").unwrap(), ["slack", "topic"]);
    assert_eq!(outlets("topic,slack").unwrap(), ["topic", "slack"]);
    assert_eq!(outlets("topic").unwrap(), ["topic"]);
    assert!(with("OUTLETS", "slack").is_ok());
    let missing = outlets("slack,chat").unwrap_err();
    assert!(missing.contains("chat, which is not set up") && !missing.contains("lists slack"), "{missing}");
}

/// Of two settings that belong together, the one that is wrong has a line of its own, and the other none.
#[test]
fn a_wrong_setting_is_not_said_to_be_missing() {
    for (pair, good_value) in [
        (["PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNT"], "https://opwatch.example.com"),
        (["PUSH_SERVICE_ACCOUNT", "PUSH_AUDIENCE"], "push@demo.iam.gserviceaccount.com"),
        (["DIGEST_TOPIC", "DIGEST_SUBSCRIPTION"], "projects/demo/topics/opwatch-digest"),
        (["DIGEST_SUBSCRIPTION", "DIGEST_TOPIC"], "projects/demo/subscriptions/opwatch-digest"),
    ] {
        let problems = |other: &str| {
            let mut args = good();
            args.set(pair[0], good_value);
            args.set(pair[1], other);
            args.check().unwrap_err().to_string()
        };
        let (missing, wrong) = (problems(""), problems("not a value"));
        assert!(missing.contains(&format!("{}: must be set together with", pair[1])), "{missing}");
        assert!(wrong.contains(pair[1]) && !wrong.contains("must be set together"), "{wrong}");
    }
}

#[test]
fn a_ledger_is_on_once_it_has_a_kind() {
    for setting in ["LEDGER_PROJECT", "LEDGER_NAMESPACE", "LEDGER_DATABASE", "LEDGER_KEEP"] {
        let mut args = good();
        args.set(setting, "30days");
        let error = args.check().unwrap_err().to_string();
        let said =
            format!("LEDGER_KIND: must be set: {setting} has no effect without it (example: LEDGER_KIND=");
        assert!(error.starts_with(&said) && error.lines().count() == 1, "{error}");
    }
    let ledger = with("LEDGER_KIND", "Run").unwrap().config.ledger.unwrap();
    assert_eq!((ledger.kind.as_str(), ledger.project.as_str()), ("Run", "demo"));
    assert_eq!((ledger.namespace.as_str(), ledger.database.as_str(), ledger.keep.num_days()), ("", "", 400));
    let mut args = good();
    for (setting, value) in [
        ("LEDGER_KIND", "Run"),
        ("LEDGER_PROJECT", "other"),
        ("LEDGER_NAMESPACE", "n"),
        ("LEDGER_DATABASE", "d"),
        ("LEDGER_KEEP", "30days"),
    ] {
        args.set(setting, value);
    }
    let ledger = args.check().unwrap().config.ledger.unwrap();
    assert_eq!((ledger.project.as_str(), ledger.namespace.as_str()), ("other", "n"));
    assert_eq!((ledger.database.as_str(), ledger.keep.num_days()), ("d", 30));
}

/// It shares its host with an operations API, but not its endpoint.
#[test]
fn the_ledger_has_an_endpoint_of_its_own() {
    let base = |emulator: &str, endpoints: &str| {
        let mut args = good();
        args.set("DATASTORE_EMULATOR_HOST", emulator);
        args.set("ENDPOINTS", endpoints);
        args.check().unwrap().endpoints.get(Api::Ledger).base
    };
    assert_eq!(base("", ""), "https://datastore.googleapis.com");
    assert_eq!(base("", "datastore=http://127.0.0.1:1"), "https://datastore.googleapis.com");
    assert_eq!(base("127.0.0.1:2", "datastore=http://127.0.0.1:1"), "http://127.0.0.1:2");
    assert_eq!(base("127.0.0.1:2", "ledger=http://127.0.0.1:3"), "http://127.0.0.1:3");
}
