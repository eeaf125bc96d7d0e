//! What is written reads back, whatever it is, and what is read never does harm.

use std::sync::LazyLock;

use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::arbitrary::{message, report, text};
use super::*;
use crate::trust::Origin;
use crate::watch::{Locale, Message, Notify, Outcome, Problem, ProblemKind};

fn received() -> Received {
    // Later than any time that a message carries.
    let published = DateTime::from_timestamp(253_402_300_799, 0).unwrap();
    Received { message_id: "2070443601311540".to_owned(), published, origin: Origin::Internal }
}

static DEFAULTS: LazyLock<Defaults> = LazyLock::new(|| Defaults::new(crate::outlets::ADDRESSING).fixed());

fn read_back(data: &[u8]) -> Result<Message, Problem> {
    read(data, &received(), &DEFAULTS)
}

/// A version without outlets sees a success that nobody asked to hear of, and no operation that the report could be taken for.
#[test]
fn an_older_version_drops_a_report_to_another_outlet() {
    let told = json!({"outcome": "failed"});
    let message =
        json!({"name": "projects/p/operations/x", "attempt": 3, "state": {"id": "7", "report": told}});
    let Ok(Message::Report(report)) = read_back(message.to_string().as_bytes()) else { panic!("a report") };
    let data = Message::Report(Box::new(report.to_outlet("events"))).to_data();
    let Ok(Message::Report(read)) = read_back(&data) else { panic!("a report") };
    assert_eq!(
        (read.outlet.as_deref(), read.outcome, read.attempt),
        (Some("events"), Outcome::Failed, Some(3))
    );

    let mut older: Value = serde_json::from_slice(&data).unwrap();
    older["state"]["report"].as_object_mut().unwrap().remove("outlet");
    let Ok(Message::Report(read)) = read_back(older.to_string().as_bytes()) else { panic!("a report") };
    assert_eq!((read.outcome, read.watch.routing.notify), (Outcome::Succeeded, Some(Notify::Failure)));
    assert!(read.operation.is_none() && read.live.is_none() && read.watch.id == "7");
}

#[test]
fn a_report_to_another_outlet_is_dropped_unless_it_is_one() {
    let report = json!({"state": {"report": {"outcome": "failed"}}});
    let good = json!({"id": "events", "message": report});
    let read = |outlet: &Value| {
        let message = json!({"state": {"id": "7", "report": {"outlet": outlet}}}).to_string();
        assert!(is_report(message.as_bytes(), Origin::Internal));
        read_back(message.as_bytes()).map_err(|problem| problem.field)
    };
    assert!(read(&good).is_ok());
    for (field, value) in [
        ("id", json!(7)),
        ("id", json!("")),
        ("id", json!("a b")),
        ("message", json!("x")),
        ("message", json!({"test": true, "state": {}})),
        ("message", json!({"state": {"report": {"outlet": good}}})),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(read(&bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_report_to_another_outlet_reads_back(report in report()) {
        let message = Message::Report(Box::new(report.to_outlet("events")));
        let is_short = Message::Report(Box::new(report)).to_json().to_string().len() <= MAX_WRITTEN_BYTES - 512;
        let data = message.to_data();
        prop_assert!(data.len() <= MAX_WRITTEN_BYTES);
        let read = read_back(&data);
        if is_short {
            prop_assert_eq!(read, Ok(message));
        } else {
            prop_assert!(read.is_ok());
        }
    }

    #[test]
    fn what_is_written_reads_back(message in message()) {
        let data = message.to_data();
        if message.to_json().to_string().len() <= MAX_WRITTEN_BYTES {
            prop_assert_eq!(read_back(&data), Ok(message));
        } else {
            let (read, known) = (read_back(&data).unwrap(), message);
            prop_assert_eq!(read.kind_and_number(), known.kind_and_number());
            prop_assert_eq!(read.operation_name(), known.operation_name());
            prop_assert_eq!(&read.watch().id, &known.watch().id);
        }
    }

    #[test]
    fn nothing_written_is_too_long(message in message(), size in 0_usize..40_000) {
        prop_assert!(message.to_data().len() <= MAX_WRITTEN_BYTES);
        let mut json = message.to_json();
        json["newField"] = json!("x".repeat(size));
        if let Ok(message) = read_back(json.to_string().as_bytes()) {
            prop_assert!(message.to_data().len() <= MAX_WRITTEN_BYTES);
        }
    }

    /// Whoever may publish can forge a state.
    #[test]
    fn a_forged_text_of_any_length_is_cut(message in message(), pointer in 0_usize..12, size in 0_usize..28_000) {
        let pointers = ["/state/id", "/state/error/text", "/state/error/status", "/state/report/error/text",
            "/state/report/error/status", "/state/report/facts/output", "/state/report/facts/error/text",
            "/state/report/notice/excerpt", "/state/report/notice/messageId", "/state/last/facts/state",
            "/state/report/reason/setting", "/state/report/notice/problem/why/detail"];
        let mut json = message.to_json();
        if let Some(place) = json.pointer_mut(pointers[pointer]) {
            *place = json!("é".repeat(size / 2));
        }
        if let Ok(message) = read_back(json.to_string().as_bytes()) {
            prop_assert!(message.to_data().len() <= MAX_WRITTEN_BYTES, "{}", message.to_data().len());
        }
    }

    #[test]
    fn fields_of_a_newer_version_are_passed_on(message in message(), name in "newer[A-Z]{1,5}", value in text(10)) {
        let mut json = message.to_json();
        json[&name] = json!({"a": [value.clone()]});
        json["state"][&name] = json!(value);
        prop_assume!(json.to_string().len() <= MAX_WRITTEN_BYTES);
        let passed_on = read_back(json.to_string().as_bytes()).unwrap().to_json();
        prop_assert_eq!(&passed_on[&name], &json[&name]);
        prop_assert_eq!(&passed_on["state"][&name], &json["state"][&name]);
    }

    /// After a roll-back this version retries reports of a newer one, which then goes on.
    #[test]
    fn what_a_newer_version_tells_is_passed_on(report in report(), name in "newer[A-Z]{1,5}") {
        let mut json = Message::Report(Box::new(report)).to_json();
        json["state"]["report"][&name] = json!(name);
        json["state"]["report"]["outcome"] = json!(name);
        prop_assume!(json.to_string().len() <= MAX_WRITTEN_BYTES);
        let Ok(Message::Report(mut read)) = read_back(json.to_string().as_bytes()) else { panic!("no report") };
        prop_assert_eq!(read.outcome, Outcome::CannotTell);
        (read.tries, read.claim_waits, read.as_plain_text, read.fallback_reason) = (77, 78, true, Some("not_in_channel".to_owned()));
        for (field, value) in [("tries", json!(77)), ("waits", json!(78)), ("plain", json!(true)), ("diverted", json!("not_in_channel"))] {
            json["state"]["report"][field] = value;
        }
        prop_assert_eq!(&Message::Report(read).to_json()["state"]["report"], &json["state"]["report"]);
    }

    /// Whatever opwatch passes on is nothing that a publisher may write.
    #[test]
    fn a_state_from_the_public_topic_is_refused(message in message()) {
        let forged = message.to_json();
        prop_assert!(forged.get("state").is_some());
        let public = Received { origin: Origin::Public, ..received() };
        prop_assert!(read(forged.to_string().as_bytes(), &public, &DEFAULTS).is_err(), "{}", forged);
    }

    #[test]
    fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_back(&data);
        for origin in [Origin::Public, Origin::Internal] {
            let _ = is_report(&data, origin);
        }
    }

    /// Each field of any type: a person's is refused by name, what is passed on is read all the same.
    #[test]
    fn any_value_in_any_field_is_read_or_refused(message in message(), picked in any::<u16>(), number in any::<i64>()) {
        let mut json = message.to_json();
        let mut places = Vec::new();
        pointers(&json, String::new(), &mut places);
        let place = &places[usize::from(picked) % places.len()];
        for value in [json!(null), json!(number), json!(-0.5), json!("x"), json!([1]), json!({"a": 1}), json!(true)] {
            *json.pointer_mut(place).unwrap() = value;
            let _ = read_back(json.to_string().as_bytes()).map(|message| message.to_data());
            let mut own = json.clone();
            own.as_object_mut().unwrap().remove("state");
            let _ = read_back(own.to_string().as_bytes());
        }
    }
}

/// The places of all values in `json`.
pub(super) fn pointers(json: &Value, at: String, all: &mut Vec<String>) {
    if let Some(object) = json.as_object() {
        for (name, value) in object {
            pointers(value, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
        }
    }
    if !at.is_empty() {
        all.push(at);
    }
}

/// Times at the end of what can be told must not stop a push.
#[test]
fn times_out_of_reach_are_not_taken() {
    for time in [
        "+262142-12-31T23:59:59Z",
        "-262143-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "+10000-01-01T00:00:00Z",
    ] {
        let data = json!({"name": "projects/demo/operations/x", "start": null, "state": {
            "first": time, "asked": time, "last": {"at": time, "facts": {}},
            "report": {"outcome": "failed", "at": time, "facts": {"start": time, "end": time}},
        }});
        let Ok(Message::Report(report)) = read_back(data.to_string().as_bytes()) else { panic!("a report") };
        assert_eq!((report.at, report.facts.start, report.facts.end), (received().published, None, None));
        let mut data = data;
        data["state"].as_object_mut().unwrap().remove("report");
        data.as_object_mut().unwrap().remove("start");
        let Ok(Message::Check(check)) = read_back(data.to_string().as_bytes()) else { panic!("a check") };
        assert_eq!((check.first, check.last), (received().published, None), "{time}");
    }
}

/// Every form of message that this version writes or takes, which every later version must read.
#[test]
fn every_message_of_version_1_stays_readable() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/messages/v1");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        let data = std::fs::read(&file).unwrap();
        let json: Value = serde_json::from_slice(&data).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let message = read_back(&data).unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
        let kind = match &message {
            Message::Start(_) => "start",
            Message::Check(_) => "check",
            Message::Report(_) => "report",
            Message::Test(_) => "test",
        };
        assert!(name.split('-').nth(1) == Some(kind), "{name} is read as a {kind}");
        if name.starts_with("carried") {
            assert_eq!(message.to_json(), json, "{name} is written as it was");
        }
    }
}

#[test]
fn a_state_that_a_person_wrote_is_an_unknown_field() {
    let public = Received { origin: Origin::Public, ..received() };
    for message in [
        json!({"name": "projects/p/operations/x", "state": {"version": 1, "id": "5"}}),
        json!({"name": "projects/p/operations/x", "state": {"report": {"outcome": "succeeded"}}}),
        json!({"name": "projects/p/operations/x", "state": 7}),
        json!({"test": true, "state": {}}),
        json!({"state": {"report": {"outcome": "succeeded"}}}),
        json!({"state": null}),
    ] {
        let problem = read(message.to_string().as_bytes(), &public, &DEFAULTS).unwrap_err();
        assert_eq!((problem.field.as_str(), problem.kind), ("state", ProblemKind::UnknownField), "{message}");
    }
    let own = read(br#"{"name":"projects/p/operations/x"}"#, &public, &DEFAULTS);
    assert!(matches!(own, Ok(Message::Check(check)) if !check.is_continuation));
}

#[test]
fn another_services_name_is_not_asked_of_datastore() {
    let message =
        json!({"name": "projects/p/operations/x", "service": "newer", "state": {"version": 2, "id": "5"}});
    assert_eq!(read_back(message.to_string().as_bytes()).unwrap_err().field, "service");
}

#[test]
fn words_of_a_newer_version_are_passed_on() {
    let message = json!({"name": "projects/p/operations/x", "locale": "fr", "timeZone": "Mars/Olympus",
        "state": {"version": 2, "id": "5"}});
    let passed_on = read_back(message.to_string().as_bytes()).unwrap().to_json();
    assert_eq!((&passed_on["locale"], &passed_on["timeZone"]), (&json!("fr"), &json!("Mars/Olympus")));
}

#[test]
fn only_the_spelling_of_the_reference_is_taken() {
    let start = json!({"service": "datastore", "path": "projects/p:export",
        "body": {"outputUrlPrefix": "gs://safe", "output_url_prefix": "gs://other"}});
    let problem = read_back(json!({"start": start}).to_string().as_bytes()).unwrap_err();
    assert_eq!(
        (problem.field.as_str(), problem.kind),
        ("start.body.output_url_prefix", ProblemKind::UnknownField)
    );
}

/// What a field must be is said in both languages.
#[test]
fn no_form_is_said_in_english_in_a_japanese_notice() {
    let name = "projects/my-project/operations/ASA1";
    let export = |location: &str| json!({"service": "datastore", "path": "projects/p:export", "body": {"outputUrlPrefix": location}});
    let messages = [
        json!({"name": name, "timeZone": "Mars"}),
        json!({"name": name, "channel": "#general"}),
        json!({"name": name, "mention": "somebody"}),
        json!({"start": export("gs://b"), "key": "A B"}),
        json!({"start": export("b/folder")}),
        json!({"state": {"report": {"outlet": {"id": 1}}}}),
    ];
    for message in messages {
        let Err(Problem { kind: ProblemKind::Form { form }, field }) =
            read_back(message.to_string().as_bytes())
        else {
            panic!("not refused for its form: {message}");
        };
        let why = ProblemKind::Form { form: form.clone() };
        let said = Locale::Ja.words().problem(&Problem::new(&field, why));
        assert!(!said.contains(&form), "{said}");
    }
}
