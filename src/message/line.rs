//! Lines that a person pastes into a shell.

use std::fmt::Write;

use serde_json::{Map, Value};

/// The command that publishes `message` to `topic`, complete, on one line.
///
/// Every character of the JSON that could mean something to the shell inside single quotes or to Slack is written
/// `\uXXXX`, so the line can be copied from Slack and pasted as it is.
pub fn publish_command(topic: &str, message: &Map<String, Value>) -> String {
    let mut json = String::new();
    write_object(&mut json, message);
    format!("gcloud pubsub topics publish {topic} --message='{json}'")
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => write_object(out, object),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

fn write_object(out: &mut String, object: &Map<String, Value>) {
    out.push('{');
    for (index, (name, value)) in object.iter().enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        write_text(out, name);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(c) if c.is_ascii_alphanumeric() || " {}:,.[]_/()~=-".contains(c) => out.push(c),
            _ => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_holds_nothing_that_a_shell_or_slack_would_read() {
        let message = serde_json::json!({"name": "projects/p/operations/x", "title": "it's <@U1> & `$(x)` \"日本\" 🎉\n"});
        let line = publish_command("projects/p/topics/t", message.as_object().unwrap());
        assert_eq!(
            line,
            "gcloud pubsub topics publish projects/p/topics/t --message='{\"name\":\"projects/p/operations/x\",\
             \"title\":\"it\\u0027s \\u003c\\u0040U1\\u003e \\u0026 \\u0060\\u0024(x)\\u0060 \
             \\u0022\\u65e5\\u672c\\u0022 \\ud83c\\udf89\\u000a\"}'"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(title in any::<String>(), number in any::<i64>(), key in any::<String>()) {
            let message = serde_json::json!({"title": title, "body": {key: [number, null, true, {"a": "b"}]}});
            let line = publish_command("t", message.as_object().unwrap());
            let json = line.split_once('\'').unwrap().1.strip_suffix('\'').unwrap();
            prop_assert!(json.bytes().all(|byte| (32..127).contains(&byte) && !b"'`$<>&!;|*?#@%".contains(&byte)), "{}", json);
            prop_assert_eq!(serde_json::from_str::<Value>(json).unwrap(), message);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 6, ..ProptestConfig::default() })]

        /// A function takes gcloud's place and prints its last argument.
        #[test]
        fn a_real_shell_gives_the_message_back(texts in proptest::collection::vec(crate::message::arbitrary::text(60), 10)) {
            let message = serde_json::json!({"title": texts[0], "start": {"body": {texts[1].as_str(): texts[2..]}}});
            let line = publish_command("projects/p/topics/t", message.as_object().unwrap());
            let script = format!("gcloud() {{ printf '%s\\n' \"$#\" \"${{@: -1}}\"; }}\n{line}\n");
            let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let json = said.strip_prefix("5\n--message=").unwrap_or_else(|| panic!("{said}"));
            prop_assert_eq!(serde_json::from_str::<Value>(json).unwrap(), message);
        }
    }
}
