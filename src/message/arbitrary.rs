//! Any message that this version can have made, for property tests.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::json::Slip;
use crate::placeholder::Values;
use crate::services::{
    ApiError, ERROR_TEXT, ErrorInfo, Facts, Operation, Progress, Service, StartMethod, parse_start_path,
};
use crate::text::{cut, line};
use crate::watch::{
    Adopted, Check, Locale, LookUp, Mention, MentionOn, Message, Notify, Outcome, Problem, Reason, Receipt,
    Report, Routing, Seen, Slot, Start, StartRequest, Target, Template, Test, Track, Unknown, Unusable,
    Watch, Why, key_or_id,
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
    )
        .prop_map(|(target, mention, mention_on, notify)| Routing { target, mention, mention_on, notify })
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
pub(crate) fn track() -> BoxedStrategy<Track> {
    let look = (time(), option(progress()), option(progress()));
    (proptest::collection::vec(look, 0..5), 0_u32..3)
        .prop_map(|(looks, limit)| {
            let mut track = looks.into_iter().fold(Track::default(), |track, (at, entities, bytes)| {
                track.after(at, &Facts { entities, bytes, ..Facts::default() })
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
        routing(),
    )
        .prop_map(|(id, title, locale, time_zone, interval, limit, (message, state), routing)| Watch {
            id,
            // The reader takes no empty title, and cleans it.
            title: title.map(|title| line(cut(&title, 100))).filter(|title| !title.is_empty()),
            locale,
            time_zone,
            routing,
            interval,
            limit,
            unknown: Unknown { message, state },
        })
        .boxed()
}

fn info() -> BoxedStrategy<ErrorInfo> {
    let detail = || prop_oneof!["[A-Za-z0-9._:/@-]{1,20}", "[A-Z]{128}"];
    (detail(), detail(), detail(), detail(), detail())
        .prop_map(|(reason, domain, service, consumer, uid)| {
            let (permission, quota, violation) = (reason.clone(), domain.clone(), service.clone());
            ErrorInfo { reason, domain, service, consumer, permission, uid, quota, violation }
        })
        .boxed()
}

fn error() -> BoxedStrategy<ApiError> {
    (0_i64..600, text(20), long_text(ERROR_TEXT), option(info()))
        .prop_map(|(code, status, text, info)| {
            ApiError { info: info.map(Box::new), ..ApiError::new(code, status.as_str(), &text) }.cut()
        })
        .boxed()
}

fn progress() -> BoxedStrategy<Progress> {
    (any::<u64>(), option(any::<u64>())).prop_map(|(done, of)| Progress { done, of }).boxed()
}

/// What a look may have shown.
pub(crate) fn facts() -> BoxedStrategy<Facts> {
    let work = proptest::sample::select(&["EXPORT_ENTITIES", "IMPORT_DOCUMENTS", "<!here>"][..]);
    (
        option(work.prop_map(str::to_owned)),
        option(text(64)),
        (option(time()), option(time())),
        (option(progress()), option(progress()), option(progress())),
        (option(long_text(1_024)), option(long_text(1_024)), option(long_text(1_024))),
        option(error()),
    )
        .prop_map(
            |(work, state, (start, end), (entities, bytes, overall), (target, output, prefix), error)| {
                let filter = None;
                Facts {
                    work,
                    state,
                    start,
                    end,
                    entities,
                    bytes,
                    overall,
                    target,
                    output,
                    prefix,
                    error,
                    filter,
                    ..Facts::default()
                }
                .cut()
            },
        )
        .boxed()
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
            let carried = true;
            Start {
                watch,
                request,
                key,
                asked,
                tries,
                waits,
                ambiguous,
                denied,
                look_up,
                counted,
                error,
                carried,
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

/// A check on its way.
pub(crate) fn check() -> BoxedStrategy<Check> {
    let seen = (time(), facts()).prop_map(|(at, facts)| Seen { at, facts });
    let told = (track(), live(), any::<bool>(), origin());
    (watch(), operation(), any::<u32>(), time(), any::<bool>(), option(seen), adopted(), told)
        .prop_map(|(watch, operation, attempt, first, unreadable, last, adopted, told)| {
            let (track, live, announced, origin) = told;
            let attempt = attempt % watch.limit;
            let check = Check::new(watch, operation, first);
            Check { attempt, unreadable, last, track, live, announced, adopted, origin, ..check }
        })
        .boxed()
}

fn reason() -> BoxedStrategy<Reason> {
    prop_oneof![
        proptest::sample::select(vec![
            Reason::Gone,
            Reason::Denied,
            Reason::Refused,
            Reason::Unavailable,
            Reason::UnknownState,
            Reason::Late,
            Reason::ListDenied,
            Reason::ListRefused,
            Reason::Unclear,
            Reason::Other,
        ]),
        Just(Reason::NotAllowed { setting: "PROJECTS".to_owned() }),
        (any::<u32>()).prop_map(|most| Reason::Limit { setting: "MAX_STARTS_PER_HOUR".to_owned(), most }),
        outcome().prop_map(|outcome| Reason::EndedBefore { outcome }),
    ]
    .boxed()
}

fn unusable() -> BoxedStrategy<Unusable> {
    let texts = (text(20), text(20), text(20));
    let why = (texts, any::<u32>(), any::<u32>(), 0_usize..26).prop_map(
        |((one, two, three), least, most, kind)| {
            let all = [
                Why::TooLarge { size: least as usize, most: most as usize },
                Why::NotBase64,
                Why::Empty,
                Why::NotJson { detail: one.clone(), slip: Slip::Python },
                Why::Duplicate,
                Why::RepeatsPath,
                Why::Character { code: one.clone() },
                Why::OtherField { field: one.clone() },
                Why::UnknownField,
                Why::Missing,
                Why::NoText,
                Why::NoObject,
                Why::Length { most: most as usize },
                Why::Number { least, most },
                Why::UnknownWord { allowed: one.clone() },
                Why::Form { form: one.clone() },
                Why::BadName { example: one.clone() },
                Why::OtherService { service: one.clone() },
                Why::Ambiguous { services: one.clone() },
                Why::NotAPlaceholder { found: one },
                Why::Reserved,
                Why::NotTogether { with: two.clone() },
                Why::Misplaced { with: two.clone() },
                Why::Below { setting: two.clone(), least },
                Why::NotAllowed { setting: two, value: three },
                Why::NeedsPower,
                Why::Other,
            ];
            all[kind].clone()
        },
    );
    (text(30), why, long_text(1_000), "[0-9]{0,20}")
        .prop_map(|(field, why, excerpt, message_id)| Unusable {
            problem: Problem::new(&field, why),
            excerpt,
            message_id,
        })
        .boxed()
}

/// Any outcome.
pub(crate) fn outcome() -> BoxedStrategy<Outcome> {
    proptest::sample::select(vec![
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::Cancelled,
        Outcome::NotStarted,
        Outcome::Stopped,
        Outcome::Notice,
        Outcome::Test,
        Outcome::CannotTell,
        Outcome::Lost,
        Outcome::Running,
        Outcome::Stalled,
    ])
    .boxed()
}

fn waits() -> BoxedStrategy<u32> {
    prop_oneof![3 => Just(0), 1 => number()].boxed()
}

/// A report on its way, whether or not its parts go together.
pub(crate) fn report() -> BoxedStrategy<Report> {
    let verdict = (outcome(), option(reason()), option(error()), facts(), time());
    let start = (option(request()), placeholders(), option(time()));
    let about = (option(operation()), option(0_u32..=10_000), start, key(), (adopted(), origin()));
    let less = (any::<bool>(), any::<bool>(), option("[a-z_]{1,30}"));
    let slot = option((text(20), any::<i64>(), any::<u32>()));
    let counts = (waits(), prop_oneof![3 => Just(0), 1 => 0_u32..12], option(0_u32..100));
    let posting = (number(), counts, less, live());
    (watch(), verdict, about, option(unusable()), posting, slot)
        .prop_map(|(watch, (outcome, reason, error, facts, at), about, notice, posting, slot)| {
            let slot = slot.map(|(of, at, number)| Slot { of, at, number });
            let (tries, (waits, unclear, unchanged), (plain, no_mention, diverted), live) = posting;
            let (operation, attempt, (request, placeholders, asked), key, (adopted, origin)) = about;
            let published = asked.unwrap_or(at);
            let start =
                request.map(|request| templated(request, placeholders, &watch, published, key.as_deref()));
            Report {
                watch,
                outcome,
                reason,
                error,
                facts,
                at,
                operation,
                attempt,
                start,
                key,
                asked,
                adopted,
                origin,
                live,
                outlet: None,
                diverted,
                notice,
                tries,
                waits,
                slot,
                plain,
                no_mention,
                unclear,
                unchanged,
                original: Map::new(),
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
        watch().prop_map(|watch| Message::Test(Test { watch, carried: true })),
    ]
    .boxed()
}
