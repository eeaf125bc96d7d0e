//! Targets without I/O.

use std::io::Write;

use chrono::{DateTime, Utc};
use opwatch::delivery::NotBase64;
use opwatch::intake::push;
use opwatch::message::{self, Defaults, INTERVAL, LIMIT, MAX_WRITTEN_BYTES, Received};
use opwatch::net::endpoints::Api;
use opwatch::outlets::slack::{payload, plain_payload};
use opwatch::outlets::{self, Part};
use opwatch::policy::Policy;
use opwatch::prose::{Context, notice, running, stall_report};
use opwatch::services::{
    ERROR_TEXT, Observation, Operation, Progress, Service, name_in, read_list, read_operation, read_started,
};
use opwatch::settings::Variables;
use opwatch::signal::{self, Notification, Unusable};
use opwatch::trust::{Origin, Route, Trust};
use opwatch::watch::{Check, InvalidMessage, Locale, MAX_EXCERPT_CHARS, Message, Report};

use super::oracle;

const TOPIC: &str = "projects/demo/topics/opwatch";

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_402_800, 0).expect("a time")
}

fn received() -> Received {
    Received { message_id: "7".to_owned(), published: now(), origin: Origin::Internal }
}

/// Any bytes as the body of a push.
pub(crate) fn envelope(data: &[u8]) {
    match push::open(data) {
        Ok(push) => {
            let delivery = push.deliver(Route::Public, &Trust::Everyone).expect("it may push there");
            assert!(!delivery.message_id.is_empty());
            let size = delivery.data.map_or_else(|NotBase64(text)| text.len(), |data| data.len());
            assert!(size <= data.len());
        }
        Err(error) => assert_eq!(error.to_string().lines().count(), 1),
    }
}

/// Any bytes as a message: what is read can be passed on, and told; what a publisher wrote is never taken for opwatch's own.
pub(crate) fn message(data: &[u8]) {
    let public = Received { origin: Origin::Public, ..received() };
    match message::read(data, &public, &Defaults::new(outlets::ADDRESSING)) {
        Ok(Message::Check(check)) => {
            assert!(!check.is_continuation && check.live.is_none() && check.watch.id == "7");
        }
        Ok(Message::Start(start)) => assert!(!start.is_continuation && start.watch.id == "7"),
        Ok(Message::Test(test)) => assert!(!test.is_continuation && test.watch.id == "7"),
        Ok(Message::Report(report)) => panic!("a publisher's report: {report:?}"),
        Err(_) => {}
    }
    match message::read(data, &received(), &Defaults::new(outlets::ADDRESSING)) {
        Ok(read) => {
            let watch = read.watch();
            assert!(LIMIT.contains(&watch.max_checks) && INTERVAL.contains(&watch.interval_s));
            if !read.operation_name().is_empty() {
                oracle::name(read.operation_name());
            }
            let written = read.to_data();
            assert!(written.len() <= MAX_WRITTEN_BYTES);
            let again = message::read(&written, &received(), &Defaults::new(outlets::ADDRESSING));
            let again =
                again.unwrap_or_else(|problem| panic!("{problem:?}: {}", String::from_utf8_lossy(&written)));
            assert_eq!(again.operation_name(), read.operation_name());
            // A person's test is number 0, and what opwatch passes on of it number 1.
            if !matches!(read, Message::Test(_)) {
                assert_eq!(again.kind_and_number(), read.kind_and_number());
            }
            match read {
                Message::Report(report) => told(&report),
                Message::Check(check) => told_running(&check),
                Message::Start(_) | Message::Test(_) => {}
            }
        }
        Err(problem) => {
            let excerpt = String::from_utf8_lossy(data).chars().take(MAX_EXCERPT_CHARS).collect();
            let unusable = InvalidMessage { problem, excerpt, message_id: "7".to_owned() };
            told(&Report::of_unusable("7".to_owned(), unusable, now()));
        }
    }
}

/// A report becomes a payload, in each language.
fn told(report: &Report) {
    for locale in [Locale::En, Locale::Ja] {
        let zone = "Asia/Tokyo".parse().expect("a zone");
        let context = Context { topic: Some(TOPIC), locale, zone, title: None, routing: None, now: now() };
        let notice = notice(report, &context);
        for part in [Part::Whole, Part::Edit, Part::Reply] {
            oracle::payload(&payload(&notice, part));
            oracle::payload(&plain_payload(&notice, part));
        }
    }
}

/// So does a check under way.
fn told_running(check: &Check) {
    let zone = "Asia/Tokyo".parse().expect("a zone");
    let context =
        Context { topic: Some(TOPIC), locale: Locale::En, zone, title: None, routing: None, now: now() };
    oracle::payload(&payload(&running(check, now(), true, &context), Part::Whole));
    oracle::payload(&payload(&notice(&stall_report(check, context.now), &context), Part::Reply));
}

/// The service that the first line names, else the one that the first byte counts off, and the rest.
fn service_and_body(data: &[u8]) -> Option<(Service, &[u8])> {
    let end = data.iter().position(|byte| *byte == b'\n');
    let named =
        end.and_then(|end| Some((std::str::from_utf8(&data[..end]).ok()?.parse().ok()?, &data[end + 1..])));
    named.or_else(|| {
        let (first, body) = data.split_first()?;
        let count = Service::all().count();
        Some((Service::all().nth(usize::from(*first) % count)?, body))
    })
}

/// Any bytes as an answer of an operations API, about the operation that it names if that can be.
pub(crate) fn answers(data: &[u8]) {
    let Some((service, body)) = service_and_body(data) else { return };
    let named = serde_json::from_slice(body).ok().and_then(|answer| name_in(service, &answer));
    let named = named.and_then(|name| Operation::new(service, &name).ok());
    let asked = named.unwrap_or_else(|| Operation::new(service, &service.name_example()).expect("a name"));
    match read_operation(&asked, body) {
        Observation::Unreadable(error) | Observation::Unavailable(error) => {
            assert!(error.text.chars().count() <= ERROR_TEXT);
        }
        Observation::Running(facts) | Observation::Ended(_, facts) => {
            assert!(facts.duration().is_none_or(|duration| duration.as_secs() < 400_000_000_000));
            let items = facts.items.map(|items| items.count);
            let counts = [facts.entities, facts.bytes, facts.overall, items].into_iter().flatten();
            assert!(counts.filter_map(Progress::percent).all(|percent| percent <= 100));
            assert!(
                facts.warnings.len() <= 3 && facts.warnings.iter().all(|text| text.chars().count() <= 300)
            );
        }
    }
    // What opwatch starts and lists are operations of these two alone.
    if service.start_example().is_none() {
        return;
    }
    if let Ok(listed) = read_started(service, body) {
        listed.operation.iter().for_each(|operation| oracle::name(operation.name()));
    }
    if let Ok((listed, page)) = read_list(service, body) {
        let named = listed.iter().filter_map(|listed| listed.operation.as_ref());
        named.for_each(|operation| oracle::name(operation.name()));
        assert!(page.is_none_or(|page| !page.is_empty()));
    }
}

/// Any text as an operation's name, and as a start's path.
pub(crate) fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let exporting = [Service::DATASTORE, Service::FIRESTORE];
    for service in Service::all() {
        if let Ok(operation) = Operation::new(service, text) {
            assert_eq!(operation.name(), text);
            oracle::any_name(&operation.base(), text);
            if exporting.contains(&service) {
                oracle::name(text);
                assert_eq!(text.split('/').nth(1), Some(operation.project()));
            }
        }
    }
    let defaults = Defaults::new(outlets::ADDRESSING);
    for service in exporting {
        let start = serde_json::json!({"start": {"service": service.id(), "path": text, "body": {}}});
        if let Ok(Message::Start(start)) = message::read(start.to_string().as_bytes(), &received(), &defaults)
        {
            // What goes into the URL: the text itself may hold placeholders.
            oracle::start_path(&start.request.path);
            assert_eq!(start.request.written().0, text);
        }
    }
}

/// Any bytes as a signal: its attributes as a JSON object, a separator, and its data. Whatever it says, the operation's name has the
/// form of its service, and its project is one that is allowed.
pub(crate) fn signals(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == super::SEPARATOR);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let attributes = second.and_then(|_| serde_json::from_slice(first).ok()).unwrap_or_default();
    let notification =
        Notification { attributes: &attributes, data: second.unwrap_or(first), published: now() };
    let policy = Policy::reading(Service::table().collect(), Some(vec!["my-project".to_owned()]));
    match signal::read(&notification, &policy) {
        Ok(signal) => {
            let (operation, name) = (&signal.operation, signal.operation.name());
            oracle::any_name(&operation.base(), name);
            assert_eq!(Operation::new(operation.service(), name).as_ref(), Ok(operation));
            assert!(operation.part("project").is_none_or(|project| project == "my-project"), "{name}");
            for text in signal.method.iter().chain(&signal.principal) {
                assert!(!text.is_empty() && text.chars().count() <= 320 && !text.contains('\n'), "{text}");
            }
        }
        Err(unusable) => assert!(Unusable::ALL.contains(&unusable) && !unusable.to_string().is_empty()),
    }
}

/// Any lines as settings: `NAME=VALUE`, or a value for the setting that is defined at the line's place.
pub(crate) fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let names = Variables::names();
    let mut variables = Variables::default();
    for (line, own) in text.split('\n').zip(names.iter().cycle()) {
        let pair = line.split_once('=').filter(|(name, _)| names.iter().any(|known| known == name));
        let (name, value) = pair.unwrap_or((own, line));
        variables.set(name, value);
    }
    let args = variables.args().expect("every text is read");
    match args.check() {
        Ok(settings) => {
            for api in Api::all() {
                let endpoint = settings.endpoints.get(api);
                // Where events go, EVENTS_URL says as a whole.
                if api == Api::Events && endpoint.base.is_empty() {
                    continue;
                }
                let url = url::Url::parse(&endpoint.base).expect("an endpoint is a URL");
                let to_slack = api == Api::Slack
                    || api == Api::SlackApi
                        && ["slack.com", "slack-gov.com"].map(Some).contains(&url.host_str());
                let google = url.host_str().is_some_and(|host| host.ends_with(".googleapis.com"));
                // The metadata server is reached from its own machine only, and without TLS:
                // https://cloud.google.com/compute/docs/metadata/querying-metadata
                let of_the_machine =
                    api == Api::Metadata && endpoint.base == "http://metadata.google.internal";
                assert!(
                    endpoint.loopback || of_the_machine || url.scheme() == "https" && (google || to_slack),
                    "{}",
                    endpoint.base
                );
            }
            assert!(LIMIT.contains(&settings.config.defaults.max_checks));
            assert!(INTERVAL.contains(&settings.config.defaults.interval_s));
        }
        Err(bad) => {
            for line in bad.to_string().lines() {
                let setting = line.split_once(": ").map(|(name, _)| name.to_owned());
                assert!(setting.is_some_and(|name| names.contains(&name)), "{line}");
            }
        }
    }
    let _ = write!(std::io::sink(), "{args:?}");
}
