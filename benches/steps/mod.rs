//! The steps of a push that need no network, on inputs that never change: for the micro-benchmarks and for the test that
//! counts their instructions.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use opwatch::decision::{self, Decision};
use opwatch::delivery::Delivery;
use opwatch::intake::push;
use opwatch::message::{self, Defaults, Received};
use opwatch::outlets::{self, slack};
use opwatch::prose::{Context, compared_notice};
use opwatch::services::{Observation, Operation, Service, read_operation};
use opwatch::trust::{Internal, Route, Trust};
use opwatch::watch::{Check, Locale, Message, Report};
use serde_json::json;

const NAME: &str = "projects/my-project/operations/ASA1";
const RUNNING: &str = include_str!("../../tests/data/operations/datastore-processing.json");
const ENDED: &str = include_str!("../../tests/data/operations/datastore-successful.json");

/// When the push comes: check 5, on time.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_402_812, 0).expect("a time")
}

/// A push of a check in the middle of its watch, as Pub/Sub sends it.
pub(crate) fn push() -> Vec<u8> {
    let data = json!({"name": NAME, "service": "datastore", "attempt": 5, "interval": 60, "limit": 60,
        "title": "Nightly backup", "state": {"version": 1, "id": "2070443601311540", "first": "2026-11-23T03:01:12Z",
        "last": {"at": "2026-11-23T03:05:12Z", "facts": {"work": "EXPORT_ENTITIES", "start": "2026-11-23T03:00:12Z",
        "entities": {"done": 4000, "of": 20000}, "prefix": "gs://my-backups"}}}});
    let message = json!({"data": STANDARD.encode(data.to_string()), "messageId": "2070443601311545",
        "message_id": "2070443601311545", "publishTime": "2026-11-23T03:06:12Z", "publish_time": "2026-11-23T03:06:12Z"});
    json!({"message": message, "subscription": "projects/my-project/subscriptions/opwatch"})
        .to_string()
        .into_bytes()
}

/// As `deploy/up` sets it: made once, as a service makes it.
static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    Trust::Internal(Internal { topic: "projects/my-project/topics/opwatch".to_owned(), public_until: None })
});

static DEFAULTS: LazyLock<Defaults> = LazyLock::new(|| Defaults::new(outlets::ADDRESSING).fixed());

/// Opens the envelope.
pub(crate) fn decode(push: &[u8]) -> Delivery {
    push::open(push).expect("a push").deliver(Route::Internal, &TRUST).expect("it may push there")
}

/// Reads the message.
pub(crate) fn read(delivery: &Delivery) -> Message {
    let data = delivery.data.as_deref().expect("base64");
    let published = delivery.published.expect("a time");
    let received = Received { message_id: delivery.message_id.clone(), published, origin: delivery.origin };
    message::read(data, &received, &DEFAULTS).expect("a message")
}

/// The check that a message is.
pub(crate) fn check(message: Message) -> Check {
    let Message::Check(check) = message else { panic!("not a check: {message:?}") };
    *check
}

/// Reads what the service answers.
pub(crate) fn observe(ended: bool) -> Observation {
    let operation = Operation::new(Service::DATASTORE, NAME).expect("a name");
    read_operation(&operation, if ended { ENDED } else { RUNNING }.as_bytes())
}

/// Decides what follows.
pub(crate) fn decide(check: &Check, observation: Observation) -> Decision {
    decision::decide(check, observation, now(), decision::Pace::default())
}

/// Writes the next message.
pub(crate) fn write(decision: Decision) -> Vec<u8> {
    decision.into_message().0.to_data()
}

/// The report of the end.
pub(crate) fn report() -> Report {
    let check = check(read(&decode(&push())));
    let Decision::Report(report) = decide(&check, observe(true)) else { panic!("it has ended") };
    *report
}

/// Puts a report into words and into Slack's JSON.
pub(crate) fn render(report: &Report) -> String {
    let context = Context {
        topic: Some("projects/my-project/topics/opwatch"),
        locale: Locale::En,
        zone: chrono_tz::Europe::Madrid,
        title: None,
        routing: None,
        now: now(),
    };
    slack::payload(&compared_notice(report, None, &context), outlets::Part::Whole).to_string()
}

/// A whole push, but for the network: `ended` or not, what is passed on is written, and a report is rendered too.
pub(crate) fn whole(push: &[u8], ended: bool) -> usize {
    let check = check(read(&decode(push)));
    match decide(&check, observe(ended)) {
        Decision::Report(report) => render(&report).len() + write(Decision::Report(report)).len(),
        next => write(next).len(),
    }
}
