//! The JSON Schemas in `schema/`: what they take is what opwatch reads and posts, and `opwatch schema` prints them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::docs::json_blocks;

struct Schema(Schemas, SchemaIndex);

impl Schema {
    fn read(file: &str) -> Self {
        let schema: Value = serde_json::from_slice(&fs::read(root().join(file)).unwrap()).unwrap();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource(file, schema).unwrap();
        let index = compiler.compile(file, &mut schemas).unwrap();
        Self(schemas, index)
    }

    fn problem(&self, value: &Value) -> Option<String> {
        self.0.validate(value, self.1).err().map(|error| format!("{error:#}"))
    }
}

static MESSAGE: LazyLock<Schema> = LazyLock::new(|| Schema::read("schema/message.v1.json"));
static EVENT: LazyLock<Schema> = LazyLock::new(|| Schema::read("schema/event.v1.json"));

/// Whether `event` is one by its schema.
pub(crate) fn assert_event(event: &Value) {
    assert_eq!(EVENT.problem(event), None, "{event:#}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<(PathBuf, Value)> {
    let files = fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
    let json = |file: PathBuf| {
        let json = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        (file, json)
    };
    files.map(json).collect()
}

#[test]
fn every_golden_message_and_every_example_is_valid() {
    for (folder, least) in [("tests/data/messages/v1", 40), ("deploy/kickoffs", 3)] {
        let files = files(folder);
        assert!(files.len() >= least, "{folder}: {}", files.len());
        for (file, message) in files {
            assert_eq!(MESSAGE.problem(&message), None, "{}", file.display());
        }
    }
    let (mut messages, mut events) = (0, 0);
    for (page, example) in json_blocks() {
        if example.get("specversion").is_some() {
            assert_eq!(EVENT.problem(&example), None, "{page}: {example}");
            events += 1;
        } else {
            assert_eq!(MESSAGE.problem(&example), None, "{page}: {example}");
            messages += 1;
        }
    }
    assert!(messages >= 7 && events >= 1, "{messages} messages and {events} events in the documents");
}

/// What `serve` would refuse, an editor marks.
#[test]
fn what_no_reader_takes_is_invalid() {
    let start = |service: &str, path: &str, body: Value| json!({"start": {"service": service, "path": path, "body": body}});
    let export = |body: Value| start("datastore", "projects/p:export", body);
    let good = export(json!({"outputUrlPrefix": "gs://b/${datetime}", "labels": {"team": "x"}}));
    assert_eq!(MESSAGE.problem(&good), None);
    let name = "projects/p/operations/x";
    let long = "x".repeat(101);
    for message in [
        json!([]),
        json!({}),
        json!({"nmae": name}),
        json!({"name": name, "titel": "x"}),
        json!({"name": name, "title": " "}),
        json!({"name": name, "title": "a\nb"}),
        json!({"name": name, "title": long}),
        json!({"name": name, "title": null}),
        json!({"name": name, "interval": 0}),
        json!({"name": name, "interval": 86_401}),
        json!({"name": name, "interval": "60"}),
        json!({"name": name, "limit": 10_001}),
        json!({"name": name, "attempt": -1}),
        json!({"name": name, "locale": "fr"}),
        json!({"name": name, "timeZone": "JST"}),
        json!({"name": name, "notify": "always"}),
        json!({"name": name, "channel": "#general"}),
        json!({"name": name, "mention": "@here"}),
        json!({"name": name, "service": "newer"}),
        json!({"name": name, "service": "firestore"}),
        json!({"name": name, "key": "k"}),
        json!({"name": "https://evil.com/v1/projects/p/operations/x"}),
        json!({"name": "http://datastore.googleapis.com/v1/projects/p/operations/x"}),
        json!({"name": "projects/p/operations/.."}),
        json!({"test": false}),
        json!({"test": true, "name": name}),
        json!({"test": true, "key": "k"}),
        json!({"name": name, "start": good["start"]}),
        json!({"attempt": 1, "start": good["start"]}),
        json!({"key": "K", "start": good["start"]}),
        json!({"start": {"service": "datastore", "path": "projects/p:export"}}),
        json!({"start": {"service": "datastore", "path": "projects/p:export", "body": {}, "method": "POST"}}),
        start("spanner", "projects/p:export", json!({})),
        start("firestore", "projects/p:export", json!({})),
        start("datastore", "projects/p:delete", json!({})),
        start("datastore", "v1/projects/p:export", json!({})),
        start("datastore", "projects/${day}:export", json!({})),
        export(json!({"outputUrlPrefix": "b"})),
        export(json!({"outputUrlPrefix": "gs://b/${day}"})),
        export(json!({"outputUriPrefix": "gs://b"})),
        export(json!({"output_url_prefix": "gs://b"})),
        export(json!({"outputUrlPrefix": "gs://b", "projectId": "p"})),
        export(json!({"outputUrlPrefix": "gs://b", "labels": {"opwatch-key": "x"}})),
        export(json!({"outputUrlPrefix": "gs://b", "entityFilter": {"kinds": ["${kind}"]}})),
    ] {
        assert!(MESSAGE.problem(&message).is_some(), "{message}");
    }
}

#[test]
fn the_command_prints_the_files() {
    for (arguments, file) in [
        (vec!["schema"], "schema/message.v1.json"),
        (vec!["schema", "message"], "schema/message.v1.json"),
        (vec!["schema", "event"], "schema/event.v1.json"),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_opwatch")).args(&arguments).env_clear().output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}");
        assert_eq!(output.stdout, fs::read(root().join(file)).unwrap(), "{arguments:?}");
    }
    let other =
        Command::new(env!("CARGO_BIN_EXE_opwatch")).args(["schema", "state"]).env_clear().output().unwrap();
    assert_eq!(other.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&other.stderr).contains("message, event"), "{other:?}");
}

/// The table of fields in the documentation has every field that people may write, with its limits and its words.
#[test]
fn the_table_of_fields_is_that_of_the_schema() {
    let page = fs::read_to_string(root().join("docs/messages.md")).unwrap();
    let (_, section) = page.split_once("\n## Fields\n").unwrap();
    let rows =
        section.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with('|'));
    let mut undocumented = fields();
    for row in rows {
        let names = row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2);
        for name in names {
            let field =
                undocumented.remove(name).unwrap_or_else(|| panic!("{name} is no field, or stands twice"));
            for fact in facts(&field) {
                assert!(row.contains(&fact), "{name}: {fact} is missing in its row: {row}");
            }
        }
    }
    assert!(undocumented.is_empty(), "no row for {:?}", undocumented.keys());
}

/// The fields that people may write, by name.
fn fields() -> serde_json::Map<String, Value> {
    let schema: Value =
        serde_json::from_slice(&fs::read(root().join("schema/message.v1.json")).unwrap()).unwrap();
    schema["$defs"]["Kickoff"]["properties"].as_object().unwrap().clone()
}

/// The limits of a field, and its words when they are few.
fn facts(field: &Value) -> Vec<String> {
    let limits = ["minimum", "maximum"].into_iter().filter_map(|limit| field[limit].as_u64());
    let limits = limits.chain(field["maxLength"].as_u64().filter(|_| field.get("allOf").is_none()));
    let words = field["enum"].as_array().filter(|words| words.len() <= 6);
    let words = words.into_iter().flatten().map(|word| format!("`{}`", word.as_str().unwrap()));
    limits.map(|limit| limit.to_string()).chain(words).collect()
}
