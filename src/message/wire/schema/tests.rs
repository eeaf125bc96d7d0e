//! The schema is that of the parts, accepts what opwatch writes, and agrees with the reader about what people write.

use std::sync::LazyLock;

use proptest::prelude::*;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::message as schema;
use crate::message::arbitrary::{message, report, text};
use crate::message::{Defaults, Received, read};
use crate::outlets::{ADDRESSING, IDS};
use crate::schema_tests::{Compiled, keep};
use crate::trust::Origin;
use crate::watch::{Problem, ProblemKind};

pub(in crate::message::wire) fn outlets(_: &mut SchemaGenerator) -> Schema {
    let ids = json!({"type": "string", "enum": IDS});
    json_schema!({"type": "array", "items": ids, "minItems": 1, "uniqueItems": true})
}

const FILE: &str = "schema/message.v1.json";

static SCHEMA: LazyLock<Compiled> = LazyLock::new(|| Compiled::new(&schema()));
static DEFAULTS: LazyLock<Defaults> = LazyLock::new(|| Defaults::new(ADDRESSING));

fn read_own(message: &Value) -> Result<(), Problem> {
    let published = "2026-11-28T03:00:12Z".parse().unwrap();
    let received = Received { message_id: "7".to_owned(), published, origin: Origin::Public };
    read(message.to_string().as_bytes(), &received, &DEFAULTS).map(drop)
}

/// What a schema can't say, or says for every opwatch rather than for one with these `SERVICES`.
fn is_beyond(kickoff: &Value, problem: &Problem) -> bool {
    let of_services = matches!(
        problem.kind,
        ProblemKind::OtherService { .. } | ProblemKind::BadName { .. } | ProblemKind::Ambiguous { .. }
    );
    (of_services && problem.field == "name" && kickoff.get("service").is_none())
        || (problem.field == "attempt" && matches!(problem.kind, ProblemKind::Number { .. }))
        || matches!(problem.kind, ProblemKind::TooLarge { .. })
}

/// The fields that every kickoff may have.
fn of_all() -> Value {
    json!({"title": "夜間 backup", "locale": "ja", "timeZone": "Asia/Tokyo", "interval": 90, "limit": 10,
        "channel": "C024BE91L", "mention": "here", "mentionOn": "always", "notify": "start,end",
        "$schema": "https://example.com/message.v1.json"})
}

/// One kickoff of each kind.
fn kickoffs() -> Vec<Value> {
    let datastore = json!({"service": "datastore", "path": "projects/example.com:p:export",
        "body": {"outputUrlPrefix": "gs://b/${date}", "entityFilter": {"kinds": ["$${a}"]}, "labels": {"team": "x"}}});
    let firestore = json!({"service": "firestore", "path": "projects/p/databases/(default):importDocuments",
        "body": {"inputUriPrefix": "gs://b/2026", "collectionIds": ["a"]}});
    let mut with_all = of_all();
    with_all["test"] = json!(true);
    vec![
        with_all,
        json!({"name": "projects/p/operations/x", "service": "datastore", "attempt": 3}),
        json!({"name": "projects/p/databases/d/operations/x"}),
        json!({"start": datastore, "key": "k-1"}),
        json!({"start": firestore}),
        json!({"name": "projects/p/databases/d/operations/x", "until": "6h"}),
    ]
}

/// Values that some field takes or does not.
fn values() -> Vec<Value> {
    let texts = [
        "",
        " ",
        "x",
        "a\u{202e}b",
        "\u{a0}",
        "en",
        "UTC",
        "Mars/Olympus",
        "here",
        "U024BE7LH",
        "c024",
        "C1",
        "live",
        "start,end",
        "never",
        "datastore",
        "spanner",
        "newer",
        "projects/p/operations/..",
        "projects/p/operations/x/",
        "projects/p/operations/a b",
        "projects/.:x/operations/y",
        "projects/p:import",
        "projects/p/databases/${id}:exportDocuments",
        "projects/..:export",
        "projects/..:x:export",
        "projects/p:delete",
        "gs://b",
        "gs://",
        "gs:///x",
        "s3://b",
        "${date}",
        "${day}",
        "$${x}",
        "$$${x",
        "1m",
        "28d",
        "29d",
        "672h",
        "673h",
        "40320m",
        "40321m",
        "06h",
        "$",
        "k_9-",
        "K",
    ];
    let others = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(9_999),
        json!(10_000),
        json!(10_001),
        json!(86_400),
        json!(86_401),
        json!(-1),
        json!(1.5),
        json!([]),
        json!(["${x}"]),
        json!({}),
        json!({"a": "${time}"}),
        json!({"opwatch-key": "x"}),
        json!({"a": [{"b": "${"}]}),
    ];
    let long = ["日".repeat(100), "日".repeat(101), "k".repeat(63), "k".repeat(64)];
    let texts = texts.into_iter().map(str::to_owned).chain(long).map(Value::from);
    texts.chain(others).collect()
}

/// Whether the reader and the schema agree about a message that a person wrote.
fn check(kickoff: &Value) -> Result<(), TestCaseError> {
    let (read, invalid) = (read_own(kickoff), SCHEMA.problem(kickoff));
    match &read {
        Ok(()) => {
            prop_assert!(
                invalid.is_none(),
                "the reader takes {kickoff}, but {}",
                invalid.unwrap_or_default()
            );
        }
        Err(problem) if is_beyond(kickoff, problem) => {}
        Err(problem) => {
            prop_assert!(invalid.is_some(), "the schema takes {kickoff}, but the reader: {problem:?}");
        }
    }
    Ok(())
}

#[test]
fn the_schema_of_messages_is_that_of_the_code() {
    keep(FILE, &schema());
}

/// Every field of every kickoff with every value, without it, and with one more.
#[test]
fn the_schema_takes_what_the_reader_takes() {
    let values = values();
    for kickoff in kickoffs() {
        let mut with_all = kickoff.clone();
        with_all.as_object_mut().unwrap().extend(of_all().as_object().unwrap().clone());
        if kickoff.get("until").is_some() {
            // It goes with neither.
            with_all.as_object_mut().unwrap().retain(|field, _| field != "interval" && field != "limit");
        }
        assert_eq!((read_own(&with_all), SCHEMA.problem(&with_all)), (Ok(()), None), "{with_all}");
        let mut places = Vec::new();
        crate::message::tests::pointers(&kickoff, String::new(), &mut places);
        places.extend(
            [
                "/start",
                "/name",
                "/key",
                "/attempt",
                "/service",
                "/test",
                "/newer",
                "/start/newer",
                "/start/body/newer",
                "/start/body/a_b",
                "/start/body/name",
                "/start/body/projectId",
                "/start/body/kinds",
                "/start/body/labels/opwatch-key",
            ]
            .map(str::to_owned),
        );
        for place in places {
            let (parent, field) = place.rsplit_once('/').unwrap();
            for value in values.iter().map(Some).chain([None]) {
                let mut changed = kickoff.clone();
                let Some(object) = changed.pointer_mut(parent).and_then(Value::as_object_mut) else {
                    continue;
                };
                match value {
                    Some(value) => object.insert(field.to_owned(), value.clone()),
                    None => object.remove(field),
                };
                check(&changed).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_valid(message in message()) {
        let written: Value = serde_json::from_slice(&message.to_data()).unwrap();
        prop_assert_eq!(SCHEMA.problem(&written), None, "{}", written);
    }

    #[test]
    fn a_report_to_another_outlet_is_valid(report in report()) {
        let written = crate::watch::Message::Report(Box::new(report.to_outlet("events"))).to_json();
        prop_assert_eq!(SCHEMA.problem(&written), None, "{}", written);
    }

    /// What a message asks people to paste.
    #[test]
    fn kickoffs_to_paste_are_valid(report in report()) {
        for mut kickoff in [report.again(), report.start_again()].into_iter().flatten() {
            kickoff.remove("channel");
            check(&Value::Object(kickoff))?;
        }
    }

    #[test]
    fn a_title_is_read_as_the_schema_says(title in text(120)) {
        check(&json!({"test": true, "title": title}))?;
    }

    #[test]
    fn placeholders_are_read_as_the_schema_says(text in r"([$]{1,3}|\{|\}|date|id|x|\$\{time\}){0,8}") {
        let body = json!({"outputUrlPrefix": format!("gs://b/{text}"), "x": [{"y": text}]});
        check(&json!({"start": {"service": "datastore", "path": "projects/p:export", "body": body}}))?;
        check(&json!({"start": {"service": "datastore", "path": format!("projects/p{text}:export"), "body": {}}}))?;
    }

    #[test]
    fn names_are_read_as_the_schema_says(name in r"projects/[a.:~]{0,3}(/databases/[a.]{0,3})?/operations/[a./=]{0,4}") {
        check(&json!({"name": name, "service": "datastore"}))?;
        check(&json!({"name": name}))?;
    }
}
