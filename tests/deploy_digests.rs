//! The steps of `deploy/` for the buffer of digests, with the real gcloud on the stand-in: it is emptied before it is removed.
//! How it is made, compared and repaired is part of the story of a bot in `deploy.rs`.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::json;

use crate::deploy::{DIGEST_PULL, DIGEST_TOPIC, check_digest_subscription, environment};
use crate::support::gcloud::Cloud;

const SETTINGS: &str = "PROJECT=demo\nREGION=europe-west1\nEXPORT_PREFIXES=gs://backups/\nSLACK=bot\nSLACK_CHANNEL=C024BE91L\n\
    IMAGE=europe-west1-docker.pkg.dev/demo/images/opwatch:1\n";
const TOKEN: &str = "xoxb-canary-secret-77aa";
const SERVICE: &str = "run:projects/demo/locations/europe-west1/services/opwatch";

#[test]
fn the_buffer_is_emptied_before_it_is_replaced_or_removed() {
    let Some(cloud) = Cloud::new("digests", "2026-01-01T00:00:00Z") else { return };
    cloud.file("settings.env", &format!("{SETTINGS}DIGEST_ABOVE=20\n"));
    cloud.run("up", &["--no-test"], TOKEN).ok();
    check_digest_subscription(&cloud);
    assert_eq!(digest_settings(&cloud).last().unwrap(), "DIGEST_TOPIC=projects/demo/topics/opwatch-digest");
    assert_eq!(digest_settings(&cloud)[0], "DIGEST_ABOVE=20");

    a_subscription_without_its_topic_is_replaced_once_it_is_empty(&cloud);
    a_roll_back_says_what_waits(&cloud);
    a_pause_leaves_it_alone(&cloud);
    switched_off_it_is_emptied_and_then_removed(&cloud);
    assert_eq!(cloud.refused(), Vec::<String>::new());
}

/// The settings of the service that are about digests.
fn digest_settings(cloud: &Cloud) -> Vec<String> {
    let settings = environment(&cloud.resource(SERVICE)["spec"]["template"]["spec"]["containers"][0]);
    settings.into_iter().filter(|setting| setting.starts_with("DIGEST")).collect()
}

/// What was changed, but for the policy that gcloud writes with each deployment of the service.
fn changed(cloud: &Cloud) -> Vec<String> {
    let changes =
        cloud.take_changes().into_iter().filter(|call| !call.resource.ends_with("opwatch:setIamPolicy"));
    changes.map(|call| format!("{} {}", call.method, call.resource)).collect()
}

fn a_subscription_without_its_topic_is_replaced_once_it_is_empty(cloud: &Cloud) {
    let mut pull = cloud.resource(DIGEST_PULL);
    pull["topic"] = json!("_deleted-topic_");
    cloud.put(DIGEST_PULL, pull.clone());
    cloud.revoke(DIGEST_TOPIC);
    cloud.remove(DIGEST_TOPIC);
    cloud.take_changes();

    let text = cloud.run("up", &["--no-test"], "").ok();

    let said = "warning: subscription opwatch-digest must be replaced, since its topic was deleted. First the service posts";
    assert!(text.contains(said), "{text}");
    assert_eq!(changed(cloud), [format!("PUT {SERVICE}")]);
    assert_eq!(digest_settings(cloud)[0], "DIGEST_ABOVE=0");
    assert_eq!(cloud.resource(DIGEST_PULL), pull);

    // It is not empty yet.
    cloud.keep_messages(DIGEST_PULL, &["2026-11-22T22:00:00Z"]);
    let text = cloud.run("up", &["--no-test"], "").ok();
    assert!(text.contains(said) && changed(cloud).is_empty(), "{text}");
    assert_eq!(cloud.leased(DIGEST_PULL), 0);

    cloud.keep_messages(DIGEST_PULL, &[]);
    cloud.run("up", &["--no-test"], "").ok();
    check_digest_subscription(cloud);
    assert_eq!(digest_settings(cloud)[0], "DIGEST_ABOVE=20");
    let changed = changed(cloud);
    let at = |what: &str| changed.iter().position(|changed| changed.ends_with(what)).expect(what);
    // The first report that is published finds its subscription.
    assert!(at(DIGEST_TOPIC) < at(&format!("PUT {DIGEST_PULL}")), "{changed:?}");
    assert!(at("topics/opwatch-digest:setIamPolicy") < at("services/opwatch"), "{changed:?}");
}

fn a_roll_back_says_what_waits(cloud: &Cloud) {
    let text = cloud.run("rollback", &["--dry-run"], "").ok();
    assert!(text.contains(",DIGEST_ABOVE=0") && !text.contains("no digests"), "{text}");

    rolled_back_the_service_buffers_no_more(cloud);

    cloud.keep_messages(DIGEST_PULL, &["2026-11-22T22:00:00Z"; 3]);
    let text = cloud.run("rollback", &["--dry-run"], "").ok();
    assert!(
        text.contains("3 reports in subscription opwatch-digest, since version 0.1 has no digests."),
        "{text}"
    );
    cloud.keep_messages(DIGEST_PULL, &["2026-11-22T22:00:00Z"; 101]);
    let text = cloud.run("down", &["--dry-run"], "").ok();
    assert!(text.contains("100 reports or more in the buffer of digests will not be posted.\n"), "{text}");
    assert!(text.contains("would delete subscription opwatch-digest: "), "{text}");
    assert_eq!(cloud.leased(DIGEST_PULL), 0);
}

/// That it accepts its own messages at / already does not suffice.
fn rolled_back_the_service_buffers_no_more(cloud: &Cloud) {
    let before = cloud.resource(SERVICE);
    let until = (Utc::now() + TimeDelta::days(9)).to_rfc3339_opts(SecondsFormat::Secs, true);
    for (above, buffers) in [("20", true), ("0", false)] {
        let mut service = before.clone();
        let settings = service["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap();
        settings.retain(|setting| setting["name"] != "DIGEST_ABOVE");
        settings.push(json!({"name": "DIGEST_ABOVE", "value": above}));
        settings.push(json!({"name": "ACCEPT_PUBLIC_STATE_UNTIL", "value": until}));
        cloud.put(SERVICE, service);
        let text = cloud.run("rollback", &["--dry-run"], "").ok();
        assert_eq!(text.contains(",DIGEST_ABOVE=0"), buffers, "{text}");
        assert_eq!(text.contains("unchanged: opwatch's own messages are accepted at /"), !buffers, "{text}");
    }
    cloud.put(SERVICE, before);
}

fn a_pause_leaves_it_alone(cloud: &Cloud) {
    let text = cloud.run("pause", &["--dry-run"], "").ok();
    assert!(text.contains("would pause queue opwatch-reports") && !text.contains("opwatch-digest"), "{text}");
}

fn switched_off_it_is_emptied_and_then_removed(cloud: &Cloud) {
    cloud.file("settings.env", &format!("{SETTINGS}DIGESTS=no\n"));
    cloud.keep_messages(DIGEST_PULL, &["2026-11-22T22:00:00Z"]);
    cloud.take_changes();

    let text = cloud.run("up", &["--no-test"], "").ok();

    assert!(
        text.contains("warning: digests are switched off. First the service posts the reports"),
        "{text}"
    );
    assert_eq!(changed(cloud), [format!("PUT {SERVICE}")]);
    assert_eq!(digest_settings(cloud)[0], "DIGEST_ABOVE=0");

    cloud.keep_messages(DIGEST_PULL, &[]);
    let text = cloud.run("up", &["--no-test"], "").ok();
    let removed = [DIGEST_PULL, DIGEST_TOPIC].map(|key| format!("DELETE {key}"));
    assert_eq!(changed(cloud), [&[format!("PUT {SERVICE}")][..], &removed].concat(), "{text}");
    assert_eq!(digest_settings(cloud), Vec::<String>::new());
}
