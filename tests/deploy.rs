//! The scripts of `deploy/`, run with the real gcloud on a stand-in for Google Cloud.
//!
//! Even when it is loaded already, gcloud takes a moment for each call, so each test is a long story of one project.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{TimeDelta, Utc};
use opwatch::message::{Defaults, Received, read};
use opwatch::trust::Origin;
use opwatch::watch::{Message, Report, Slot};
use serde_json::{Value, json};

use crate::support::gcloud::{Call, Cloud, DIGEST, Support, URL};

const WEBHOOK: &str = "https://hooks.slack.com/services/T0/B0/canary-secret-8f1b";
const BOT_TOKEN: &str = "xoxb-canary-secret-77aa";
const CANARY: &str = "canary-secret";
const IMAGE: &str = "europe-west1-docker.pkg.dev/demo/images/opwatch:1";
const SETTINGS: &str = "PROJECT=demo\nREGION=europe-west1\nTIME_ZONE=Asia/Tokyo\nCHECK_LIMIT=90\n\
    SERVICES=datastore,firestore\nEXPORT_PREFIXES=gs://backups/\n";
/// The deployment that version 0.1 made with these settings, a webhook, and `LEDGER_KIND=Seen`.
const VERSION_0_1: &str = include_str!("data/deployments/v0.1.json");

const CHECK_QUEUE: &str = "cloudtasks:projects/demo/locations/europe-west1/queues/opwatch-checks";
const REPORT_QUEUE: &str = "cloudtasks:projects/demo/locations/europe-west1/queues/opwatch-reports";
const NOTICE_QUEUE: &str = "cloudtasks:projects/demo/locations/europe-west1/queues/opwatch-notices";
const SERVICE: &str = "run:projects/demo/locations/europe-west1/services/opwatch";
const JOB: &str = "cloudscheduler:projects/demo/locations/europe-west1/jobs/nightly";
const ROLE: &str = "iam:projects/demo/roles/opwatch";
const PUSH: &str = "pubsub:projects/demo/subscriptions/opwatch-push";
const INTERNAL_PUSH: &str = "pubsub:projects/demo/subscriptions/opwatch-internal";
const INTERNAL_TOPIC: &str = "pubsub:projects/demo/topics/opwatch-internal";
const TOPIC: &str = "pubsub:projects/demo/topics/opwatch";
const ENDS: &str = "pubsub:projects/demo/topics/ends";
const DEAD_TOPIC: &str = "pubsub:projects/demo/topics/opwatch-dead";
const DEAD_PUSH: &str = "pubsub:projects/demo/subscriptions/opwatch-dead-push";
pub(crate) const DIGEST_TOPIC: &str = "pubsub:projects/demo/topics/opwatch-digest";
pub(crate) const DIGEST_PULL: &str = "pubsub:projects/demo/subscriptions/opwatch-digest";
const RUN_ACCOUNT: &str = "opwatch-run@demo.iam.gserviceaccount.com";
const COMPUTE_ACCOUNT: &str = "123456789-compute@developer.gserviceaccount.com";
const PUSH_ACCOUNT: &str = "opwatch-push@demo.iam.gserviceaccount.com";

/// All that is there after `deploy/up`, but for the enabled APIs.
const MADE: [&str; 19] = [
    CHECK_QUEUE,
    NOTICE_QUEUE,
    REPORT_QUEUE,
    ROLE,
    "iam:projects/demo/serviceAccounts/opwatch-push@demo.iam.gserviceaccount.com",
    "iam:projects/demo/serviceAccounts/opwatch-run@demo.iam.gserviceaccount.com",
    "iam:projects/demo/serviceAccounts/opwatch-tasks@demo.iam.gserviceaccount.com",
    DEAD_PUSH,
    INTERNAL_PUSH,
    PUSH,
    TOPIC,
    INTERNAL_TOPIC,
    DEAD_TOPIC,
    ENDS,
    SERVICE,
    "secretmanager:projects/demo/secrets/opwatch-slack",
    "secretmanager:projects/demo/secrets/opwatch-slack/versions/1",
    // Not opwatch's: the last two.
    "pubsub:projects/demo/topics/other",
    "cloudscheduler:projects/demo/locations/europe-west1/jobs/other",
];

#[test]
fn a_deployment_from_its_first_day_to_its_last() {
    let Some(cloud) = Cloud::new("life", "2026-01-01T00:00:00Z") else { return };
    let example =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/settings.env.example"));
    cloud.file(
        "settings.env",
        &format!("{}{SETTINGS}IMAGE={IMAGE}\nEVENTS_TOPIC=projects/demo/topics/ends\n", example.unwrap()),
    );
    cloud.put("pubsub:projects/demo/topics/other", json!({"name": "projects/demo/topics/other"}));
    let other = json!({"name": "projects/demo/locations/europe-west1/jobs/other", "state": "ENABLED",
        "pubsubTarget": {"topicName": "projects/demo/topics/opwatch", "data": "e30="}});
    cloud.put("cloudscheduler:projects/demo/locations/europe-west1/jobs/other", other);

    up_makes_everything_once(&cloud);
    up_again_changes_nothing(&cloud);
    pause_and_resume(&cloud);
    schedule_creates_then_leaves_then_updates(&cloud);
    watch_publishes(&cloud);
    watches_lists_and_stops(&cloud);
    down_asks_first(&cloud);
    down_leaves_empty_queues_and_an_unbound_role(&cloud);
    up_takes_them_up_again(&cloud);
    purge_leaves_nothing(&cloud);
    a_topic_of_events_that_was_there_is_kept(&cloud);

    assert_eq!(cloud.refused(), Vec::<String>::new());
    assert!(!cloud.command_lines().contains(CANARY));
}

#[test]
fn an_old_project_with_a_bot_and_an_image_built_there() {
    let Some(cloud) = Cloud::new("old", "2021-04-08T23:00:00Z") else { return };
    let token = cloud.file("token", &format!("{BOT_TOKEN}\n"));
    let more = format!(
        "SLACK=bot\nSLACK_CHANNEL=C024BE91L\nSLACK_SECRET_FILE={}\nMORE_SETTINGS=('TITLE=a b,c')\n",
        token.display()
    );
    cloud.file(
        "settings.env",
        &format!(
            "{SETTINGS}STARTS=datastore:export,datastore:import\nIMPORT_PREFIXES=any\nPROJECTS=demo,far\n\
             LEDGER_KIND=Seen\nALERTS=yes\nREPORT_RATE=16\nSECRET_LOCATIONS=europe-west1,europe-west4\n\
             TOPIC_REGIONS=europe-west4,europe-west1\n{more}"
        ),
    );

    dry_run_changes_nothing(&cloud);
    up_builds_the_image(&cloud);
    the_ledger_has_its_policies(&cloud);
    alerts_are_made_and_follow_their_definition(&cloud);
    break_it(&cloud);
    doctor_finds_what_differs(&cloud);
    up_repairs_what_differs(&cloud);
    doctor_runs_as_the_runtime_account(&cloud);
    without_alerts_up_deletes_the_policies(&cloud);

    everything_is_removed(&cloud);
    assert_eq!(cloud.refused(), Vec::<String>::new());
    assert!(!cloud.command_lines().contains(CANARY));
}

/// Google Chat's app needs no secret; its webhook is one as Slack's is.
#[test]
fn google_chat_in_place_of_slack() {
    let Some(cloud) = Cloud::new("chat", "2026-01-01T00:00:00Z") else { return };
    cloud.file("settings.env", &format!("{SETTINGS}IMAGE={IMAGE}\nSLACK=none\nCHAT_SPACE=spaces/AAAA\n"));
    let text = cloud.run("up", &["--dry-run"], "").ok();
    assert!(text.contains("none is needed: SLACK=none") && !text.contains("secrets create"), "{text}");
    assert!(text.contains("CHAT_SPACE=spaces/AAAA") && text.contains("--clear-secrets"), "{text}");
    assert!(text.contains("DIGEST_TOPIC=projects/demo/topics/opwatch-digest"), "{text}");

    // With STARTS=none no bucket is needed, and nothing can be started.
    let watch_only = SETTINGS.replace("EXPORT_PREFIXES=gs://backups/", "STARTS=none");
    cloud.file("settings.env", &format!("{watch_only}IMAGE={IMAGE}\nSLACK=chat-webhook\n"));
    let text = cloud.run("up", &["--dry-run"], "").ok();
    assert!(text.contains("STARTS=none") && !text.contains("databases.export"), "{text}");
    assert!(text.contains("--permissions=datastore.operations.get\\,datastore.operations.list "), "{text}");
    assert!(text.contains("--set-secrets=CHAT_WEBHOOK_URL=opwatch-slack:1"), "{text}");
    assert!(text.contains("would create subscription opwatch-digest: "), "{text}");
    let ran = cloud.run("up", &[], &format!("{WEBHOOK}\n"));
    assert!(
        ran.text.contains("that is not the webhook (https://chat.googleapis.com/v1/spaces/"),
        "{}",
        ran.text
    );
    assert!(ran.code == Some(1) && !ran.text.contains(CANARY), "{}", ran.text);

    // An organization that allows resources in some regions only: the error names the settings.
    cloud.restrict_locations();
    let ran = cloud.run(
        "up",
        &[],
        &format!("https://chat.googleapis.com/v1/spaces/A/messages?key=k&token={CANARY}\n"),
    );
    assert!(ran.code == Some(1) && !ran.text.contains(CANARY), "{}", ran.text);
    assert!(ran.text.contains("constraints/gcp.resourceLocations violated"), "{}", ran.text);
    assert!(
        ran.text.contains("set REGION, SECRET_LOCATIONS and TOPIC_REGIONS to such locations"),
        "{}",
        ran.text
    );
}

#[test]
fn the_examples_are_kickoffs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kickoffs");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        let received = Received { message_id: "1".to_owned(), published: Utc::now(), origin: Origin::Public };
        let message =
            read(&fs::read(&file).unwrap(), &received, &Defaults::new(opwatch::outlets::ADDRESSING));
        assert!(matches!(message, Ok(Message::Start(_))), "{}: {message:?}", file.display());
    }
}

/// What the figures of docs/cost-and-scaling.md rest on.
#[test]
fn the_scale_model_has_the_queues_that_up_makes() {
    let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let (model, made) = (read("examples/scale/main.rs"), read("deploy/lib/transport.sh"));
    let number = |text: &str, after: &str| -> f64 {
        let (_, found) = text.split_once(after).unwrap_or_else(|| panic!("{after}"));
        let end = found.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap();
        found[..end].parse().unwrap()
    };
    let rate = number(&model, "dispatches: ");
    for queue in [r#"ensure_queue "$check_queue" "#, r#"ensure_queue "$report_queue" "${REPORT_RATE:-"#] {
        assert!((number(&made, queue) - rate).abs() < f64::EPSILON, "{queue}: {rate}");
    }
}

#[test]
fn without_settings_or_with_a_wrong_argument_nothing_is_called() {
    let Some(cloud) = Cloud::new("wrong", "2026-01-01T00:00:00Z") else { return };
    for (script, arguments) in [
        ("up", vec!["--purge"]),
        ("down", vec!["all"]),
        ("schedule", vec!["nightly"]),
        ("watch", vec![]),
        ("watches", vec!["--stop", ""]),
        ("watches", vec!["--stop", "1", "--now"]),
        ("pause", vec!["now"]),
        ("resume", vec!["now"]),
        ("rollback", vec!["0.1"]),
        ("doctor", vec!["--dry-run"]),
    ] {
        let ran = cloud.run(script, &arguments, "");
        assert_eq!(ran.code, Some(64), "{script}: {}", ran.text);
        assert!(ran.text.contains(&format!("usage: deploy/{script}")), "{}", ran.text);
    }
    let ran = cloud.run("up", &[], "");
    assert!(ran.text.contains("copy deploy/settings.env.example and edit it"), "{}", ran.text);
    assert_eq!(cloud.command_lines(), "");
}

#[test]
fn settings_that_can_not_be_are_refused_before_anything_is_called() {
    let Some(cloud) = Cloud::new("settings", "2026-01-01T00:00:00Z") else { return };
    for (setting, said) in [
        ("NAME=ab", "NAME=ab: it must be 3 to 23 characters from a-z"),
        ("NAME=google-exports", "NAME=google-exports: it must be 3 to 23 characters from a-z"),
        ("NAME=opwatch-internal", "NAME=opwatch-internal: it must not end in -internal, -dead, -digest"),
        ("CHECK_INTERVALL=5m", "CHECK_INTERVALL is not a setting. Did you mean CHECK_INTERVAL?"),
        ("TIMEZONE=UTC", "TIMEZONE is not a setting. Did you mean TIME_ZONE?"),
        ("BUCKET=b", "BUCKET is not a setting. deploy/settings.env.example lists all"),
        ("MORE_SETTINGS=(STALL)", "MORE_SETTINGS: \"STALL\" must have the form SETTING=value"),
        ("MORE_SETTINGS=('TITLE=a|b')", "TITLE=a|b: it must not contain |"),
        ("TITLE='a|b'", "TITLE=a|b: it must not contain |"),
        ("DATABASES=(default)", "DATABASES: put the value in quotes"),
        ("MAX_INSTANCES=x", "MAX_INSTANCES=x: it must be a whole number, 1 or more"),
        ("REPORT_RATE=501", "REPORT_RATE=501: it must be a number of dispatches per second, at most 500"),
        ("REPORT_RATE=fast", "REPORT_RATE=fast: it must be a number of dispatches per second"),
        ("ALERTS=maybe", "ALERTS=maybe: it must be yes or no"),
        (
            "EXPORT_PREFIXES=my-backups",
            "EXPORT_PREFIXES=my-backups: it must be \"any\", or prefixes such as gs://",
        ),
        ("EXPORT_PREFIXES=", "EXPORT_PREFIXES is not set, so nothing was changed."),
        ("STARTS=datastore:import", "IMPORT_PREFIXES is not set, so nothing was changed."),
        ("SIGNALS=maybe", "SIGNALS=maybe: it must be yes or no"),
        ("ADOPT=datastore", "ADOPT has no effect without signals: set SIGNALS=yes, or remove it"),
        ("SIGNAL_TOPICS=cloud-builds", "SIGNAL_TOPICS has no effect without signals: set SIGNALS=yes"),
        (
            "SIGNAL_TOPICS=projects/p/topics/t",
            "SIGNAL_TOPICS=projects/p/topics/t: it must be IDs of topics in this project, such as cloud-builds",
        ),
        ("DIGESTS=maybe", "DIGESTS=maybe: it must be yes or no"),
        (
            "DIGESTS=yes\nDIGEST_ABOVE=many",
            "DIGEST_ABOVE=many: it must be a number of reports per minute, such as 10",
        ),
        ("DIGEST_ABOVE=20", "DIGEST_ABOVE has no effect without digests: set DIGESTS=yes, or remove it"),
        ("VERIFY_PUSHES=maybe", "VERIFY_PUSHES=maybe: it must be yes or no"),
        ("SLACK=chat", "SLACK=chat: it must be webhook, bot, chat-webhook or none"),
        ("SLACK=none", "SLACK=none needs CHAT_SPACE, a Google Chat space such as spaces/AAAABBBBCCC"),
    ] {
        cloud.file("settings.env", &format!("{SETTINGS}{setting}\n"));
        let ran = cloud.run("up", &["--dry-run"], "");
        assert_eq!(ran.code, Some(1), "{setting}: {}", ran.text);
        assert!(ran.text.contains(said), "{}", ran.text);
    }
    assert_eq!(cloud.command_lines(), "");
}

#[test]
fn a_schedule_of_somebody_else_is_left_alone() {
    let Some(cloud) = Cloud::new("schedule", "2026-01-01T00:00:00Z") else { return };
    cloud.file("settings.env", SETTINGS);
    let file = cloud.file("kickoff.json", r#"{"test": true}"#);
    let theirs = json!({"name": "projects/demo/locations/europe-west1/jobs/nightly", "state": "ENABLED",
        "description": "Nightly report", "pubsubTarget": {"topicName": "projects/demo/topics/other", "data": "e30="}});
    cloud.put(JOB, theirs.clone());

    let ran = cloud.run("schedule", &["nightly", "0 3 * * *", file.to_str().unwrap()], "");

    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(
        ran.text.contains("a job nightly that deploy/schedule did not make for opwatch: choose"),
        "{}",
        ran.text
    );
    assert_eq!(cloud.resource(JOB), theirs);
    assert!(cloud.take_changes().is_empty());
}

#[test]
fn watch_knows_whose_operation_it_is_and_names_what_it_refuses() {
    let Some(cloud) = Cloud::new("watch", "2026-01-01T00:00:00Z") else { return };
    cloud.file("settings.env", &format!("own=UTC\n{SETTINGS}NAME=abc\nMORE_SETTINGS=()\n"));
    let firestore = "projects/demo/databases/(default)/operations/A";
    for (arguments, message) in [
        (vec![firestore], json!({"name": firestore, "service": "firestore"})),
        (
            vec!["--service=firestore", firestore, "--title=x"],
            json!({"name": firestore, "service": "firestore", "title": "x"}),
        ),
        (vec!["projects/demo/operations/A"], json!({"name": "projects/demo/operations/A"})),
    ] {
        let text = cloud.run("watch", &[&["--dry-run"], &arguments[..]].concat(), "").ok();
        let said = text.lines().find_map(|line| line.strip_prefix("would publish ")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(said).unwrap(), message);
    }
    let ran = cloud.run("watch", &["nightly"], "");
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(ran.text.contains("would reject this message: nightly: name: "), "{}", ran.text);
    assert!(!ran.text.contains("/tmp."), "{}", ran.text);
    assert_eq!(cloud.command_lines(), "");
}

#[test]
fn an_upgrade_from_version_0_1_and_the_way_back() {
    let Some(cloud) = Cloud::new("upgrade", "2026-01-01T00:00:00Z") else { return };
    cloud.file("settings.env", &format!("{SETTINGS}IMAGE={IMAGE}\nLEDGER_KIND=Seen\n"));
    cloud.load(VERSION_0_1);
    let check = json!({"name": "projects/demo/operations/ASA1"});
    put_task(&cloud, CHECK_QUEUE, "old", "111", &check, TimeDelta::hours(1));

    the_upgrade_loses_nothing(&cloud);
    let text = cloud.run("up", &["--no-test"], "").ok();
    assert_eq!(cloud.take_changes().len(), 0, "{text}");
    assert!(text.contains("the upgrade from version 0.1 is in progress"), "{text}");
    a_task_that_still_waits_extends_it(&cloud);
    after_nine_days_it_ends(&cloud);
    the_way_back(&cloud);

    assert_eq!(cloud.refused(), Vec::<String>::new());
}

/// Its owner is told commands with the condition that `deploy/up` sets in its own project: gcloud takes back only a grant of the
/// same condition and title.
#[test]
fn the_owner_of_another_projects_ledger_is_told_what_to_run() {
    let Some(cloud) = Cloud::new("ledger", "2026-01-01T00:00:00Z") else { return };
    let ledger = "LEDGER_KIND=Seen\nLEDGER_PROJECT=far\nLEDGER_DATABASE=history\n";
    cloud.file("settings.env", &format!("{SETTINGS}IMAGE={IMAGE}\n{ledger}"));
    cloud.put("cloudresourcemanager:projects/far", json!({"projectId": "far"}));
    cloud.put(&format!("iam:projects/demo/serviceAccounts/{RUN_ACCOUNT}"), json!({"email": RUN_ACCOUNT}));
    // A policy sees an account that is new only at the second try.
    let run = |command: &str| cloud.run("/bin/sh", &["-c", &format!("{command} || {command}")], "").ok();

    let up = cloud.run("up", &["--dry-run"], "").ok();
    let grant = command(&up, "gcloud projects add-iam-policy-binding far ");
    run(grant);
    let granted = format!(
        "cloudresourcemanager:projects/far: roles/datastore.user: serviceAccount:{RUN_ACCOUNT} \
         if resource.name == \"projects/far/databases/history\""
    );
    assert_eq!(cloud.grants(), [granted]);
    assert!(!up.contains("would grant roles/datastore.user"), "{up}");

    let down = cloud.run("down", &["--dry-run"], "").ok();
    run(command(&down, "gcloud projects remove-iam-policy-binding far --condition='"));
    assert_eq!(cloud.grants(), Vec::<String>::new());
    // What version 0.1 asked for.
    let wide = command(&down, "gcloud projects remove-iam-policy-binding far --condition=None ");
    assert!(wide.ends_with(" --role=roles/datastore.user"), "{down}");

    // Settings of the service may all be in one place.
    let ledger = "MORE_SETTINGS=(LEDGER_KIND=Seen LEDGER_PROJECT=far LEDGER_DATABASE=history)\n";
    cloud.file("settings.env", &format!("{SETTINGS}IMAGE={IMAGE}\n{ledger}"));
    let up = cloud.run("up", &["--dry-run"], "").ok();
    assert_eq!(command(&up, "gcloud projects add-iam-policy-binding far "), grant);
    assert_eq!(cloud.refused(), Vec::<String>::new());
}

/// The one command of a text that begins so.
fn command<'a>(text: &'a str, begin: &str) -> &'a str {
    let mut found = text.lines().filter_map(|line| line.find(begin).map(|at| &line[at..]));
    let (Some(only), None) = (found.next(), found.next()) else { panic!("{begin}: {text}") };
    only
}

/// IAM takes no permission of a list when it refuses one of them.
#[test]
fn a_role_for_all_services_is_made_without_what_iam_refuses() {
    let Some(cloud) = Cloud::new("all", "2026-01-01T00:00:00Z") else { return };
    let table = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/lib/services.json"));
    let table: BTreeMap<String, Value> = serde_json::from_str(&table.unwrap()).unwrap();
    let refused = [
        ("tpu.operations.get", Support::No),
        ("krmapihosting.operations.get", Support::Unknown),
        ("securityposture.operations.get", Support::OnlyListed),
    ];
    let listed = |id: &str| -> Vec<&str> {
        table[id]["permissions"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
    };
    let mut expected: BTreeSet<&str> =
        table.keys().filter(|id| *id != "compute").flat_map(|id| listed(id)).collect();
    cloud.know_permissions(table.keys().flat_map(|id| listed(id)).map(|name| (name, Support::Yes)));
    cloud.know_permissions(refused);
    expected.retain(|name| refused.iter().all(|(refused, _)| refused != name));
    let starts = ["datastore.databases.export", "datastore.operations.list"];
    cloud.know_permissions(starts.map(|name| (name, Support::Yes)));
    expected.extend(starts);
    let settings = SETTINGS.replace("datastore,firestore", "' all , -compute'");
    cloud.file("settings.env", &format!("{settings}IMAGE={IMAGE}\n"));

    let text = cloud.run("up", &["--no-test"], WEBHOOK).ok();

    let role = |cloud: &Cloud| -> Vec<String> {
        serde_json::from_value(cloud.resource(ROLE)["includedPermissions"].clone()).unwrap()
    };
    assert_eq!(role(&cloud).iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    assert_eq!(role(&cloud).len(), expected.len());
    for said in [
        "IAM refuses permission securityposture.operations.get\n",
        "or remove their services from SERVICES: krmapihosting.operations.get, securityposture.operations.get, tpu.operations.get\n",
        "with a custom role of the organization or a predefined one: assuredworkloads, securityposture\n",
        "for those of the project nothing is missing: auditmanager, ",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let unknown = text.lines().find(|line| line.contains("services is unknown: grant ")).unwrap();
    assert!(
        unknown.contains("accesscontextmanager, aiplatform, ") && !unknown.contains("spanner"),
        "{unknown}"
    );

    cloud.take_changes();
    cloud.know_permissions([("securityposture.operations.get", Support::Unknown)]);
    let again = cloud.run("up", &["--no-test"], "").ok();
    assert!(cloud.take_changes().is_empty() && again.contains("unchanged: role opwatch\n"), "{again}");
    assert_eq!(cloud.refused(), Vec::<String>::new());
}

#[test]
fn a_terminal_is_asked_for_the_bucket_and_another_region_is_refused() {
    let Some(cloud) = Cloud::new("asked", "2026-01-01T00:00:00Z") else { return };
    let settings = SETTINGS.replace("EXPORT_PREFIXES=gs://backups/\n", "");
    cloud.file("settings.env", &settings.replace("europe-west1", "us-east1"));
    cloud.load(VERSION_0_1);

    let ran = cloud.run_on_terminal("up", "gs://my-own/\n");

    assert_ne!(ran.code, Some(0), "{}", ran.text);
    assert!(ran.text.contains("Bucket that exports may be written to (gs://NAME/"), "{}", ran.text);
    assert!(ran.text.contains("added EXPORT_PREFIXES=gs://my-own/ to "), "{}", ran.text);
    assert!(cloud.settings().ends_with("\nEXPORT_PREFIXES=gs://my-own/\n"), "{}", cloud.settings());
    assert!(
        ran.text.contains("service opwatch is in europe-west1, but REGION is now us-east1. Set REGION back"),
        "{}",
        ran.text
    );
    assert!(cloud.take_changes().is_empty());
}

// === An upgrade ===

/// When the service stops to accept its own messages from the public topic, in hours from now; none when it does not.
fn accepts_for(cloud: &Cloud) -> Option<i64> {
    let service = cloud.resource(SERVICE);
    let settings = environment(&service["spec"]["template"]["spec"]["containers"][0]);
    let until = settings.iter().find_map(|setting| setting.strip_prefix("ACCEPT_PUBLIC_STATE_UNTIL="))?;
    let until = chrono::DateTime::parse_from_rfc3339(until).unwrap();
    Some((until.to_utc() - Utc::now()).num_hours())
}

fn accept_for(cloud: &Cloud, hours: i64) {
    let mut service = cloud.resource(SERVICE);
    let settings = service["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
    let setting = settings.iter_mut().find(|setting| setting["name"] == "ACCEPT_PUBLIC_STATE_UNTIL").unwrap();
    let until = Utc::now() + TimeDelta::hours(hours);
    setting["value"] = json!(until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    cloud.put(SERVICE, service);
}

const TASKS_ON_TOPIC: &str = "pubsub:projects/demo/topics/opwatch: roles/pubsub.publisher: \
    serviceAccount:opwatch-tasks@demo.iam.gserviceaccount.com";
const LEDGER_GRANT: &str = "cloudresourcemanager:projects/demo: roles/datastore.user: \
    serviceAccount:opwatch-run@demo.iam.gserviceaccount.com if resource.name == \"projects/demo/databases/(default)\"";

fn the_upgrade_loses_nothing(cloud: &Cloud) {
    let text = cloud.run("up", &["--no-test"], "").ok();

    let (said, done) = text.split_once("create topic opwatch-internal").unwrap();
    assert!(said.contains("This upgrades a deployment of version 0.1:"), "{text}");
    assert!(!said.contains("\ngrant ") && !said.contains("\nupdate "), "{text}");
    says_what_the_changelog_says(said);
    assert!(done.contains("update queue opwatch-reports (maxDispatchesPerSecond: 1 -> 500)"), "{text}");
    // The waiting task is due in an hour.
    let hours = accepts_for(cloud).unwrap();
    assert!((9 * 24..=9 * 24 + 1).contains(&hours), "{hours}");
    let mut expected = sorted(&GRANTS);
    expected.extend([TASKS_ON_TOPIC.to_owned(), LEDGER_GRANT.to_owned()]);
    expected.sort();
    let mut grants = cloud.grants();
    grants.sort();
    assert_eq!(grants, expected);
    check_queues(cloud, 500.0);
    check_subscriptions(cloud);
    let changed: Vec<_> = cloud.take_changes().into_iter().map(|call| call.resource).collect();
    let at = |resource: &str| {
        changed
            .iter()
            .position(|changed| changed == resource)
            .unwrap_or_else(|| panic!("{resource}: {changed:?}"))
    };
    // Whatever the new version publishes is kept from its first push on.
    let deployed = at(SERVICE);
    for before in [INTERNAL_TOPIC, &format!("{INTERNAL_TOPIC}:setIamPolicy"), INTERNAL_PUSH] {
        assert!(at(before) < deployed, "{before}: {changed:?}");
    }
    assert_eq!(changed.iter().filter(|changed| *changed == SERVICE).count(), 1);
}

/// The items of the changelog's section "Upgrading", each by a part of its text, and where `deploy/up` says the same.
const UPGRADING: [(&str, &[&str]); 12] = [
    ("Set `EXPORT_PREFIXES`", &["Exports may write only below EXPORT_PREFIXES", "IMPORT_PREFIXES"]),
    (
        "Messages choose a channel or a mention",
        &["Messages may choose only from MENTIONS and SLACK_CHANNELS"],
    ),
    ("are started. Raise", &["At most 100 starts per project and hour"]),
    ("with a fixed folder", &["with a fixed folder needs ${datetime} in it"]),
    ("Remove `key`", &["must have no \"key\": deploy/schedule refuses it"]),
    ("`opwatch validate *.json`", &["opwatch validate *.json"]),
    (
        "a complete incoming webhook",
        &["https://hooks.slack.com/services/T…/B…/…", "a URL of Workflow Builder"],
    ),
    (
        "a second topic, `NAME-internal`",
        &[
            "a new topic, opwatch-internal",
            "/internal",
            "opwatch-notices",
            "Run deploy/up once more after that",
        ],
    ),
    ("Watches without `interval` and `limit`", &["24 hours", "CHECK_INTERVAL=60s"]),
    (
        "The report queue dispatches 500",
        &["opwatch-reports dispatches 500", "The ledger's grant covers only its database", "by its digest"],
    ),
    ("`NAME-digest`", &["opwatch-digest", "DIGESTS=no", "DIGEST_ABOVE=0"]),
    ("To go back to 0.1", &["run deploy/rollback first", "${date}, ${time}, ${datetime}, ${id}"]),
];

/// A new item, or a setting that an item names, must be said too.
fn says_what_the_changelog_says(said: &str) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = words(said);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md");
    let changelog = fs::read_to_string(file).unwrap();
    let (_, section) = changelog.split_once("\n### Upgrading\n\n").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    // The first paragraph introduces the list.
    let items = section.split("\n\n").skip(1).flat_map(|paragraph| paragraph.split("\n- "));
    let items: Vec<_> = items.map(words).filter(|item| !item.is_empty()).collect();
    assert_eq!(items.len(), UPGRADING.len(), "{items:#?}");
    for (item, (part, expected)) in items.iter().zip(UPGRADING) {
        assert!(item.contains(part), "{part}: {item}");
        let settings = item.split('`').skip(1).step_by(2).map(|code| code.split('=').next().unwrap());
        let settings = settings
            .filter(|code| code.contains('_') && code.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
        for expected in settings.chain(expected.iter().copied()) {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }
}

fn a_task_that_still_waits_extends_it(cloud: &Cloud) {
    accept_for(cloud, 100);
    cloud.run("up", &["--no-test"], "").ok();
    assert!(accepts_for(cloud).unwrap() >= 9 * 24);
    cloud.remove(&format!("{CHECK_QUEUE}/tasks/old"));
    accept_for(cloud, 100);
    cloud.take_changes();
    cloud.run("up", &["--no-test"], "").ok();
    assert_eq!(accepts_for(cloud), Some(99));
    assert!(cloud.take_changes().is_empty());
}

fn after_nine_days_it_ends(cloud: &Cloud) {
    accept_for(cloud, -1);
    let text = cloud.run("up", &["--no-test"], "").ok();
    assert_eq!(accepts_for(cloud), None, "{text}");
    assert!(!cloud.grants().iter().any(|grant| grant == TASKS_ON_TOPIC), "{text}");
    cloud.take_changes();
    let text = cloud.run("up", &["--no-test"], "").ok();
    assert!(!text.contains("0.1"), "{text}");
    assert!(cloud.take_changes().is_empty(), "{text}");
}

fn the_way_back(cloud: &Cloud) {
    let text = cloud.run("rollback", &[], "").ok();
    assert!(text.contains("now check out version 0.1 and run its deploy/up"), "{text}");
    let internal = cloud.resource(INTERNAL_PUSH);
    assert_eq!(internal["pushConfig"], cloud.resource(PUSH)["pushConfig"]);
    assert!(cloud.grants().iter().any(|grant| grant == TASKS_ON_TOPIC));
    // The version that serves until then must trust what comes to / too, and trust it before it comes.
    assert!((9 * 24 - 1..=9 * 24).contains(&accepts_for(cloud).unwrap()));
    let changed: Vec<_> = cloud.take_changes().into_iter().map(|call| call.resource).collect();
    assert_eq!(changed, [SERVICE, &format!("{TOPIC}:setIamPolicy"), INTERNAL_PUSH]);
    rolling_back_again_changes_nothing_for_a_day(cloud);

    // What version 0.1 leaves when it deploys: nothing of what it does not know.
    let mut service = cloud.resource(SERVICE);
    let settings = service["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
    settings.retain(|setting| {
        !["INTERNAL_TOPIC", "NOTICE_QUEUE", "ACCEPT_PUBLIC_STATE_UNTIL"]
            .iter()
            .any(|name| setting["name"] == *name)
    });
    cloud.put(SERVICE, service);
    cloud.run("up", &["--no-test"], "").ok();
    check_subscriptions(cloud);
    assert_eq!(accepts_for(cloud), Some(9 * 24 - 1));
}

fn rolling_back_again_changes_nothing_for_a_day(cloud: &Cloud) {
    let text = cloud.run("rollback", &[], "").ok();
    let changes = cloud.take_changes();
    assert!(changes.is_empty(), "{changes:?}\n{text}");
    assert!(text.contains("unchanged: opwatch's own messages are accepted at / until 20"), "{text}");
    assert!(text.contains("unchanged: subscription opwatch-internal\n"), "{text}");

    // A message that is published now may come a week later, and a task of version 0.1 a day after that.
    accept_for(cloud, 8 * 24 - 1);
    let text = cloud.run("rollback", &["--dry-run"], "").ok();
    assert!(text.contains("would accept opwatch's own messages at / for nine days: "), "{text}");
    accept_for(cloud, 8 * 24 + 1);
    let text = cloud.run("rollback", &["--dry-run"], "").ok();
    assert!(!text.contains("would "), "{text}");

    let mut internal = cloud.resource(INTERNAL_PUSH);
    internal["pushConfig"]["oidcToken"]["audience"] = json!("https://elsewhere.example");
    cloud.put(INTERNAL_PUSH, internal);
    let text = cloud.run("rollback", &["--dry-run"], "").ok();
    assert!(text.contains("would update subscription opwatch-internal (audience: "), "{text}");
}

// === The first day ===

fn up_makes_everything_once(cloud: &Cloud) {
    let text = cloud.run("up", &[], WEBHOOK).ok();

    assert!(text.contains("Slack accepted the message"), "{text}");
    assert!(!text.contains(CANARY), "{text}");
    assert_eq!(cloud.take_published(), [r#"{"test": true}"#]);
    assert_eq!(made(cloud), MADE.map(str::to_owned).into_iter().collect());
    let once = creations(&cloud.take_changes());
    assert_eq!(once.len(), 16, "{once:?}");
    assert!(once.values().all(|times| *times == 1), "{once:?}");
    let mut grants = cloud.grants();
    grants.sort();
    assert_eq!(grants, sorted(&[&GRANTS[..], &[ENDS_GRANT]].concat()));
    assert_eq!(
        cloud.resource(ROLE)["includedPermissions"],
        json!(["datastore.databases.export", "datastore.operations.get", "datastore.operations.list"])
    );
    let secret = cloud.resource("secretmanager:projects/demo/secrets/opwatch-slack/versions/1");
    assert_eq!(secret["payload"]["data"], STANDARD.encode(WEBHOOK));
    check_queues(cloud, 500.0);
    check_subscriptions(cloud);
    check_service(&cloud.resource(SERVICE));
}

/// The grant on the topic of events, where there is one.
const ENDS_GRANT: &str = "pubsub:projects/demo/topics/ends: roles/pubsub.publisher: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com";

/// The grants on the buffer of digests, where there is one.
pub(crate) const DIGEST_GRANTS: [&str; 2] = [
    "pubsub:projects/demo/subscriptions/opwatch-digest: roles/pubsub.subscriber: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "pubsub:projects/demo/topics/opwatch-digest: roles/pubsub.publisher: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
];

/// Who may do what: this list is complete.
pub(crate) const GRANTS: [&str; 16] = [
    "cloudresourcemanager:projects/demo: projects/demo/roles/opwatch: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "cloudtasks:projects/demo/locations/europe-west1/queues/opwatch-checks: roles/cloudtasks.enqueuer: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "cloudtasks:projects/demo/locations/europe-west1/queues/opwatch-checks: roles/cloudtasks.taskDeleter: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "cloudtasks:projects/demo/locations/europe-west1/queues/opwatch-checks: roles/cloudtasks.viewer: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "cloudtasks:projects/demo/locations/europe-west1/queues/opwatch-notices: roles/cloudtasks.enqueuer: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "cloudtasks:projects/demo/locations/europe-west1/queues/opwatch-reports: roles/cloudtasks.enqueuer: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "iam:projects/demo/serviceAccounts/opwatch-tasks@demo.iam.gserviceaccount.com: roles/iam.serviceAccountUser: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "iam:projects/demo/serviceAccounts/opwatch-tasks@demo.iam.gserviceaccount.com: roles/iam.serviceAccountUser: serviceAccount:service-123456789@gcp-sa-cloudtasks.iam.gserviceaccount.com",
    "pubsub:projects/demo/subscriptions/opwatch-internal: roles/pubsub.subscriber: serviceAccount:service-123456789@gcp-sa-pubsub.iam.gserviceaccount.com",
    "pubsub:projects/demo/subscriptions/opwatch-push: roles/pubsub.subscriber: serviceAccount:service-123456789@gcp-sa-pubsub.iam.gserviceaccount.com",
    "pubsub:projects/demo/topics/opwatch-dead: roles/pubsub.publisher: serviceAccount:service-123456789@gcp-sa-pubsub.iam.gserviceaccount.com",
    "pubsub:projects/demo/topics/opwatch-internal: roles/pubsub.publisher: serviceAccount:opwatch-tasks@demo.iam.gserviceaccount.com",
    "pubsub:projects/demo/topics/opwatch-internal: roles/pubsub.viewer: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "pubsub:projects/demo/topics/opwatch: roles/pubsub.viewer: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
    "run:projects/demo/locations/europe-west1/services/opwatch: roles/run.invoker: serviceAccount:opwatch-push@demo.iam.gserviceaccount.com",
    "secretmanager:projects/demo/secrets/opwatch-slack: roles/secretmanager.secretAccessor: serviceAccount:opwatch-run@demo.iam.gserviceaccount.com",
];

fn check_queues(cloud: &Cloud, report_rate: f64) {
    for (key, rate) in [(CHECK_QUEUE, 500.0), (REPORT_QUEUE, report_rate), (NOTICE_QUEUE, 1.0)] {
        let expected = json!({
            "name": key.strip_prefix("cloudtasks:").unwrap(),
            "state": "RUNNING",
            "rateLimits": {"maxDispatchesPerSecond": rate},
            "retryConfig": {"maxAttempts": -1, "maxBackoff": "300s"},
            "stackdriverLoggingConfig": {"samplingRatio": 1.0},
        });
        assert_eq!(cloud.resource(key), expected);
    }
}

fn check_subscriptions(cloud: &Cloud) {
    let push = |path: &str| {
        json!({
            "pushEndpoint": format!("{URL}{path}"),
            "oidcToken": {"audience": "https://opwatch.demo.internal", "serviceAccountEmail": PUSH_ACCOUNT},
        })
    };
    let mut expected = json!({
        "name": "projects/demo/subscriptions/opwatch-push",
        "topic": "projects/demo/topics/opwatch",
        "pushConfig": push("/"),
        "ackDeadlineSeconds": 60,
        "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
        "deadLetterPolicy": {"deadLetterTopic": "projects/demo/topics/opwatch-dead", "maxDeliveryAttempts": 100},
        "expirationPolicy": {},
        "messageRetentionDuration": "604800s",
    });
    assert_eq!(cloud.resource(PUSH), expected);
    expected["name"] = json!("projects/demo/subscriptions/opwatch-internal");
    expected["topic"] = json!("projects/demo/topics/opwatch-internal");
    expected["pushConfig"] = push("/internal");
    assert_eq!(cloud.resource(INTERNAL_PUSH), expected);
    expected["name"] = json!("projects/demo/subscriptions/opwatch-dead-push");
    expected["topic"] = json!("projects/demo/topics/opwatch-dead");
    expected["pushConfig"] = push("/dead-letter");
    expected["messageRetentionDuration"] = json!("2678400s");
    expected.as_object_mut().unwrap().remove("deadLetterPolicy");
    assert_eq!(cloud.resource(DEAD_PUSH), expected);
}

/// Exactly-once delivery, a lease of a minute, and a month until a report is lost.
pub(crate) fn check_digest_subscription(cloud: &Cloud) {
    let expected = json!({
        "name": "projects/demo/subscriptions/opwatch-digest",
        "topic": "projects/demo/topics/opwatch-digest",
        "enableExactlyOnceDelivery": true,
        "ackDeadlineSeconds": 60,
        "messageRetentionDuration": "2678400s",
        "expirationPolicy": {},
    });
    let mut actual = cloud.resource(DIGEST_PULL);
    actual.as_object_mut().unwrap().retain(|field, value| field != "pushConfig" || *value != json!({}));
    assert_eq!(actual, expected);
}

fn check_service(service: &Value) {
    let annotations = &service["metadata"]["annotations"];
    assert_eq!(annotations["run.googleapis.com/ingress"], "internal");
    assert_eq!(annotations["run.googleapis.com/custom-audiences"], r#"["https://opwatch.demo.internal"]"#);
    let template = &service["spec"]["template"];
    assert_eq!(template["metadata"]["annotations"]["autoscaling.knative.dev/maxScale"], "3");
    assert_eq!(template["metadata"]["annotations"]["run.googleapis.com/cpu-throttling"], "True");
    let spec = &template["spec"];
    assert_eq!(spec["serviceAccountName"], RUN_ACCOUNT);
    assert_eq!(spec["containerConcurrency"], 80);
    assert_eq!(spec["timeoutSeconds"], 60);
    let container = &spec["containers"][0];
    assert_eq!(container["image"], IMAGE);
    assert_eq!(container["resources"]["limits"], json!({"cpu": "1", "memory": "512Mi"}));
    assert_eq!(container["startupProbe"]["httpGet"], json!({"path": "/ready", "port": 8080}));
    assert_eq!(
        environment(container),
        [
            "CHECK_LIMIT=90",
            "CHECK_QUEUE=projects/demo/locations/europe-west1/queues/opwatch-checks",
            "EVENTS_TOPIC=projects/demo/topics/ends",
            "EXPORT_PREFIXES=gs://backups/",
            "INTERNAL_TOPIC=projects/demo/topics/opwatch-internal",
            "LOCALE=en",
            "NOTICE_QUEUE=projects/demo/locations/europe-west1/queues/opwatch-notices",
            "PUSH_AUDIENCE=https://opwatch.demo.internal",
            "PUSH_SERVICE_ACCOUNT=opwatch-push@demo.iam.gserviceaccount.com",
            "REPORT_QUEUE=projects/demo/locations/europe-west1/queues/opwatch-reports",
            "SERVICES=datastore,firestore",
            "SLACK_WEBHOOK_URL=secret opwatch-slack, version 1",
            "TASKS_SERVICE_ACCOUNT=opwatch-tasks@demo.iam.gserviceaccount.com",
            "TIME_ZONE=Asia/Tokyo",
            "TOPIC=projects/demo/topics/opwatch",
        ]
    );
}

fn up_again_changes_nothing(cloud: &Cloud) {
    let text = cloud.run("up", &["--no-test"], "").ok();

    let changes = cloud.take_changes();
    assert!(changes.is_empty(), "{changes:?}\n{text}");
    let said = text.lines().filter(|line| !line.is_empty() && !line.starts_with("=="));
    let said: Vec<_> = said.filter(|line| !line.starts_with("unchanged: ")).collect();
    assert_eq!(said, [format!("image {IMAGE} (IMAGE)")]);
}

// === Daily life ===

fn pause_and_resume(cloud: &Cloud) {
    let before: Vec<_> = [PUSH, INTERNAL_PUSH, DEAD_PUSH].map(|key| cloud.resource(key)).into();

    let text = cloud.run("pause", &[], "").ok();

    let since: i64 = cloud.resource(PUSH)["labels"]["opwatch-paused"].as_str().unwrap().parse().unwrap();
    let after = |days: i64| {
        chrono::DateTime::from_timestamp(since + days * 86_400, 0).unwrap().format("%F %H:%M UTC")
    };
    let kept = format!("are kept until {}, waiting tasks until {} (", after(7), after(31));
    assert!(text.contains(&kept), "{kept}: {text}");
    for (key, before) in [PUSH, INTERNAL_PUSH, DEAD_PUSH].into_iter().zip(&before) {
        let mut expected = before.clone();
        expected["pushConfig"] = json!({});
        let mut paused = cloud.resource(key);
        let labels = paused.as_object_mut().unwrap().remove("labels");
        assert_eq!(labels.is_some(), key == PUSH);
        assert_eq!(paused, expected);
    }
    for queue in [CHECK_QUEUE, REPORT_QUEUE, NOTICE_QUEUE] {
        assert_eq!(cloud.resource(queue)["state"], "PAUSED");
    }
    cloud.take_changes();
    let again = cloud.run("pause", &[], "").ok();
    assert_eq!(again.lines().last(), text.lines().last());
    let text = cloud.run("up", &[], "").ok();
    assert!(text.contains("paused since 20"), "{text}");
    assert!(text.contains("left paused: queue opwatch-checks"), "{text}");
    assert!(text.contains("no test message is sent: opwatch is paused"), "{text}");
    assert_eq!(cloud.take_changes().len(), 0, "{text}");

    cloud.run("resume", &[], "").ok();

    let after: Vec<_> = [PUSH, INTERNAL_PUSH, DEAD_PUSH].map(|key| cloud.resource(key)).into();
    assert_eq!(after, before);
    check_queues(cloud, 500.0);
    assert!(cloud.run("resume", &[], "").text.contains("opwatch is not paused"));
    cloud.take_changes();
}

fn schedule_creates_then_leaves_then_updates(cloud: &Cloud) {
    let kickoff = r#"{"name": "projects/demo/operations/x", "title": "夜"}"#;
    let file = cloud.file("kickoff.json", kickoff);
    let arguments = ["nightly", "0 3 * * *", file.to_str().unwrap()];

    let text = cloud.run("schedule", &arguments, "").ok();
    assert!(text.contains("create schedule nightly"), "{text}");
    let job = cloud.resource(JOB);
    assert_eq!(job["schedule"], "0 3 * * *");
    assert_eq!(job["timeZone"], "Asia/Tokyo");
    let target = json!({"topicName": "projects/demo/topics/opwatch", "data": STANDARD.encode(kickoff)});
    assert_eq!(job["pubsubTarget"], target);
    assert_eq!(cloud.take_changes().len(), 1);

    let text = cloud.run("schedule", &arguments, "").ok();
    assert!(text.contains("unchanged: schedule nightly"), "{text}");
    assert!(cloud.take_changes().is_empty());

    let text = cloud.run("schedule", &["nightly", "30 4 * * *", arguments[2]], "").ok();
    assert!(text.contains("update schedule nightly (schedule: 0 3 * * * -> 30 4 * * *)"), "{text}");
    assert_eq!(cloud.resource(JOB)["schedule"], "30 4 * * *");
    assert_eq!(cloud.resource(JOB)["pubsubTarget"], target);
    assert_eq!(cloud.take_changes().len(), 1);

    // A schedule publishes the same key again and again, which starts nothing for a day.
    let keyed = cloud.file(
        "keyed.json",
        r#"{"key": "k", "start": {"service": "datastore", "path": "projects/demo:export", "body": {}}}"#,
    );
    let ran = cloud.run("schedule", &["keyed", "0 3 * * *", keyed.to_str().unwrap()], "");
    assert!(ran.code != Some(0) && ran.text.contains("key: "), "{}", ran.text);

    let bad = cloud.file("bad.json", "[]");
    assert_ne!(cloud.run("schedule", &["bad", "0 3 * * *", bad.to_str().unwrap()], "").code, Some(0));
    assert!(cloud.take_changes().is_empty());
}

fn watch_publishes(cloud: &Cloud) {
    let name = "projects/demo/databases/(default)/operations/ASA1";
    let text = cloud.run("watch", &[name, "--service", "firestore", "--title", "it's \"big\""], "").ok();

    assert!(text.contains("watch 2070443601311540"), "{text}");
    let published: Value = serde_json::from_str(&cloud.take_published()[0]).unwrap();
    assert_eq!(published, json!({"name": name, "service": "firestore", "title": "it's \"big\""}));
    cloud.take_changes();
}

/// Puts a task into a queue as opwatch does.
fn put_task(cloud: &Cloud, queue: &str, task: &str, watch: &str, message: &Value, due_in: TimeDelta) {
    let received = Received { message_id: watch.to_owned(), published: Utc::now(), origin: Origin::Internal };
    let message =
        read(message.to_string().as_bytes(), &received, &Defaults::new(opwatch::outlets::ADDRESSING))
            .unwrap();
    let message = match message {
        Message::Check(check) if task.starts_with("sentinel") => {
            let purpose = opwatch::watch::Purpose::Sentinel;
            Message::Check(Box::new(opwatch::watch::Check { purpose, ..*check }))
        }
        Message::Check(check) => Message::Check(Box::new(opwatch::watch::Check { attempt: 7, ..*check })),
        other => other,
    };
    let publish = json!({"messages": [{"data": STANDARD.encode(message.to_data())}]});
    let key = format!("{queue}/tasks/{task}");
    let value = json!({
        "name": key.strip_prefix("cloudtasks:").unwrap(),
        "scheduleTime": (Utc::now() + due_in).to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        "createTime": "2026-11-23T00:00:00Z",
        "httpRequest": {
            "url": "https://pubsub.googleapis.com/v1/projects/demo/topics/opwatch:publish",
            "httpMethod": "POST", "body": STANDARD.encode(publish.to_string()),
        },
        "lastAttempt": {"responseStatus": {"code": 7, "message": "HTTP status code 403"}},
    });
    cloud.put(&key, value);
    if due_in > TimeDelta::zero() {
        let mut value = cloud.resource(&key);
        value.as_object_mut().unwrap().remove("lastAttempt");
        cloud.put(&key, value);
    }
}

fn put_tasks(cloud: &Cloud) {
    let check = json!({"name": "projects/demo/operations/ASA1", "title": "Nightly ~?> 日本語", "limit": 60});
    put_task(cloud, CHECK_QUEUE, "aaa", "111", &check, TimeDelta::seconds(60));
    put_task(cloud, CHECK_QUEUE, "sentinel-1", "111", &check, TimeDelta::hours(1));
    let ladder = json!({"name": "projects/demo/operations/ASA1"});
    put_task(cloud, CHECK_QUEUE, "sentinel-4", "444", &ladder, TimeDelta::hours(1));
    put_task(cloud, CHECK_QUEUE, "ddd", "555", &ladder, TimeDelta::minutes(2));
    let start = json!({"start": {"service": "datastore", "path": "projects/demo:export", "body": {"outputUrlPrefix": "gs://b"}}});
    put_task(cloud, REPORT_QUEUE, "bbb", "222", &start, -TimeDelta::hours(1));
    // What only counts is no watch.
    let slot = Slot { of: "start demo".to_owned(), at: 0, number: 0 };
    let claim = Message::Report(Box::new(Report::of_claim(slot, Utc::now())));
    let claim: Value = serde_json::from_slice(&claim.to_data()).unwrap();
    put_task(cloud, CHECK_QUEUE, "ccc", "333", &claim, TimeDelta::seconds(60));
}

fn watches_lists_and_stops(cloud: &Cloud) {
    assert!(cloud.run("watches", &[], "").ok().contains("no watch is in flight"));
    put_tasks(cloud);

    let text = cloud.run("watches", &[], "").ok();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0..2], ["111  Nightly ~?> 日本語", "    projects/demo/operations/ASA1"], "{text}");
    assert!(lines[2].starts_with("    check 7, the last is 59, due 20"), "{text}");
    assert!(lines[2].contains(", sentinel due 20") && !lines[2].contains("**"), "{text}");
    assert_eq!(lines.len(), 12, "{text}");
    assert!(lines[5].starts_with("    check 7, until 20") && lines[5].contains("Z, due 20"), "{text}");
    assert!(lines[8].starts_with("    the last check, since the others are lost, due 20"), "{text}");
    let lines = [&lines[..3], &lines[9..]].concat();
    assert_eq!(lines[3..5], ["222  (no title)", "    projects/demo:export"], "{text}");
    assert!(lines[5].starts_with("    start, try 1, due 20"), "{text}");
    assert!(
        lines[5].ends_with("Z  ** overdue **  ** last attempt failed: HTTP status code 403 **"),
        "{text}"
    );

    cloud.take_changes();
    let text = cloud.run("watches", &["--stop", "111", "--dry-run"], "").ok();
    assert!(text.contains("end watch 111"), "{text}");
    assert!(cloud.run("watches", &[], "").ok().contains("111"));
    cloud.run("watches", &["--stop", "111"], "").ok();
    let changes = cloud.take_changes();
    let deleted: Vec<_> = changes.iter().map(|change| change.resource.as_str()).collect();
    assert_eq!(deleted, ["aaa", "sentinel-1"].map(|task| format!("{CHECK_QUEUE}/tasks/{task}")));
    assert_ne!(cloud.run("watches", &["--stop", "999"], "").code, Some(0));
    assert!(cloud.take_changes().is_empty());
}

// === The last day ===

fn down_asks_first(cloud: &Cloud) {
    let before = cloud.resources();

    let ran = cloud.run("down", &[], "no\n");

    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(ran.text.contains("222  (no title)"), "{}", ran.text);
    assert!(ran.text.contains("until deploy/up creates the topic again: nightly"), "{}", ran.text);
    assert!(cloud.take_changes().is_empty());
    assert_eq!(cloud.resources(), before);
}

fn down_leaves_empty_queues_and_an_unbound_role(cloud: &Cloud) {
    grant_as_with_a_ledger(cloud);

    cloud.run("down", &[], "yes\n").ok();

    let left = [CHECK_QUEUE, REPORT_QUEUE, NOTICE_QUEUE, ROLE, JOB, MADE[17], MADE[18]];
    assert_eq!(made(cloud), left.map(str::to_owned).into_iter().collect());
    assert_eq!(cloud.grants(), Vec::<String>::new());
    for queue in [CHECK_QUEUE, REPORT_QUEUE, NOTICE_QUEUE] {
        assert_eq!(cloud.resource(queue)["state"], "PAUSED");
    }
    cloud.take_changes();
}

/// The settings once had a ledger.
fn grant_as_with_a_ledger(cloud: &Cloud) {
    cloud.grant("cloudresourcemanager:projects/demo", "roles/datastore.user", RUN_ACCOUNT);
}

fn up_takes_them_up_again(cloud: &Cloud) {
    grant_as_with_a_ledger(cloud);

    let text = cloud.run("up", &["--no-test"], WEBHOOK).ok();

    assert!(text.contains("resume queue opwatch-checks"), "{text}");
    assert!(text.contains("unchanged: role opwatch"), "{text}");
    assert!(text.contains("revoke roles/datastore.user on project demo from opwatch-run@demo."), "{text}");
    let mut expected: BTreeSet<_> = MADE.map(str::to_owned).into_iter().collect();
    expected.insert(JOB.to_owned());
    assert_eq!(made(cloud), expected);
    let mut grants = cloud.grants();
    grants.sort();
    assert_eq!(grants, sorted(&[&GRANTS[..], &[ENDS_GRANT]].concat()));
    check_queues(cloud, 500.0);
    check_subscriptions(cloud);
    check_service(&cloud.resource(SERVICE));
    cloud.take_changes();
}

fn purge_leaves_nothing(cloud: &Cloud) {
    cloud.run("down", &["--purge", "--yes"], "").ok();

    assert_eq!(cloud.resource(ROLE)["deleted"], true);
    cloud.remove(ROLE);
    assert_eq!(made(cloud), [MADE[17], MADE[18]].map(str::to_owned).into_iter().collect());
    assert_eq!(cloud.grants(), Vec::<String>::new());
}

fn a_topic_of_events_that_was_there_is_kept(cloud: &Cloud) {
    cloud.put(ENDS, json!({"name": "projects/demo/topics/ends"}));
    cloud.grant(ENDS, "roles/pubsub.publisher", RUN_ACCOUNT);

    let text = cloud.run("down", &["--yes"], "").ok();

    assert!(text.contains("revoke roles/pubsub.publisher on topic ends from opwatch-run@demo."), "{text}");
    assert!(cloud.resources().contains(ENDS), "{text}");
    assert_eq!(cloud.grants(), Vec::<String>::new());
}

// === Another project ===

fn dry_run_changes_nothing(cloud: &Cloud) {
    let text = cloud.run("up", &["--dry-run"], "").ok();

    assert!(cloud.take_changes().is_empty());
    assert!(cloud.resources().is_empty());
    assert!(text.contains("would create topic opwatch: gcloud pubsub topics create opwatch"), "{text}");
    assert!(text.contains("would publish {\"test\": true}"), "{text}");
    assert!(!text.contains(CANARY), "{text}");
}

fn up_builds_the_image(cloud: &Cloud) {
    let text = cloud.run("up", &[], "").ok();

    assert!(!text.contains(CANARY), "{text}");
    assert!(text.contains("for far, its owner must run once"), "{text}");
    assert!(text.contains("  gcloud iam roles create opwatch --project=far --stage=GA"), "{text}");
    assert!(
        text.contains("  gcloud projects add-iam-policy-binding far --condition=None --member="),
        "{text}"
    );
    assert!(text.contains(" --role=projects/far/roles/opwatch\n"), "{text}");
    assert!(!text.contains("importExportAdmin"), "{text}");
    let replicas = json!([{"location": "europe-west1"}, {"location": "europe-west4"}]);
    let stored = cloud.resource("secretmanager:projects/demo/secrets/opwatch-slack");
    assert_eq!(stored["replication"]["userManaged"]["replicas"], replicas);
    for topic in [TOPIC, INTERNAL_TOPIC, DIGEST_TOPIC] {
        let regions = cloud.resource(topic)["messageStoragePolicy"]["allowedPersistenceRegions"].clone();
        assert_eq!(regions, json!(["europe-west4", "europe-west1"]));
    }
    let service = cloud.resource(SERVICE);
    let container = &service["spec"]["template"]["spec"]["containers"][0];
    let image = container["image"].as_str().unwrap();
    assert_eq!(image, format!("europe-west1-docker.pkg.dev/demo/opwatch/opwatch@{DIGEST}"));
    let repository =
        cloud.resource("artifactregistry:projects/demo/locations/europe-west1/repositories/opwatch");
    assert_eq!(repository["dockerConfig"]["immutableTags"], true);
    let environment = environment(container);
    for setting in [
        "SLACK_BOT_TOKEN=secret opwatch-slack, version 1",
        "SLACK_CHANNEL=C024BE91L",
        "TITLE=a b,c",
        "PROJECTS=demo,far",
        "DIGEST_TOPIC=projects/demo/topics/opwatch-digest",
        "DIGEST_SUBSCRIPTION=projects/demo/subscriptions/opwatch-digest",
    ] {
        assert!(environment.iter().any(|found| found == setting), "{environment:?}");
    }
    let secret = cloud.resource("secretmanager:projects/demo/secrets/opwatch-slack/versions/1");
    assert_eq!(secret["payload"]["data"], STANDARD.encode(BOT_TOKEN));
    assert_eq!(
        cloud.resource(ROLE)["includedPermissions"],
        json!([
            "datastore.databases.export",
            "datastore.databases.import",
            "datastore.operations.get",
            "datastore.operations.list",
        ])
    );
    let old = "iam:projects/demo/serviceAccounts/opwatch-push@demo.iam.gserviceaccount.com: \
        roles/iam.serviceAccountTokenCreator: serviceAccount:service-123456789@gcp-sa-pubsub.iam.gserviceaccount.com";
    let mut grants = cloud.grants();
    grants.sort();
    let mut expected = sorted(&GRANTS);
    expected.push(old.to_owned());
    expected.extend(DIGEST_GRANTS.map(str::to_owned));
    expected.push(
        "cloudresourcemanager:projects/demo: roles/datastore.user: \
        serviceAccount:opwatch-run@demo.iam.gserviceaccount.com \
        if resource.name == \"projects/demo/databases/(default)\""
            .to_owned(),
    );
    expected.sort();
    assert_eq!(grants, expected);
    check_digest_subscription(cloud);
    cloud.take_changes();
}

/// What a TTL policy must be set on: each kind that opwatch writes.
fn the_ledger_has_its_policies(cloud: &Cloud) {
    for kind in ["Seen", "SeenClaim", "SeenLast"] {
        let field =
            format!("firestore:projects/demo/databases/(default)/collectionGroups/{kind}/fields/expires");
        assert!(cloud.resource(&field)["ttlConfig"].is_object(), "{field}");
    }
}

/// Six policies, made once; `deploy/up` updates one whose definition is another.
fn alerts_are_made_and_follow_their_definition(cloud: &Cloud) {
    let policies: Vec<_> = cloud.resources().into_iter().filter(|key| is_policy(key)).collect();
    assert_eq!(policies.len(), 6, "{policies:?}");
    let conditions = policies.iter().map(|key| cloud.resource(key)["conditions"].to_string());
    let conditions = conditions.collect::<Vec<_>>().join("\n");
    for expected in [
        "subscription/oldest_unacked_message_age",
        "one_of(\\\"opwatch-push\\\", \\\"opwatch-internal\\\", \\\"opwatch-dead-push\\\")",
        "one_of(\\\"opwatch-push\\\", \\\"opwatch-internal\\\", \\\"opwatch-dead-push\\\", \\\"opwatch-digest\\\")",
        "cloudtasks.googleapis.com/queue/depth",
        "resource.labels.queue_id=\\\"opwatch-notices\\\"",
        "subscription/dead_letter_message_count",
        "jsonPayload.decision=\\\"gave-up\\\"",
        "subscription/push_request_count",
        "DestroySecretVersion",
    ] {
        assert!(conditions.contains(expected), "{expected}: {conditions}");
    }
    let mut policy = cloud.resource(&policies[0]);
    policy["userLabels"]["definition"] = json!("another");
    cloud.put(&policies[0], policy);
}

fn without_alerts_up_deletes_the_policies(cloud: &Cloud) {
    let policy = cloud.resources().into_iter().find(|key| is_policy(key)).unwrap();
    let kept = cloud.resource(&policy);
    cloud.file("settings.env", &cloud.settings().replace("ALERTS=yes", "ALERTS=no"));
    let text = cloud.run("up", &["--no-test"], "").ok();
    assert_eq!(text.matches("delete alert policy \"opwatch: ").count(), 6, "{text}");
    assert!(!cloud.resources().iter().any(|key| is_policy(key)), "{text}");
    // One that was left is for `deploy/down`.
    cloud.put(&policy, kept);
}

fn is_policy(key: &str) -> bool {
    key.starts_with("monitoring:")
}

/// All that a person may do to it in the console.
fn break_it(cloud: &Cloud) {
    let mut push = cloud.resource(PUSH);
    push["ackDeadlineSeconds"] = json!(10);
    cloud.put(PUSH, push);
    let mut push = cloud.resource(INTERNAL_PUSH);
    push["pushConfig"]["pushEndpoint"] = json!("https://elsewhere.example/internal");
    cloud.put(INTERNAL_PUSH, push);
    let mut queue = cloud.resource(REPORT_QUEUE);
    queue["retryConfig"]["maxAttempts"] = json!(100);
    cloud.put(REPORT_QUEUE, queue);
    let mut queue = cloud.resource(CHECK_QUEUE);
    queue["state"] = json!("PAUSED");
    cloud.put(CHECK_QUEUE, queue);
    let mut service = cloud.resource(SERVICE);
    service["metadata"]["annotations"]["run.googleapis.com/ingress"] = json!("all");
    service["spec"]["traffic"] = json!([{"percent": 100, "revisionName": "opwatch-00001"}]);
    cloud.put(SERVICE, service);
    cloud.revoke(SERVICE);
    // Of a project that was made with the Compute Engine API on.
    cloud.grant("cloudresourcemanager:projects/demo", "roles/editor", COMPUTE_ACCOUNT);
    cloud.revoke(INTERNAL_TOPIC);
    cloud.grant(INTERNAL_TOPIC, "roles/pubsub.publisher", RUN_ACCOUNT);
    cloud.remove(DEAD_PUSH);
    cloud.revoke(DEAD_TOPIC);
    // Another would take reports out of the buffer, and messages that are not reports come into it.
    let mut pull = cloud.resource(DIGEST_PULL);
    pull["enableExactlyOnceDelivery"] = json!(false);
    pull["messageRetentionDuration"] = json!("604800s");
    pull["deadLetterPolicy"] =
        json!({"deadLetterTopic": "projects/demo/topics/opwatch-dead", "maxDeliveryAttempts": 5});
    cloud.put(DIGEST_PULL, pull);
    cloud.revoke(DIGEST_PULL);
    cloud.grant(DIGEST_PULL, "roles/pubsub.subscriber", PUSH_ACCOUNT);
    cloud.grant(DIGEST_TOPIC, "roles/pubsub.editor", PUSH_ACCOUNT);
    cloud.keep_messages(DIGEST_PULL, &["2026-11-22T23:00:00.5Z", "2026-11-22T22:00:00Z"]);
}

fn doctor_finds_what_differs(cloud: &Cloud) {
    let ran = cloud.run("doctor", &[], "");

    assert_eq!(ran.code, Some(1), "{}", ran.text);
    let found: Vec<_> = ran.text.lines().filter(|line| line.starts_with("FAIL")).collect();
    let expected = [
        "FAIL  deploy/up would update queue opwatch-reports (maxAttempts: 100 -> -1)",
        "FAIL  deploy/up would resume queue opwatch-checks",
        "FAIL  deploy/up would grant roles/pubsub.publisher on topic opwatch-internal to opwatch-tasks@",
        "FAIL  deploy/up would grant roles/pubsub.viewer on topic opwatch-internal to opwatch-run@",
        "FAIL  deploy/up would create subscription opwatch-dead-push",
        "FAIL  deploy/up would grant roles/pubsub.publisher on topic opwatch-dead to service-123456789@gcp-sa-pubsub.",
        "FAIL  topic opwatch-internal accepts messages from serviceAccount:opwatch-run@",
        "FAIL  deploy/up would update service opwatch (ingress: all -> internal)",
        "FAIL  deploy/up would send all traffic to the latest revision (now: 100 % to opwatch-00001)",
        "FAIL  deploy/up would grant roles/run.invoker on service opwatch to opwatch-push@",
        "FAIL  deploy/up would update subscription opwatch-internal (endpoint: https://elsewhere.example/internal -> ",
        "FAIL  deploy/up would update subscription opwatch-push (ackDeadline: 10 -> 60)",
        "FAIL  deploy/up would update alert policy \"opwatch: ",
        "FAIL  deploy/up would update subscription opwatch-digest (exactlyOnce: false -> true, retention: 604800s -> 2678400s, \
         deadLetter: projects/demo/topics/opwatch-dead -> null)",
        "FAIL  deploy/up would grant roles/pubsub.subscriber on subscription opwatch-digest to opwatch-run@",
        "FAIL  topic opwatch-digest accepts messages from serviceAccount:opwatch-push@",
        "FAIL  serviceAccount:opwatch-push@demo.iam.gserviceaccount.com may take reports out of subscription opwatch-digest",
        "FAIL  2 reports in subscription opwatch-digest, the first since 2026-11-22T22:00:00Z: the log",
    ];
    assert_eq!(found.len(), expected.len(), "{}", ran.text);
    for expected in expected {
        assert!(found.iter().any(|line| line.starts_with(expected)), "{expected}: {}", ran.text);
    }
    assert!(ran.text.contains("ok    topic opwatch-internal\n"), "{}", ran.text);
    let inherited =
        format!("grants on the project let them: serviceAccount:{COMPUTE_ACCOUNT} (roles/editor).");
    assert!(ran.text.contains(&inherited), "{}", ran.text);
    assert!(ran.text.contains("green  the token"), "{}", ran.text);
    assert_eq!(cloud.leased(DIGEST_PULL), 0, "what deploy/doctor pulled is released");
    let changes = cloud.take_changes();
    assert!(changes.iter().all(|call| call.resource.contains("/jobs")), "{changes:?}");
}

fn up_repairs_what_differs(cloud: &Cloud) {
    // A canary stays where it is if that is asked for. Where a secret is stored can't be changed.
    let settings = cloud.settings();
    let elsewhere =
        settings.replace("SECRET_LOCATIONS=europe-west1,europe-west4", "SECRET_LOCATIONS=europe-west1");
    cloud.file("settings.env", &elsewhere);
    let text = cloud.run("up", &["--dry-run", "--keep-traffic"], "").ok();
    cloud.file("settings.env", &settings);
    let said = "secret opwatch-slack is stored in europe-west1,europe-west4, not in europe-west1.";
    assert!(text.contains(said), "{text}");
    assert!(text.contains("traffic is pinned (100 % to opwatch-00001)"), "{text}");
    assert!(!text.contains("send all traffic to the latest revision"), "{text}");

    let text = cloud.run("up", &["--no-test", "--new-secret"], "").ok();

    assert!(text.contains("update subscription opwatch-push (ackDeadline: 10 -> 60)"), "{text}");
    assert!(text.contains("update queue opwatch-reports (maxAttempts: 100 -> -1)"), "{text}");
    assert!(text.contains("ingress: all -> internal"), "{text}");
    assert!(text.contains("add a version to secret opwatch-slack"), "{text}");
    assert!(text.contains("warning: topic opwatch-internal accepts messages from "), "{text}");
    check_queues(cloud, 16.0);
    check_subscriptions(cloud);
    check_digest_subscription(cloud);
    let service = cloud.resource(SERVICE);
    assert_eq!(service["spec"]["traffic"], json!([{"percent": 100, "latestRevision": true}]));
    let environment = environment(&service["spec"]["template"]["spec"]["containers"][0]);
    assert!(
        environment.contains(&"SLACK_BOT_TOKEN=secret opwatch-slack, version 2".to_owned()),
        "{environment:?}"
    );
    assert_eq!(service["metadata"]["annotations"]["run.googleapis.com/ingress"], "internal");
    let changed: Vec<_> = cloud.take_changes().into_iter().map(|call| call.resource).collect();
    assert_eq!(
        changed.iter().filter(|resource| !resource.ends_with(":setIamPolicy")).collect::<Vec<_>>(),
        [
            "secretmanager:projects/demo/secrets/opwatch-slack:addVersion",
            &format!("{CHECK_QUEUE}:resume"),
            REPORT_QUEUE,
            DIGEST_PULL,
            INTERNAL_PUSH,
            SERVICE,
            SERVICE,
            DEAD_PUSH,
            PUSH,
            changed.last().unwrap(),
        ]
    );
    assert!(changed.last().unwrap().starts_with("monitoring:"), "{changed:?}");
    cloud.revoke(INTERNAL_TOPIC);
    cloud.grant(INTERNAL_TOPIC, "roles/pubsub.publisher", "opwatch-tasks@demo.iam.gserviceaccount.com");
    cloud.grant(INTERNAL_TOPIC, "roles/pubsub.viewer", RUN_ACCOUNT);
    for (resource, role) in
        [(DIGEST_PULL, "roles/pubsub.subscriber"), (DIGEST_TOPIC, "roles/pubsub.publisher")]
    {
        cloud.revoke(resource);
        cloud.grant(resource, role, RUN_ACCOUNT);
    }
    cloud.keep_messages(DIGEST_PULL, &[]);
}

fn doctor_runs_as_the_runtime_account(cloud: &Cloud) {
    let text = cloud.run("doctor", &[], "").ok();
    assert!(text.contains("green  the token"), "{text}");
    assert!(text.contains("ok    the buffer of digests is empty\n"), "{text}");
    assert!(!text.contains("FAIL"), "{text}");
    let job = cloud.resource("run:projects/demo/locations/europe-west1/jobs/opwatch-doctor");
    let task = &job["spec"]["template"]["spec"]["template"]["spec"];
    assert_eq!(task["serviceAccountName"], RUN_ACCOUNT);
    let container = &task["containers"][0];
    assert_eq!(container["args"], json!(["doctor"]));
    let service = cloud.resource(SERVICE);
    let deployed = &service["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], deployed["image"]);
    assert_eq!(environment(container), environment(deployed));

    cloud.make_doctor_red();
    let ran = cloud.run("doctor", &["--post"], "");
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(ran.text.contains("red    the token"), "{}", ran.text);
    let job = cloud.resource("run:projects/demo/locations/europe-west1/jobs/opwatch-doctor");
    let container = &job["spec"]["template"]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["args"], json!(["doctor", "--post"]));

    cloud.refuse_executions();
    let ran = cloud.run("doctor", &[], "");
    assert_eq!(ran.code, Some(1), "{}", ran.text);
    assert!(ran.text.contains("you may not run it"), "{}", ran.text);
    assert!(ran.text.contains("job opwatch-doctor did not run"), "{}", ran.text);
    assert!(!ran.text.contains("the token"), "{}", ran.text);
    cloud.take_changes();
}

fn everything_is_removed(cloud: &Cloud) {
    let text = cloud.run("down", &["--purge", "--yes"], "").ok();

    for what in [
        "image repository opwatch",
        "job opwatch-doctor",
        "subscription opwatch-digest",
        "topic opwatch-digest",
    ] {
        assert!(text.contains(&format!("delete {what}\n")), "{what}: {text}");
    }
    assert!(text.contains("gcloud projects remove-iam-policy-binding far --condition=None"), "{text}");
    assert_eq!(text.matches("delete alert policy \"opwatch: ").count(), 1, "{text}");
    // A role that was deleted can still be restored, and what the ledger holds is the user's.
    let is_record = |key: &str| key.contains("/executions/") || key.contains("/builds/");
    let mut left = made(cloud);
    left.retain(|key| !key.starts_with("firestore:") && !is_record(key));
    assert_eq!(left, BTreeSet::from([ROLE.to_owned()]));
    assert_eq!(cloud.resource(ROLE)["deleted"], true);
    let of_others =
        format!("cloudresourcemanager:projects/demo: roles/editor: serviceAccount:{COMPUTE_ACCOUNT}");
    assert_eq!(cloud.grants(), [of_others]);
}

// === Reading the stand-in ===

/// What is there, but for the enabled APIs.
fn made(cloud: &Cloud) -> BTreeSet<String> {
    cloud.resources().into_iter().filter(|key| !key.starts_with("serviceusage:")).collect()
}

/// How often each thing was created.
fn creations(calls: &[Call]) -> BTreeMap<String, u32> {
    let mut times = BTreeMap::new();
    for call in calls {
        let id = match (call.method.as_str(), &call.body) {
            ("PUT", _) => call.resource.clone(),
            ("POST", body) if !call.resource.rsplit('/').next().unwrap().contains(':') => {
                let id = [&body["name"], &body["accountId"], &body["roleId"], &body["metadata"]["name"]];
                let id = id.into_iter().find_map(Value::as_str).unwrap_or_default();
                format!("{} {id}", call.resource)
            }
            _ => continue,
        };
        *times.entry(id).or_default() += 1;
    }
    times
}

pub(crate) fn sorted(lines: &[&str]) -> Vec<String> {
    let mut lines: Vec<_> =
        lines.iter().filter(|line| !line.is_empty()).map(|line| (*line).to_owned()).collect();
    lines.sort();
    lines
}

/// A container's settings, in order.
pub(crate) fn environment(container: &Value) -> Vec<String> {
    let mut settings: Vec<_> = container["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| {
            let name = setting["name"].as_str().unwrap();
            let secret = &setting["valueFrom"]["secretKeyRef"];
            match setting["value"].as_str() {
                Some(value) => format!("{name}={value}"),
                None => format!(
                    "{name}=secret {}, version {}",
                    secret["name"].as_str().unwrap(),
                    secret["key"].as_str().unwrap()
                ),
            }
        })
        .collect();
    settings.sort();
    settings
}
