//! What people and their tools write: encodings, slips of JSON, keys that stand twice, titles, and bodies that no service takes.

use opwatch::fakes::Plan;
use serde_json::{Value, json};

use crate::support::opwatch::{
    GREEN, INTERNAL_TOPIC, NAME, ORANGE, Opwatch, TASKS_ACCOUNT, TOPIC, colour, export, firestore_export,
    lasting, texts,
};

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

/// Publishes each of these, which must become a notice that says this and nothing else.
async fn are_told(cases: &[(Vec<u8>, &str)]) {
    let opwatch = Opwatch::start().await;
    for (number, (data, said)) in cases.iter().enumerate() {
        opwatch.world.pubsub.publish(TOPIC, data).await;
        opwatch.world.settled().await;
        let shown = String::from_utf8_lossy(data);
        assert_eq!(opwatch.slack().len(), number + 1, "{shown}");
        let told = opwatch.slack()[number].clone();
        assert_eq!(colour(&told), ORANGE, "{told}");
        let text = texts(&told).join("\n");
        assert!(text.contains(said), "{shown} should say {said:?}: {text}");
    }
    assert!(opwatch.world.operations.requests().is_empty());
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// Messages of one field each become notices of that field.
async fn fields_are_told(cases: &[(Value, &str, &str)]) {
    let opwatch = Opwatch::start().await;
    for (number, (message, field, said)) in cases.iter().enumerate() {
        opwatch.watch(message).await;
        assert_eq!(opwatch.slack().len(), number + 1, "{message}");
        let text = texts(&opwatch.slack()[number]).join("\n");
        assert!(text.contains(&format!("*Field*\n`{field}`")), "{message}: {text}");
        assert!(text.contains(said), "{message}: {text}");
    }
    assert!(opwatch.world.operations.requests().is_empty());
    opwatch.stop().await;
}

#[tokio::test]
async fn a_kickoff_with_a_byte_order_mark_is_watched() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, Plan::default());
    let data = format!("\u{feff}{}", json!({"name": NAME}));
    opwatch.world.pubsub.publish(TOPIC, data.as_bytes()).await;
    opwatch.world.settled().await;
    assert_eq!(colour(&opwatch.only_message()), GREEN);
    opwatch.stop().await;
}

#[tokio::test]
async fn slips_are_named_as_what_they_are_with_the_fix() {
    let object = r#"{"name": "projects/demo/operations/x"}"#;
    are_told(&[
        (
            utf16(&format!("\u{feff}{object}"), u16::to_le_bytes),
            "the text is UTF-16LE, not UTF-8. Save it as UTF-8",
        ),
        (utf16(object, u16::to_le_bytes), "{\"name\": \"projects/demo/operations/x\"}"),
        (utf16(object, u16::to_be_bytes), "the text is UTF-16BE, not UTF-8."),
        (json!(object).to_string().into(), "the object is inside a JSON string (encoded twice)."),
        (b"eyJuYW1lIjogIngifQ==".into(), "it is base64 (encoded twice)"),
        (format!("'{object}'").into(), "the whole text is in quotes"),
        (b"{name: projects/demo/operations/x}".into(), "a name or string has no double quotes."),
        (object.replace('"', "\\\"").into(), "the quotes are escaped with backslashes."),
        (object.replacen('"', "\u{201c}", 1).into(), "it contains typographic quotes"),
        (object.replace('"', "'").into(), "it is a Python dict"),
        (b"{\"test\": True}".into(), "Print it with json.dumps."),
        (object.replace('}', ",}").into(), "there is a comma before a closing brace"),
        (object.replace('}', "# why\n}").into(), "it contains a comment"),
        (b"name: projects/demo/operations/x\n".into(), "it is YAML. Convert it to JSON"),
        (format!("[{object}]").into(), "it is a list. Publish each object as its own message."),
        (b" \n".into(), "The message has no data."),
    ])
    .await;
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused_by_its_name() {
    let twice = r#"{"name": "projects/demo/operations/a", "name": "projects/demo/operations/b"}"#;
    let inside = export().to_string().replace(r#""kinds":"#, r#""kinds": [], "kinds":"#);
    are_told(&[
        (twice.into(), "*Field*\n`name`"),
        (twice.replace("\"name\"", "\"n\\u0061me\"").into(), "Appears twice in the same object"),
        (inside.into(), "*Field*\n`start.body.entityFilter.kinds`"),
    ])
    .await;
}

/// Messages that opwatch passed on are read leniently.
#[tokio::test]
async fn a_key_that_stands_twice_in_what_was_passed_on_is_read() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, Plan::default());
    let data =
        format!(r#"{{"name": "{NAME}", "title": "a", "title": "b", "state": {{"version": 1, "id": "5"}}}}"#);
    opwatch.world.pubsub.publish_as(TASKS_ACCOUNT, INTERNAL_TOPIC, data.as_bytes()).await;
    opwatch.world.settled().await;
    assert!(
        opwatch.only_message()["text"].as_str().unwrap().contains("b succeeded"),
        "{:?}",
        opwatch.slack()
    );
    opwatch.stop().await;
}

#[tokio::test]
async fn a_title_is_one_line_of_plain_characters() {
    let cases: Vec<_> = [
        ("a\nb", "Contains the character U+000A."),
        ("a\u{7}b", "U+0007"),
        ("a\u{202e}b", "U+202E"),
        ("a\u{2066}b", "U+2066"),
        ("a\u{200f}b", "U+200F"),
        ("a\u{61c}b", "U+061C"),
        ("a\u{2028}b", "U+2028"),
    ]
    .into_iter()
    .map(|(title, said)| (json!({"name": NAME, "title": title}), "title", said))
    .collect();
    fields_are_told(&cases).await;
}

/// A message in flight may carry what was once taken.
#[tokio::test]
async fn a_title_in_flight_is_cleaned() {
    let opwatch = Opwatch::start().await;
    opwatch.world.operations.add(NAME, lasting(0));
    let title = "Nightly\n\n\u{202e}backup";
    opwatch.watch(&json!({"name": NAME, "title": title, "state": {"version": 1, "id": "5"}})).await;
    let text = opwatch.only_message()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("*Nightly   backup succeeded*"), "{text:?}");
    opwatch.stop().await;
}

#[tokio::test]
async fn a_body_that_repeats_the_path_is_refused() {
    let with = |mut kickoff: Value, field: &str, value: &str| {
        kickoff["start"]["body"][field] = json!(value);
        kickoff
    };
    let said = "Already given by start.path, and the two could differ.";
    let mut carried = with(export(), "projectId", "other");
    carried["state"] = json!({"version": 1, "id": "5"});
    fields_are_told(&[
        (with(export(), "projectId", "other"), "start.body.projectId", said),
        (with(firestore_export(), "name", "projects/other/databases/x"), "start.body.name", said),
        (carried, "start.body.projectId", said),
    ])
    .await;
}

/// Google refuses these for certain, so nothing is asked.
#[tokio::test]
async fn a_body_that_no_service_takes_is_refused_at_once() {
    let start = |service: &str, path: &str, body: Value| json!({"start": {"service": service, "path": path, "body": body}});
    let datastore = |method: &str, body| start("datastore", &format!("projects/demo:{method}"), body);
    let firestore =
        |method: &str, body| start("firestore", &format!("projects/demo/databases/(default):{method}"), body);
    let form = "Must be gs://BUCKET or gs://BUCKET/FOLDER.";
    fields_are_told(&[
        (datastore("export", json!({"outputUrlPrefix": "backups"})), "start.body.outputUrlPrefix", form),
        (datastore("export", json!({"outputUrlPrefix": "gs://"})), "start.body.outputUrlPrefix", form),
        (datastore("export", json!({"outputUrlPrefix": 7})), "start.body.outputUrlPrefix", form),
        (
            datastore("import", json!({"inputUrl": "b/x.overall_export_metadata"})),
            "start.body.inputUrl",
            form,
        ),
        (
            firestore("exportDocuments", json!({"outputUriPrefix": "s3://b"})),
            "start.body.outputUriPrefix",
            form,
        ),
        (firestore("importDocuments", json!({"inputUriPrefix": "b/x"})), "start.body.inputUriPrefix", form),
        (
            datastore("export", json!({"outputUriPrefix": "gs://b"})),
            "start.body.outputUriPrefix",
            "Use outputUrlPrefix instead.",
        ),
        (
            firestore("exportDocuments", json!({"outputUrlPrefix": "gs://b"})),
            "start.body.outputUrlPrefix",
            "Use outputUriPrefix instead.",
        ),
        (
            firestore("exportDocuments", json!({"outputUriPrefix": "gs://b", "kinds": ["a"]})),
            "start.body.kinds",
            "Use collectionIds instead.",
        ),
        (
            datastore("export", json!({"outputUrlPrefix": "gs://b", "collectionIds": ["a"]})),
            "start.body.collectionIds",
            "Use entityFilter.kinds instead.",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_notice_of_an_unusable_message_mentions_no_person() {
    let opwatch = Opwatch::start_with(|args| {
        args.set("MENTION", "here");
        args.set("MENTION_ON", "always");
    })
    .await;
    opwatch.watch(&json!({"nmae": NAME, "mention": "here", "mentionOn": "always"})).await;
    let text = opwatch.only_message()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("*opwatch rejected a message*"), "{text}");
    opwatch.stop().await;
}
