//! Logs: one JSON line an event in Cloud Logging's form, or readable text in a terminal.
//! <https://cloud.google.com/logging/docs/structured-logging>

use std::fmt::Debug;
use std::io::{IsTerminal, Write};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// What makes Error Reporting count an entry:
/// <https://cloud.google.com/error-reporting/docs/formatting-error-messages>.
const REPORTED: &str = "type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent";

/// Begins logging to standard output, for good.
pub fn init(project: &str) {
    let registry = tracing_subscriber::registry();
    if std::io::stdout().is_terminal() {
        registry
            .with(
                tracing_subscriber::fmt::layer()
                    .compact()
                    .without_time()
                    .with_target(false)
                    .with_filter(LevelFilter::INFO),
            )
            .init();
    } else {
        let layer = JsonLines { project: project.to_owned(), write: to_stdout };
        registry.with(layer.with_filter(LevelFilter::INFO)).init();
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            severity = "CRITICAL",
            reported = true,
            place,
            "panicked: {}",
            panic_text(panic.payload())
        );
    }));
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

fn to_stdout(line: &[u8]) {
    // Nobody is left to tell when standard output is gone.
    let _ = std::io::stdout().lock().write_all(line);
}

/// The trace that a request belongs to: 32 hex digits from `traceparent`
/// (<https://www.w3.org/TR/trace-context/>) or `X-Cloud-Trace-Context: TRACE/SPAN;o=1`.
pub fn trace_id<'a>(traceparent: Option<&'a str>, cloud_trace: Option<&'a str>) -> Option<&'a str> {
    let w3c = traceparent.and_then(|value| value.split('-').nth(1));
    let cloud = cloud_trace.and_then(|value| value.split('/').next());
    let is_id = |id: &&str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    w3c.filter(is_id).or_else(|| cloud.filter(is_id))
}

/// Writes each event, with the fields of the spans around it, as one line.
///
/// Three fields are read: `trace` becomes Cloud Logging's trace, `severity` replaces the level, and `reported = true`
/// puts the entry into Error Reporting.
struct JsonLines<W> {
    project: String,
    write: W,
}

struct SpanFields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&[u8]) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields(Map::new());
        for span in
            context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(of_span) = span.extensions().get::<SpanFields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let line = self.entry(fields.0, event).to_string() + "\n";
        (self.write)(line.as_bytes());
    }
}

impl<W> JsonLines<W> {
    fn entry(&self, mut entry: Map<String, Value>, event: &Event<'_>) -> Value {
        let metadata = event.metadata();
        let severity = match *metadata.level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            _ => "DEBUG",
        };
        entry.entry("severity").or_insert_with(|| json!(severity));
        if let Some(Value::String(trace)) = entry.remove("trace") {
            let trace = format!("projects/{}/traces/{trace}", self.project);
            entry.insert("logging.googleapis.com/trace".to_owned(), json!(trace));
        }
        if entry.remove("reported").is_some() {
            entry.insert("@type".to_owned(), json!(REPORTED));
            let service = json!({"service": "opwatch", "version": env!("CARGO_PKG_VERSION")});
            entry.insert("serviceContext".to_owned(), service);
            // Rust's stack traces are no format that it reads, so the place is given.
            let place = json!({"filePath": metadata.file(), "lineNumber": metadata.line(), "functionName": metadata.target()});
            entry.insert("context".to_owned(), json!({"reportLocation": place}));
        }
        Value::Object(entry)
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, json!(format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let write = move |line: &[u8]| sink.lock().unwrap().push(line.to_vec());
        let layer = JsonLines { project: "p".to_owned(), write };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let lines = lines.lock().unwrap();
        lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    #[test]
    fn an_entry_has_cloud_loggings_form() {
        let entries = logged(|| {
            let span =
                tracing::info_span!("push", message_id = "7", trace = "0af7651916cd43dd8448eb211c80319c");
            span.in_scope(|| tracing::warn!(attempt = 3_u32, "hostile \"text\"\n{{}}"));
            tracing::error!(reported = true, severity = "CRITICAL", "it broke");
        });
        assert_eq!(
            entries[0],
            json!({"severity": "WARNING", "message": "hostile \"text\"\n{}", "attempt": 3, "message_id": "7",
                "logging.googleapis.com/trace": "projects/p/traces/0af7651916cd43dd8448eb211c80319c"})
        );
        assert_eq!((&entries[1]["severity"], &entries[1]["@type"]), (&json!("CRITICAL"), &json!(REPORTED)));
        assert_eq!(entries[1]["context"]["reportLocation"]["filePath"], json!("src/telemetry.rs"));
    }

    #[test]
    fn a_trace_comes_from_either_header() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let w3c = format!("00-{id}-b7ad6b7169203331-01");
        let cloud = format!("{id}/123;o=1");
        assert_eq!(trace_id(Some(&w3c), None), Some(id));
        assert_eq!(trace_id(None, Some(&cloud)), Some(id));
        assert_eq!(trace_id(Some("00-x\"-1-01"), Some("\r\n/1")), None);
    }
}
