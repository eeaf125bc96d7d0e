//! Logs: one JSON line an event in Cloud Logging's form, or readable text in a terminal.
//! <https://cloud.google.com/logging/docs/structured-logging>

mod output;

use std::fmt::Debug;
use std::io::IsTerminal;
use std::ops::Range;

use serde::{Serialize, Serializer};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
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
        let layer = JsonLines { project: project.to_owned(), write: output::write };
        registry.with(LevelFilter::INFO).with(layer).init();
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

/// Writes what is still to be written, before the process ends.
pub fn flush() {
    output::flush();
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
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

/// Fields in the order in which they were set. The later of two counts.
struct Fields {
    /// All values in JSON, one behind the other.
    values: Vec<u8>,
    /// Each field's name and where its value is.
    names: Vec<(&'static str, Range<usize>)>,
}

/// A value that can only be shown.
struct Shown<'a>(&'a dyn Debug);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&[u8]) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::with_capacity(128);
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::with_capacity(512);
        for span in
            context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root)
        {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.extend(of_span);
            }
        }
        event.record(&mut fields);
        self.finish(&mut fields, event);
        (self.write)(&fields.line());
    }
}

impl<W> JsonLines<W> {
    /// Adds Cloud Logging's special fields to those of the event.
    fn finish(&self, fields: &mut Fields, event: &Event<'_>) {
        let metadata = event.metadata();
        let severity = match *metadata.level() {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            _ => "DEBUG",
        };
        if !fields.has("severity") {
            fields.set("severity", &severity);
        }
        if let Some(trace) = fields.take("trace") {
            // A text in JSON, of which the quotes go.
            let trace = String::from_utf8_lossy(&trace);
            let trace = format!("projects/{}/traces/{}", self.project, trace.trim_matches('"'));
            fields.set("logging.googleapis.com/trace", &trace);
        }
        if fields.take("reported").is_some() {
            fields.set("@type", &REPORTED);
            fields
                .set("serviceContext", &json!({"service": "opwatch", "version": env!("CARGO_PKG_VERSION")}));
            // Rust's stack traces are no format that it reads, so the place is given.
            let place = json!({"filePath": metadata.file(), "lineNumber": metadata.line(), "functionName": metadata.target()});
            fields.set("context", &json!({"reportLocation": place}));
        }
    }
}

impl Fields {
    /// Room for so many bytes of values, and as many names as have such.
    fn with_capacity(bytes: usize) -> Self {
        Self { values: Vec::with_capacity(bytes), names: Vec::with_capacity(bytes / 32) }
    }

    fn set(&mut self, name: &'static str, value: &impl Serialize) {
        let start = self.values.len();
        // Ours are texts and numbers, which can always be written.
        let _ = serde_json::to_writer(&mut self.values, value);
        self.names.push((name, start..self.values.len()));
    }

    fn extend(&mut self, others: &Self) {
        let before = self.values.len();
        self.values.extend_from_slice(&others.values);
        let names = others.names.iter().cloned();
        self.names.extend(names.map(|(name, at)| (name, before + at.start..before + at.end)));
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|(field, _)| *field == name)
    }

    fn value(&self, at: &Range<usize>) -> &[u8] {
        self.values.get(at.clone()).unwrap_or_default()
    }

    /// Removes all of this name and gives the last.
    fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        let last =
            self.names.iter().rfind(|(field, _)| *field == name).map(|(_, at)| self.value(at).to_vec());
        self.names.retain(|(field, _)| *field != name);
        last
    }

    /// All as one line of JSON. The names are ours and need no escaping.
    fn line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(self.values.len() + 32 * self.names.len());
        for (index, (name, at)) in self.names.iter().enumerate() {
            let is_last = self.names.iter().skip(index + 1).all(|(later, _)| later != name);
            if is_last {
                line.push(if line.is_empty() { b'{' } else { b',' });
                for part in [b"\"", name.as_bytes(), b"\":", self.value(at)] {
                    line.extend_from_slice(part);
                }
            }
        }
        line.extend_from_slice(b"}\n");
        line
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field.name(), &Shown(value));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::Value;
    use std::sync::{Arc, LazyLock, Mutex};

    /// A second subscriber, for as long as tests run: while there is only one, `tracing` takes a line that another thread comes to
    /// first for one that no subscriber wants, and the thread that logs loses it too.
    static LISTENS: LazyLock<tracing::Dispatch> =
        LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));

    pub(crate) fn logged(log: impl FnOnce()) -> Vec<Value> {
        LazyLock::force(&LISTENS);
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
    fn of_two_fields_the_inner_counts() {
        let entries = logged(|| {
            let span = tracing::info_span!("push", message_id = tracing::field::Empty, kept = true);
            span.record("message_id", "7");
            span.in_scope(|| tracing::info!("once"));
            span.in_scope(|| tracing::info!(message_id = "8", count = -1_i64, "again"));
        });
        let once = json!({"severity": "INFO", "message": "once", "message_id": "7", "kept": true});
        let again =
            json!({"severity": "INFO", "message": "again", "message_id": "8", "kept": true, "count": -1});
        assert_eq!(entries, [once, again]);
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
