//! What is no push, what can't be used, what is not allowed, and when a push is refused.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use opwatch::fakes::{Event, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::gate::Gate;
use crate::support::opwatch::{
    GREEN, Kind, NAME, ORANGE, Opwatch, RED, client, colour, export, firestore_export, lasting, refusal,
    send, texts,
};

#[tokio::test]
async fn what_is_no_push_is_answered_400() {
    let opwatch = Opwatch::start().await;
    for body in [
        "",
        "x",
        "[]",
        "null",
        "{}",
        r#"{"message": 1}"#,
        r#"{"message": {}}"#,
        r#"{"message": {"data": "e30="}}"#,
        r#"{"message": {"data": "e30=", "messageId": ""}}"#,
        r#"{"message": {"data": 7, "messageId": "7"}}"#,
    ] {
        let (status, answer) = opwatch.post("", body).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(answer.lines().count(), 1, "one line with the reason: {answer}");
        assert!(answer.contains("not a wrapped Pub/Sub push"), "{answer}");
    }
    for body in [json!({"name": NAME}), export(), json!({"test": true})] {
        let (status, answer) = opwatch.post("", body.to_string()).await;
        assert_eq!((status, answer.lines().count()), (400, 1), "{answer}");
        assert!(answer.contains("has payload unwrapping (--push-no-wrapper)"), "{answer}");
        assert!(answer.contains("--clear-push-no-wrapper-config"), "{answer}");
    }
    assert!(opwatch.world.tasks.requests().is_empty());
    opwatch.stop().await;
}

#[tokio::test]
async fn other_paths_and_methods_are_told_apart() {
    let opwatch = Opwatch::start().await;
    let url = opwatch.url().to_owned();
    let (status, answer) = send(client().get(format!("{url}ready"))).await;
    assert_eq!((status, answer), (200, format!("opwatch {}\n", env!("CARGO_PKG_VERSION"))));
    assert_eq!(send(client().get(&url)).await.0, 405);
    assert_eq!(send(client().put(&url)).await.0, 405);
    assert_eq!(send(client().delete(&url)).await.0, 405);
    assert_eq!(opwatch.post("ready", "").await.0, 405);
    for path in ["x", "ready/", "/", "favicon.ico", "_ah/start"] {
        assert_eq!(opwatch.post(path, "{}").await.0, 404, "{path}");
    }
    let allowed = client().get(&url).send().await.unwrap().headers()["allow"].clone();
    assert_eq!(allowed, "POST");
    opwatch.stop().await;
}

/// What a person may get wrong, the field that the notice names, and how it helps.
#[tokio::test]
async fn a_message_that_cannot_be_used_is_told_with_its_field_and_the_remedy() {
    let with = |path: &str, value: Value| {
        let mut kickoff = export();
        *kickoff.pointer_mut(path).unwrap() = value;
        kickoff
    };
    let mut labelled = export();
    labelled["start"]["body"]["labels"] = json!({"opwatch-key": "x"});
    let mut extra = export();
    extra["start"]["databse"] = json!("x");
    let mut large = export();
    large["start"]["body"]["x"] = json!("x".repeat(13_000));
    let cases = [
        (json!({}), "name", "Missing. A kickoff needs \"name\", or \"start\""),
        (json!({"nmae": NAME}), "nmae", "Unknown field."),
        (json!({"name": 7}), "name", "Must be a string in quotes."),
        (json!({"name": ""}), "name", "Must have 1 to 1024 characters."),
        (json!({"name": "x/y"}), "name", "Example: projects/my-project/operations/"),
        (json!({"name": "operations/x"}), "name", "Several services use names of this form: "),
        (json!({"name": NAME, "service": "bigtable"}), "service", "Must be one of: datastore, firestore."),
        (json!({"name": NAME, "service": "firestore"}), "name", "Set \"service\": \"datastore\"."),
        (json!({"name": "x/y", "service": "firestore"}), "name", "Example: projects/my-project/databases/"),
        (json!({"name": NAME, "interval": 0}), "interval", "a whole number from 1 to 86400, without quotes"),
        (json!({"name": NAME, "interval": "60"}), "interval", "a whole number from 1 to 86400"),
        (json!({"name": NAME, "interval": 1.5}), "interval", "a whole number from 1 to 86400"),
        (json!({"name": NAME, "interval": 86_401}), "interval", "a whole number from 1 to 86400"),
        (json!({"name": NAME, "limit": 0}), "limit", "a whole number from 1 to 10000"),
        (json!({"name": NAME, "limit": -1}), "limit", "a whole number from 1 to 10000"),
        (json!({"name": NAME, "limit": 10_001}), "limit", "a whole number from 1 to 10000"),
        (json!({"name": NAME, "attempt": 60}), "attempt", "a whole number from 0 to 59"),
        (json!({"name": NAME, "limit": 5, "attempt": 5}), "attempt", "a whole number from 0 to 4"),
        (json!({"name": NAME, "title": ""}), "title", "Must have 1 to 100 characters."),
        (json!({"name": NAME, "title": "x".repeat(101)}), "title", "Must have 1 to 100 characters."),
        (json!({"name": NAME, "title": 7}), "title", "Must be a string in quotes."),
        (json!({"name": NAME, "locale": "de"}), "locale", "Must be one of: en, ja."),
        (
            json!({"name": NAME, "timeZone": "Tokyo"}),
            "timeZone",
            "Must be an IANA time zone, such as Europe/Madrid",
        ),
        (json!({"name": NAME, "channel": "#ops"}), "channel", "Must be a channel ID such as C024BE91L"),
        (json!({"name": NAME, "mention": "@jane"}), "mention", "Must be here, or the ID of a person"),
        (json!({"name": NAME, "titel": "x"}), "titel", "Unknown field."),
        (json!({"name": NAME, "Name": "x"}), "Name", "Unknown field."),
        (json!({"start": 7}), "start", "Must be an object in braces."),
        (json!({"name": NAME, "state": 7}), "state", "Must be an object in braces."),
        (json!({"test": false}), "test", "Must be true."),
        (json!({"start": {}}), "start.service", "Missing."),
        (json!({"start": {"service": "datastore"}}), "start.path", "Missing."),
        (
            json!({"start": {"service": "datastore", "path": "projects/demo:export"}}),
            "start.body",
            "Missing.",
        ),
        (with("/start/service", json!("spanner")), "start.service", "Must be one of: datastore, firestore."),
        (
            with("/start/path", json!("projects/demo:drop")),
            "start.path",
            "Example: projects/my-project:export",
        ),
        (
            with("/start/path", json!("projects/demo/databases/(default):exportDocuments")),
            "start.path",
            "Belongs to the service firestore. Set \"service\": \"firestore\".",
        ),
        (with("/start/path", json!(7)), "start.path", "Must be a string in quotes."),
        (with("/start/body", json!("{}")), "start.body", "Must be an object in braces."),
        (extra, "start.databse", "Unknown field."),
        (labelled, "start.body.labels.opwatch-key", "opwatch sets this label itself."),
        (large, "start.body", "the limit is 12288."),
    ];
    are_told(&cases).await;
}

/// The documents have these fields, but not beside every kickoff.
#[tokio::test]
async fn a_field_of_another_kickoff_is_told_as_misplaced() {
    let beside_start = |field: &str, value: Value| {
        let mut kickoff = export();
        kickoff[field] = value;
        kickoff
    };
    let cases = [
        (json!({"test": true, "name": NAME}), "name", "Has no effect together with \"test\". Remove it."),
        (json!({"test": true, "start": {}}), "start", "Has no effect together with \"test\"."),
        (json!({"test": true, "Name": NAME}), "Name", "Unknown field."),
        (json!({"name": NAME, "key": "k"}), "key", "Has no effect together with \"name\"."),
        (json!({"key": "k"}), "name", "Missing."),
        (beside_start("service", json!("datastore")), "service", "Has no effect together with \"start\"."),
        (beside_start("attempt", json!(1)), "attempt", "Has no effect together with \"start\"."),
        (
            beside_start("key", json!("Not A Label")),
            "key",
            "Must be 1 to 63 characters from a-z, 0-9, _ and -.",
        ),
        (beside_start("name", json!(NAME)), "name", "Can't be combined with \"start\"."),
    ];
    are_told(&cases).await;
}

/// Each of these messages becomes a notice that names this field and says this, and nothing else.
async fn are_told(cases: &[(Value, &str, &str)]) {
    let opwatch = Opwatch::start().await;
    for (number, (message, field, said)) in cases.iter().enumerate() {
        let id = opwatch.watch(message).await;
        assert_eq!(opwatch.slack().len(), number + 1, "{message}");
        let told = opwatch.slack()[number].clone();
        let text = texts(&told).join("\n");
        assert_eq!(colour(&told), ORANGE);
        assert!(told["text"].as_str().unwrap().starts_with("*opwatch rejected a message* · "), "{told}");
        assert!(text.contains(&format!("*Field*\n`{field}`")), "{message}: {text}");
        assert!(text.contains(said), "{message}: {text}");
        assert!(text.contains(&format!("`{id}`")), "the message id: {text}");
    }
    assert!(opwatch.world.operations.requests().is_empty());
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn data_that_is_no_json_object_is_told() {
    let opwatch = Opwatch::start().await;
    for (number, (data, said)) in [
        ("x", "Not a JSON object"),
        ("[1]", "Not a JSON object"),
        ("null", "Not a JSON object"),
        (r#"{"name": "#, "Not a JSON object"),
        ("\u{0}\u{1}", "Not a JSON object"),
    ]
    .into_iter()
    .enumerate()
    {
        opwatch.world.pubsub.publish("projects/demo/topics/opwatch", data.as_bytes()).await;
        opwatch.world.settled().await;
        assert_eq!(opwatch.slack().len(), number + 1, "{data}");
        assert!(texts(&opwatch.slack()[number]).join("\n").contains(said), "{data}");
    }
    let now = opwatch.world.time.now().to_rfc3339();
    for (data, said) in [("", "The message has no data."), ("%%%", "message.data is not base64.")] {
        let body = json!({"message": {"data": data, "messageId": "7", "publishTime": now}});
        assert_eq!(opwatch.post("", body.to_string()).await.0, 204);
        opwatch.world.settled().await;
        assert!(texts(opwatch.slack().last().unwrap()).join("\n").contains(said), "{data}");
    }
    assert_eq!(opwatch.slack().len(), 7);
    opwatch.stop().await;
}

/// Nothing of it may be called: the name goes into a URL together with a token.
#[tokio::test]
async fn hostile_names_and_paths_are_never_called() {
    let hostile = [
        "/",
        "projects",
        "projects/demo/operations/",
        "/projects/demo/operations/x",
        "projects//operations/x",
        "projects/demo/operations/x/",
        "projects/demo/operations/.",
        "projects/demo/operations/..",
        "projects/../operations/x",
        "projects/demo/operations/x/../../y",
        "projects/demo/operations/x?alt=media",
        "projects/demo/operations/x#y",
        "projects/demo/operations/%2e%2e",
        "projects/demo/operations/x%00",
        "projects/demo/operations/%2F",
        "projects/demo/operations/a b",
        "projects/demo/operations/a\tb",
        "projects/demo/operations/a\nb",
        "projects/demo/operations/a\r\nHost: evil",
        "projects/demo/operations/a\u{0}",
        "projects/demo/operations/a\\b",
        "projects/demo/operations/a@evil.com",
        "projects/demo@evil.com/operations/x",
        "https://evil.com/projects/demo/operations/x",
        "//evil.com/projects/demo/operations/x",
        "@evil.com/projects/demo/operations/x",
        ":80/projects/demo/operations/x",
        "projects/demo/operations/x:cancel",
        "projects/demo/operations/ｘ",
        "projects/demo／operations/x",
        "projects/demo\u{2215}operations/x",
        "Projects/demo/operations/x",
        "projects/demo/operations/x;y",
        "projects/demo/operations/x'y",
        "projects/demo/operations/x\"y",
        "projects/demo/operations/$(x)",
        "projects/demo/operations/`x`",
        "projects/demo/operations/x&y",
        "projects/demo/operations/x|y",
        "projects/demo/operations/x<y>",
        "projects/demo/operations/*",
        "projects/demo/operations/é",
        "projects/demo/operations/x\u{7f}",
        "projects/demo/operations/x\u{202e}",
    ];
    let opwatch = Opwatch::start().await;
    let mut told = 0;
    for name in hostile {
        let path = format!("{name}:export");
        let in_project =
            format!("projects/demo{}:export", name.trim_start_matches("projects/demo/operations"));
        let start =
            |path: &str| json!({"start": {"service": "datastore", "path": path, "body": {"name": name}}});
        let mut carried = json!({"name": name, "attempt": 3});
        carried["state"] = json!({"version": 1, "id": "1"});
        for message in [json!({"name": name}), carried, start(&path), start(&in_project)] {
            opwatch.watch(&message).await;
            told += 1;
            assert_eq!(opwatch.slack().len(), told, "{message} is told");
        }
    }
    assert!(opwatch.world.operations.requests().is_empty(), "{:?}", opwatch.world.operations.requests());
    for payload in opwatch.slack() {
        assert!(!payload["text"].as_str().unwrap().contains(['<', '>']));
    }
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// A message of each kind that some setting does not allow, the setting, and what it would have to hold.
fn forbidden() -> Vec<(Value, &'static str, &'static str)> {
    let start = |service: &str, path: &str, body: Value| json!({"start": {"service": service, "path": path, "body": body}});
    vec![
        (json!({"name": "projects/other/operations/x"}), "PROJECTS", "other"),
        (json!({"name": "projects/example.com:demo/operations/x"}), "PROJECTS", "example.com:demo"),
        (
            json!({"service": "firestore", "name": "projects/demo/databases/d/operations/x"}),
            "SERVICES",
            "firestore",
        ),
        (firestore_export(), "SERVICES", "firestore"),
        (
            start("datastore", "projects/other:export", json!({"outputUrlPrefix": "gs://b/safe"})),
            "PROJECTS",
            "other",
        ),
        (
            start("datastore", "projects/demo:import", json!({"inputUrl": "gs://b/x"})),
            "STARTS",
            "datastore:import",
        ),
        (
            start("datastore", "projects/demo:export", json!({"outputUrlPrefix": "gs://b"})),
            "EXPORT_PREFIXES",
            "gs://b",
        ),
        (
            start("datastore", "projects/demo:export", json!({"outputUrlPrefix": "gs://b/safer"})),
            "EXPORT_PREFIXES",
            "gs://b/safer",
        ),
        (start("datastore", "projects/demo:export", json!({})), "EXPORT_PREFIXES", ""),
        // What is checked is what is sent: the text after its placeholders are replaced.
        (
            start(
                "datastore",
                "projects/demo:export",
                json!({"outputUrlPrefix": "gs://b/nightly/x-${date}/safe"}),
            ),
            "EXPORT_PREFIXES",
            "gs://b/nightly",
        ),
        (
            start(
                "datastore",
                "projects/demo:export",
                json!({"outputUrlPrefix": "gs://b/safe${time}/${date}"}),
            ),
            "EXPORT_PREFIXES",
            "gs://b",
        ),
        (
            start("datastore", "projects/demo:export", json!({"outputUrlPrefix": "gs://b/$${date}"})),
            "EXPORT_PREFIXES",
            "gs://b/${date}",
        ),
    ]
}

async fn strict() -> Opwatch {
    Opwatch::start_with(|args| {
        args.set("SERVICES", "datastore");
        args.set("EXPORT_PREFIXES", "gs://b/safe");
    })
    .await
}

#[tokio::test]
async fn what_no_setting_allows_is_told_and_not_called() {
    let opwatch = strict().await;
    for (number, (message, setting, value)) in forbidden().into_iter().enumerate() {
        opwatch.watch(&message).await;
        assert_eq!(opwatch.slack().len(), number + 1, "{message}");
        let text = texts(&opwatch.slack()[number]).join("\n");
        let said = format!("Not allowed by the setting {setting}. To allow it, add {value} to {setting}.");
        assert!(text.contains(&said), "{said}: {text}");
    }
    assert!(opwatch.world.operations.requests().is_empty());
    opwatch.stop().await;
}

/// What a deployment that sets nothing does: it watches, and starts nothing before it was said where exports may write.
#[tokio::test]
async fn without_a_bucket_in_the_settings_nothing_is_exported() {
    let opwatch = Opwatch::start_with(|args| args.unset("EXPORT_PREFIXES")).await;
    for (number, kickoff) in [export(), firestore_export()].iter().enumerate() {
        opwatch.watch(kickoff).await;
        assert_eq!((opwatch.starts(), opwatch.slack().len()), (0, number + 1), "{kickoff}");
        let text = texts(&opwatch.slack()[number]).join("\n");
        let line = "EXPORT_PREFIXES=gs://backups";
        assert!(text.contains("EXPORT_PREFIXES is not set") && text.contains(line), "{text}");
    }
    opwatch.watch_named(lasting(10)).await;
    assert_eq!(colour(&opwatch.slack()[2]), GREEN, "it watches what others start");
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

/// An import overwrites data: that its method is allowed does not say from where.
#[tokio::test]
async fn an_import_reads_only_below_what_the_settings_allow() {
    let import = |service: &str, path: &str, field: &str, from: &str| json!({"start": {"service": service, "path": path, "body": {field: from}}});
    let datastore = |from| import("datastore", "projects/demo:import", "inputUrl", from);
    let firestore = |from| {
        let path = "projects/demo/databases/(default):importDocuments";
        import("firestore", path, "inputUriPrefix", from)
    };
    let opwatch = |prefixes: Option<&str>| {
        let prefixes = prefixes.map(str::to_owned);
        Opwatch::start_with(|args| {
            args.set("STARTS", "datastore:import,firestore:importDocuments");
            args.set("IMPORT_PREFIXES", prefixes.unwrap_or_default());
        })
    };
    for (prefixes, said) in [
        (None, "IMPORT_PREFIXES is not set"),
        (Some("gs://backups"), "To allow it, add gs://backups2/x to IMPORT_PREFIXES."),
    ] {
        let opwatch = opwatch(prefixes).await;
        for (number, kickoff) in
            [datastore("gs://backups2/x"), firestore("gs://backups2/x")].iter().enumerate()
        {
            opwatch.watch(kickoff).await;
            assert!(opwatch.world.operations.requests().is_empty(), "{kickoff}");
            let text = texts(&opwatch.slack()[number]).join("\n");
            assert!(text.contains(said), "{text}");
        }
        opwatch.stop().await;
    }
    let opwatch = opwatch(Some("gs://backups")).await;
    for kickoff in [datastore("gs://backups/x.overall_export_metadata"), firestore("gs://backups")] {
        opwatch.watch(&kickoff).await;
        assert_eq!(colour(opwatch.slack().last().unwrap()), GREEN, "{kickoff}");
    }
    opwatch.stop().await;
}

/// `STARTS=none`: it watches what others start, and a start in flight is not tried again.
#[tokio::test]
async fn a_service_that_only_watches_starts_nothing() {
    let opwatch = Opwatch::start_with(|args| args.set("STARTS", "none")).await;
    opwatch.watch(&export()).await;
    let text = opwatch.only_text();
    assert!(text.contains("(STARTS=none). To allow it, set STARTS=datastore:export."), "{text}");
    let mut carried = export();
    let asked = opwatch.world.time.now();
    carried["state"] = json!({"version": 1, "id": "7", "asked": asked, "tries": 1});
    opwatch.watch(&carried).await;
    let text = texts(&opwatch.slack()[1]).join("\n");
    assert!(text.contains("The setting STARTS no longer allows it."), "{text}");
    assert!(opwatch.world.operations.requests().is_empty());
    opwatch.watch_named(lasting(10)).await;
    assert_eq!(colour(&opwatch.slack()[2]), GREEN);
    opwatch.stop().await;
}

/// Whoever may publish can forge a `state`.
#[tokio::test]
async fn a_forged_state_allows_nothing() {
    let opwatch = strict().await;
    for (number, (mut message, setting, _)) in forbidden().into_iter().enumerate() {
        let asked = opwatch.world.time.now();
        message["state"] = json!({"version": 1, "id": number.to_string(), "first": asked, "asked": asked});
        opwatch.watch(&message).await;
        assert_eq!(opwatch.slack().len(), number + 1, "{message}");
        let payload = &opwatch.slack()[number];
        let text = texts(payload).join("\n");
        assert!(text.contains(&format!("The setting {setting} no longer allows it.")), "{text}");
        assert_eq!(colour(payload), if message.get("start").is_some() { RED } else { ORANGE });
    }
    assert!(opwatch.world.operations.requests().is_empty());
    opwatch.stop().await;
}

#[tokio::test]
async fn what_is_too_large_is_acknowledged_and_told_by_its_head() {
    let opwatch = Opwatch::start().await;
    let long = format!(r#"{{"name": "{}"#, "n".repeat(33 * 1024));
    opwatch.world.pubsub.publish("projects/demo/topics/opwatch", long.as_bytes()).await;
    opwatch.world.settled().await;
    let text = opwatch.only_text();
    assert!(text.contains(&format!("Too large: {} bytes; the limit is 32768.", long.len())), "{text}");

    let body = format!(r#"{{"message": {{"data": "{}"#, "a".repeat(2 * 1024 * 1024));
    let size = body.len();
    assert_eq!(opwatch.post("", body).await.0, 204);
    opwatch.world.settled().await;
    let text = texts(&opwatch.slack()[1]).join("\n");
    assert!(text.contains(&format!("Too large: {size} bytes; the limit is 262144.")), "{text}");
    for payload in opwatch.slack() {
        assert!(payload.to_string().len() < 3_000, "only a head is kept");
    }
    assert_eq!(opwatch.post("", "x".repeat(17 * 1024 * 1024)).await.0, 400, "larger than any push");
    opwatch.stop().await;
}

/// Its beginning is what a notice is known by.
#[tokio::test]
async fn a_body_that_is_too_long_is_noticed_once_however_it_is_cut_on_its_way() {
    let opwatch = Opwatch::start().await;
    opwatch.world.pause();
    let address = opwatch.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let body = "x".repeat(300_000);
    for chunk in [100_000, 75_000, 300_000] {
        let mut caller = tokio::net::TcpStream::connect(&address).await.unwrap();
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        for start in (0..body.len()).step_by(chunk) {
            let part = &body[start..(start + chunk).min(body.len())];
            request.extend([&format!("{:x}\r\n", part.len()), part, "\r\n"]);
        }
        caller.write_all(format!("{request}0\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        caller.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
    assert_eq!(opwatch.tasks(Kind::Report).len(), 1);
    opwatch.resume().await;
    assert_eq!(opwatch.slack().len(), 1);
    opwatch.stop().await;
}

#[tokio::test]
async fn the_longest_body_is_opened_and_the_longest_push_is_drained() {
    let opwatch = Opwatch::start().await;
    for (size, status, told) in [
        (256 * 1024, 204, "Missing. A kickoff needs"),
        (256 * 1024 + 1, 204, "Too large: 262145 bytes; the limit is 262144."),
        (16 * 1024 * 1024, 204, "Too large: 16777216 bytes; the limit is 262144."),
        (16 * 1024 * 1024 + 1, 400, ""),
    ] {
        let before = opwatch.slack().len();
        let push = json!({"message": {"data": "e30=", "messageId": size.to_string()}}).to_string();
        let padded = format!("{push}{}", " ".repeat(size - push.len()));
        assert_eq!(opwatch.post("", padded).await.0, status, "{size}");
        opwatch.world.settled().await;
        let said: Vec<_> =
            opwatch.slack()[before..].iter().map(|message| texts(message).join("\n")).collect();
        assert_eq!(said.len(), usize::from(status == 204), "{size}: {said:?}");
        assert!(said.iter().all(|said| said.contains(told)), "{size}: {said:?}");
    }
    opwatch.stop().await;
}

#[tokio::test]
async fn the_same_bad_data_is_told_once_an_hour() {
    let opwatch = Opwatch::start().await;
    let now = opwatch.world.time.now();
    let next_hour = (now.timestamp() / 3_600 + 1) * 3_600;
    opwatch.world.time.advance(Duration::from_secs((next_hour - now.timestamp()).unsigned_abs()));
    for _ in 0..3 {
        opwatch.watch(&json!({"oops": 1})).await;
    }
    assert_eq!(opwatch.slack().len(), 1);
    opwatch.watch(&json!({"oops": 2})).await;
    assert_eq!(opwatch.slack().len(), 2, "other data");
    opwatch.world.time.advance(Duration::from_secs(3_600));
    opwatch.watch(&json!({"oops": 1})).await;
    assert_eq!(opwatch.slack().len(), 3, "an hour later");
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_broken_report_begets_no_notice() {
    let opwatch = Opwatch::start().await;
    opwatch.watch(&json!({"state": {"report": 5}})).await;
    opwatch.watch(&json!({"name": 5, "state": {"report": "x"}})).await;
    assert!(opwatch.world.tasks.requests().is_empty());
    assert!(opwatch.slack().is_empty());
    opwatch.assert_all_acknowledged();
    opwatch.stop().await;
}

#[tokio::test]
async fn a_notice_that_slack_refuses_comes_again_and_begets_none() {
    let opwatch = Opwatch::start().await;
    opwatch.world.slack.fail_next(Fault::answer(500, ""));
    opwatch.watch(&json!({"oops": "<!channel> `x`"})).await;
    opwatch.assert_delays(Kind::Report, &[0, 10]);
    assert_eq!(opwatch.tasks(Kind::Report).len(), 2);
    let text = opwatch.only_text();
    assert!(text.contains("```{\"oops\":\"&lt;!channel&gt; ˋxˋ\"}```"), "{text}");
    opwatch.stop().await;
}

/// The last resort: only what could not be scheduled is refused, and it completes when it comes again.
#[tokio::test]
async fn a_push_whose_next_step_cannot_be_scheduled_is_refused_and_completes_later() {
    let page = Fault::answer(200, "<html>sign in</html>");
    for (fault, times) in [
        (refusal(400, "INVALID_ARGUMENT", ""), 1),
        (refusal(401, "UNAUTHENTICATED", ""), 1),
        (refusal(403, "PERMISSION_DENIED", ""), 1),
        (refusal(404, "NOT_FOUND", ""), 1),
        (refusal(409, "ABORTED", ""), 1),
        (Fault::answer(409, "ALREADY_EXISTS"), 1),
        (refusal(429, "RESOURCE_EXHAUSTED", ""), 1),
        (refusal(500, "INTERNAL", ""), 1),
        (refusal(503, "UNAVAILABLE", ""), 1),
        (Fault::answer(302, ""), 1),
        (page, 1),
        (Fault::answer(200, ""), 1),
        (Fault::answer(200, "{}"), 1),
        (Fault::Reset, 2),
    ] {
        // The kickoff's step, and the report's.
        for message in [json!({"name": NAME}), json!({"test": true}), json!({"oops": 1})] {
            let opwatch = Opwatch::start().await;
            (0..times).for_each(|_| opwatch.world.tasks.fail_next(fault.clone()));
            opwatch.world.operations.add(NAME, lasting(90));
            opwatch.watch(&message).await;
            assert_eq!(opwatch.answers()[0], 503, "{fault:?}");
            assert!(opwatch.answers()[1..].iter().all(|status| *status == 204), "{fault:?}");
            let message = opwatch.only_message();
            assert_ne!(colour(&message), RED, "{fault:?}");
            opwatch.stop().await;
        }
    }
}

#[tokio::test]
async fn a_task_that_was_created_though_its_answer_was_lost_is_asked_for_again_at_once() {
    for fault in [Fault::DoneButLost, Fault::HalfBody] {
        let opwatch = Opwatch::start().await;
        opwatch.world.tasks.fail_next(fault);
        opwatch.watch_named(lasting(90)).await;
        assert_eq!(opwatch.world.tasks.duplicates(), 1);
        assert_eq!(opwatch.attempts(), [1, 2]);
        assert_eq!(colour(&opwatch.only_message()), GREEN);
        opwatch.assert_all_acknowledged();
        opwatch.stop().await;
    }
}

/// Half a step would have to be done again, so the work of a push does not stop with its caller.
#[tokio::test]
async fn a_step_is_completed_when_its_caller_hangs_up() {
    let mut gate = Gate::closed(&json!({"name": NAME, "metadata": {}}).to_string()).await;
    let opwatch = Opwatch::start_with(|args| {
        let endpoints = args.get("ENDPOINTS").unwrap().to_owned();
        let others = endpoints.split(',').filter(|endpoint| !endpoint.starts_with("datastore="));
        let own = format!("datastore={}", gate.url());
        args.set("ENDPOINTS", others.chain([own.as_str()]).collect::<Vec<_>>().join(","));
    })
    .await;
    opwatch.world.pause();
    let mut events = opwatch.world.events();
    let address = opwatch.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let data = json!({"message": {"data": "eyJuYW1lIjoicHJvamVjdHMvZGVtby9vcGVyYXRpb25zL0FTQTF3YXRjaGVkIn0=",
        "messageId": "7"}})
    .to_string();
    let mut caller = TcpStream::connect(&address).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", data.len());
    caller.write_all(format!("{head}{data}").as_bytes()).unwrap();
    gate.arrival().await;
    drop(caller);
    // The service sees the end of the connection before the answer: another request goes through first.
    assert_eq!(send(client().get(format!("{}ready", opwatch.url()))).await.0, 200);
    gate.open();
    events.wait_for("the next check", |event| matches!(event, Event::TaskCreated { .. })).await.unwrap();
    assert_eq!(opwatch.attempts(), [1]);
    opwatch.stop().await;
}
