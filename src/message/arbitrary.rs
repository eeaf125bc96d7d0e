//! Any message that this version can have made, for property tests.

mod facts;
mod report;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

pub(crate) use self::facts::facts;
use self::facts::{error, progress};
pub(crate) use self::report::{outcome, report};
use crate::decision::Ladder;
use crate::placeholder::Values;
use crate::services::{Operation, OperationInfo, Service, StartMethod, parse_start_path};
use crate::text::{cut, line};
use crate::watch::{
    Adopted, Check, Locale, LookUp, Mention, MentionOn, Message, Notify, ProgressHistory, Purpose, Receipt,
    Routing, Seen, SignalLook, Start, StartRequest, Target, Template, Test, Unknown, Watch, key_or_id,
};

/// A text of 1 to `most` characters, many of them such as something could trip over.
pub(crate) fn text(most: usize) -> BoxedStrategy<String> {
    let hostile =
        proptest::sample::select(&['<', '>', '&', '`', '"', '\\', '\'', '\n', '*', '日', '🎉', '@'][..]);
    let any = prop_oneof![hostile, any::<char>(), proptest::char::range('a', 'z')];
    proptest::collection::vec(any, 1..=most)
        .prop_map(move |chars| cut(&chars.into_iter().collect::<String>(), most))
        .boxed()
}

/// A text that is mostly short and sometimes as long as it may be, in the widest characters.
fn long_text(most: usize) -> BoxedStrategy<String> {
    prop_oneof![4 => text(most.min(30)), 1 => Just("🎉".repeat(most)), 1 => Just("\"".repeat(most))].boxed()
}

fn option<S: Strategy + Clone>(some: S) -> impl Strategy<Value = Option<S::Value>> + Clone
where
    S::Value: Clone,
{
    proptest::option::of(some)
}

/// A time between 1970 and 9999.
pub(crate) fn time() -> BoxedStrategy<DateTime<Utc>> {
    let usual = 1_700_000_000_i64..1_900_000_000;
    prop_oneof![9 => usual, 1 => 0_i64..253_402_300_000]
        .prop_map(|second| DateTime::from_timestamp(second, 123_456_789).unwrap())
        .boxed()
}

fn number() -> BoxedStrategy<u32> {
    prop_oneof![0_u32..400, Just(u32::MAX), Just(u32::MAX - 1), any::<u32>()].boxed()
}

/// An operation of either service.
pub(crate) fn operation() -> BoxedStrategy<Operation> {
    prop_oneof![
        "[A-Za-z0-9_-]{1,40}".prop_map(|id| (Service::DATASTORE, format!("projects/demo/operations/{id}"))),
        "[A-Za-z0-9_-]{1,40}".prop_map(|id| (
            Service::FIRESTORE,
            format!("projects/demo/databases/(default)/operations/{id}")
        )),
        Just((Service::DATASTORE, format!("projects/demo/operations/{}", "x".repeat(980)))),
    ]
    .prop_map(|(service, name)| Operation::new(service, &name).unwrap())
    .boxed()
}

fn unknown_fields() -> BoxedStrategy<Map<String, Value>> {
    let value =
        prop_oneof![text(20).prop_map(Value::from), any::<i64>().prop_map(Value::from), Just(Value::Null)];
    proptest::collection::btree_map("new[A-Z][a-z]{0,5}", value, 0..3).prop_map(Map::from_iter).boxed()
}

/// Whatever a message may say of where and how it is told.
pub(crate) fn routing() -> BoxedStrategy<Routing> {
    let mention = prop_oneof![
        Just(Mention::new("here")),
        "[UW][A-Z0-9]{2,30}".prop_map(Mention::new),
        "S[A-Z0-9]{2,30}".prop_map(Mention::new),
    ];
    let notify = vec![Notify::Live, Notify::End, Notify::StartAndEnd, Notify::Failure];
    (
        option("[CGD][A-Z0-9]{2,30}".prop_map(Target::new)),
        option(mention),
        option(proptest::sample::select(vec![MentionOn::Failure, MentionOn::Always, MentionOn::Never])),
        option(proptest::sample::select(notify)),
        option(proptest::sample::subsequence(crate::outlets::IDS, 1..=crate::outlets::IDS.len())),
    )
        .prop_map(|(target, mention, mention_on, notify, outlets)| Routing {
            target,
            mention,
            mention_on,
            notify,
            outlets,
        })
        .boxed()
}

/// A message that follows a watch.
pub(crate) fn live() -> BoxedStrategy<Option<Receipt>> {
    option(
        ("[CGD][A-Z0-9]{2,30}", "[0-9]{1,12}\\.[0-9]{6}")
            .prop_map(|(channel, ts)| Receipt::new([("channel", &channel), ("ts", &ts)])),
    )
    .boxed()
}

/// How the work may have gone on.
pub(crate) fn track() -> BoxedStrategy<ProgressHistory> {
    let look = (time(), option(progress()), option(progress()));
    (proptest::collection::vec(look, 0..5), 0_u32..3)
        .prop_map(|(looks, limit)| {
            let mut track =
                looks.into_iter().fold(ProgressHistory::default(), |track, (at, entities, bytes)| {
                    track.after(at, &OperationInfo { entities, bytes, ..OperationInfo::default() })
                });
            track.stalls(limit);
            track
        })
        .boxed()
}

/// A watch; its id is one that Pub/Sub could have given.
pub(crate) fn watch() -> BoxedStrategy<Watch> {
    let zone = proptest::sample::select(&["UTC", "Asia/Tokyo", "America/New_York", "Pacific/Kiritimati"][..]);
    (
        "[0-9]{1,20}",
        option(long_text(100)),
        option(prop_oneof![Just(Locale::En), Just(Locale::Ja)]),
        option(zone.prop_map(|zone| zone.parse().unwrap())),
        1_u32..=86_400,
        1_u32..=10_000,
        (unknown_fields(), unknown_fields()),
        (routing(), option(Ladder::MIN_S..=Ladder::MAX_S)),
    )
        .prop_map(|(id, title, locale, time_zone, interval, limit, (message, state), (routing, until_s))| {
            Watch {
                id,
                // The reader takes no empty title, and cleans it.
                title: title.map(|title| line(cut(&title, 100))).filter(|title| !title.is_empty()),
                locale,
                time_zone,
                routing,
                until_s,
                interval_s: interval,
                max_checks: limit,
                unknown: Unknown { message, state },
            }
        })
        .boxed()
}

fn waits() -> BoxedStrategy<u32> {
    prop_oneof![3 => Just(0), 1 => number()].boxed()
}

fn request() -> BoxedStrategy<StartRequest> {
    let size = prop_oneof![9 => Just(10_usize), 1 => Just(12_000)];
    let path = prop_oneof![
        Just((Service::DATASTORE, "projects/demo:export")),
        Just((Service::DATASTORE, "projects/demo:import")),
        Just((Service::FIRESTORE, "projects/demo/databases/(default):exportDocuments")),
    ];
    (path, text(10), size)
        .prop_map(|((service, path), name, size)| {
            let (method, _): (StartMethod, _) = parse_start_path(service, path).unwrap();
            // No field of a body has an underscore: only the spelling of the reference is taken.
            let name = name.replace('_', "-");
            let body = json!({"outputUrlPrefix": "gs://b", name: "x".repeat(size)});
            let body = body.as_object().unwrap().clone();
            StartRequest { method, path: path.to_owned(), body, template: None }
        })
        .boxed()
}

/// Some of what a kickoff can ask for, with its placeholders replaced as the reader does.
fn templated(
    request: StartRequest,
    placeholders: &str,
    watch: &Watch,
    asked: DateTime<Utc>,
    key: Option<&str>,
) -> StartRequest {
    let mut body = request.body.clone();
    body.insert("collectionIds".to_owned(), json!(["a", {"b": placeholders}]));
    let zone = watch.time_zone.unwrap_or(Tz::UTC);
    let values = Values::new(asked, zone, &key_or_id(key, &watch.id));
    let template = Template { path: request.path.clone(), body };
    let body = values.expand_object(&template.body).unwrap();
    let template = Some(template).filter(|template| template.body != body).map(Box::new);
    StartRequest { body, template, ..request }
}

fn placeholders() -> impl Strategy<Value = &'static str> + Clone {
    proptest::sample::select(vec!["none", "${date}", "gs://b/${datetime}-${time}/${id}", "$${literal}"])
}

fn key() -> BoxedStrategy<Option<String>> {
    option("[a-z0-9_-]{1,63}").boxed()
}

fn adopted() -> BoxedStrategy<Option<Adopted>> {
    option(prop_oneof![Just(Adopted::Key), Just(Adopted::Request)]).boxed()
}

fn origin() -> BoxedStrategy<Option<StartRequest>> {
    option(request()).prop_map(|request| request?.as_origin()).boxed()
}

/// A start on its way.
pub(crate) fn start() -> BoxedStrategy<Start> {
    let counts = (number(), waits(), any::<bool>(), any::<bool>(), any::<bool>());
    let requests = (request(), placeholders());
    (watch(), requests, key(), time(), counts, option(look_up()), option(error()))
        .prop_map(|(watch, (request, placeholders), key, asked, counts, look_up, error)| {
            let request = templated(request, placeholders, &watch, asked, key.as_deref());
            let (tries, waits, ambiguous, denied, counted) = counts;
            let look_up = look_up.map(|look_up: LookUp| look_up.bounded(&request));
            let is_continuation = true;
            Start {
                watch,
                request,
                key,
                published_at: asked,
                tries,
                turn_waits: waits,
                ambiguous,
                denied,
                look_up,
                counted,
                error,
                is_continuation,
            }
        })
        .boxed()
}

fn look_up() -> BoxedStrategy<LookUp> {
    let token = prop_oneof![4 => "[A-Za-z0-9_=~-]{0,40}", 1 => Just("x".repeat(1_024)), 1 => text(20)];
    let found = option(operation().prop_map(|operation| operation.name().to_owned()));
    (number(), token, any::<bool>(), found)
        .prop_map(|(query, token, refused, found)| LookUp { query, token, refused, found })
        .boxed()
}

/// Who started an operation.
pub(super) fn account() -> BoxedStrategy<String> {
    "[a-z]{1,9}@[a-z]{1,9}\\.iam\\.gserviceaccount\\.com".boxed()
}

/// What a check is made for.
fn purpose() -> BoxedStrategy<Purpose> {
    let signal = (time(), 1_u32..3).prop_map(|(at, number)| Purpose::Signal(SignalLook { at, number }));
    prop_oneof![4 => Just(Purpose::Next), 1 => Just(Purpose::Sentinel), 1 => signal].boxed()
}

/// A check on its way.
pub(crate) fn check() -> BoxedStrategy<Check> {
    let seen = (time(), facts()).prop_map(|(at, facts)| Seen { at, facts });
    let told = (track(), live(), any::<bool>(), origin(), purpose(), option(account()));
    (watch(), operation(), any::<u32>(), time(), any::<bool>(), option(seen), adopted(), told)
        .prop_map(|(watch, operation, attempt, first, unreadable, last, adopted, told)| {
            let (track, live, announced, origin, purpose, started_by) = told;
            let attempt = attempt % watch.max_checks;
            let check = Check::new(watch, operation, first);
            Check {
                attempt,
                purpose,
                unreadable,
                last,
                track,
                live,
                announced,
                adopted,
                origin,
                started_by,
                ..check
            }
        })
        .boxed()
}

/// Any message that opwatch passes on.
pub(crate) fn message() -> BoxedStrategy<Message> {
    prop_oneof![
        start().prop_map(|start| Message::Start(Box::new(start))),
        check().prop_map(|check| Message::Check(Box::new(check))),
        report().prop_map(|report| Message::Report(Box::new(report))),
        watch().prop_map(|watch| Message::Test(Test { watch, is_continuation: true })),
    ]
    .boxed()
}
