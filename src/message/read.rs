//! From `message.data` to a [`Message`].

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::body;
use super::fields::Fields;
use super::state::{OUTLET, OUTLET_ID, OUTLET_MESSAGE, State, Told};
use super::{LONGEST_BODY, LONGEST_READ, LONGEST_TITLE};
use crate::json::{self, Object};
use crate::placeholder::{NotKnown, Values};
use crate::services::{ApiError, LONGEST_NAME, Operation, Service, StartMethod, parse_start_path};
use crate::text;
use crate::trust::Origin;
use crate::watch::{
    Addressing, Check, Locale, Mention, MentionOn, Message, Notify, Outcome, Problem, Reason, Receipt,
    Report, Routing, Seen, Slot, Start, StartRequest, Target, Template, Test, Track, Unknown, Unusable,
    Verdict, Watch, Why, is_label, key_or_id, seconds,
};

/// Seconds between two checks: a second to a day.
pub const INTERVAL: std::ops::RangeInclusive<u32> = 1..=86_400;
/// Checks of one watch.
pub const LIMIT: std::ops::RangeInclusive<u32> = 1..=10_000;
/// Google's rule for the value of a label.
const LONGEST_KEY: usize = 63;
/// What a message can be, the first that is there.
const KICKOFFS: [&str; 3] = ["test", "start", "name"];
/// Fields that do not go with each of them.
const OF_SOME_KICKOFFS: [&str; 5] = ["start", "name", "service", "attempt", "key"];
/// What a message that doesn't say gets.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The services that a name without one is held against: `SERVICES`.
    pub services: Vec<Service>,
    /// Seconds between two checks.
    pub interval: u32,
    /// Checks at most.
    pub limit: u32,
    /// The time zone.
    pub zone: Tz,
    /// How targets, mentions and receipts are written.
    pub addressing: Addressing,
}

impl Defaults {
    /// A check a minute for an hour of the services that are watched by default, times in UTC.
    pub fn new(addressing: Addressing) -> Self {
        Self { services: Service::defaults(), interval: 60, limit: 60, zone: Tz::UTC, addressing }
    }
}

/// What Pub/Sub says of a message.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its id, unique within the topic.
    pub message_id: String,
    /// When it was published, by Google's clock.
    pub published: DateTime<Utc>,
    /// Who can have written it.
    pub origin: Origin,
}

/// Reads a message: strictly what a person wrote, leniently what opwatch passed on. That has a `state`, and came by a way that
/// opwatch alone can use; in any other message `state` is an unknown field.
///
/// # Errors
/// With the field that can't be used, and why.
pub fn read(data: &[u8], received: &Received, defaults: &Defaults) -> Result<Message, Problem> {
    if data.trim_ascii().is_empty() {
        return Err(Problem::new("", Why::Empty));
    }
    if data.len() > LONGEST_READ {
        return Err(Problem::new("", Why::TooLarge { size: data.len(), most: LONGEST_READ }));
    }
    let Object { map, duplicate } = json::object(data).map_err(Problem::not_json)?;
    let carried = received.origin == Origin::Internal && map.contains_key("state");
    if let Some(key) = duplicate.filter(|_| !carried) {
        return Err(Problem::new(&key, Why::Duplicate));
    }
    let mut fields = Fields::new(map, "", carried);
    let state = if carried { fields.object("state")? } else { None };
    let state = state.map(State::from_object).unwrap_or_default();
    let kickoff = KICKOFFS.into_iter().find(|field| fields.has(field));
    Reader { received, defaults, fields, state, carried, kickoff }.message()
}

/// Whether no notice may be sent about this unusable message: it is a report that opwatch sent to itself. On the public topic only
/// a notice counts as one, since the publisher of a forged report is to learn that it was refused: instances with different
/// settings must not go on sending each other notices about notices.
pub fn is_report(data: &[u8], origin: Origin) -> bool {
    let message = json::object(data).ok();
    let report = message.as_ref().and_then(|message| message.map.get("state")?.get("report"));
    match origin {
        Origin::Internal => report.is_some(),
        Origin::Public => report.is_some_and(|report| report.get("notice").is_some()),
    }
}

struct Reader<'a> {
    received: &'a Received,
    defaults: &'a Defaults,
    fields: Fields,
    state: State,
    /// Opwatch passed the message on; otherwise a person wrote it.
    carried: bool,
    /// The field that says what the message is.
    kickoff: Option<&'static str>,
}

impl Reader<'_> {
    fn message(mut self) -> Result<Message, Problem> {
        if let Some(outlet) = self.state.report.as_mut().and_then(|report| report.remove(OUTLET)) {
            return self.to_outlet(&outlet);
        }
        let watch = self.watch()?;
        if self.state.report.is_some() {
            return Ok(Message::Report(Box::new(self.report(watch))));
        }
        if self.fields.flag("test")? {
            return self.test(watch);
        }
        if self.fields.has("start") { self.start(watch) } else { self.check(watch) }
    }

    /// A report to another outlet, as [`Message::to_data`] wraps it.
    fn to_outlet(&self, outlet: &Value) -> Result<Message, Problem> {
        let problem = || Problem::new("state.report.outlet", Why::Form { form: "a report".to_owned() });
        let id =
            outlet.get(OUTLET_ID).and_then(Value::as_str).filter(|id| is_label(id)).ok_or_else(problem)?;
        let inner = outlet.get(OUTLET_MESSAGE).ok_or_else(problem)?.to_string();
        match read(inner.as_bytes(), self.received, self.defaults)? {
            Message::Report(report) if report.outlet.is_none() => {
                Ok(Message::Report(Box::new(Report { outlet: Some(id.to_owned()), ..*report })))
            }
            Message::Start(_) | Message::Check(_) | Message::Test(_) | Message::Report(_) => Err(problem()),
        }
    }

    fn watch(&mut self) -> Result<Watch, Problem> {
        let own_id = self.state.id.take().filter(|id| is_id(id));
        Ok(Watch {
            id: own_id.unwrap_or_else(|| self.received.message_id.clone()),
            title: self.fields.line("title", LONGEST_TITLE)?,
            locale: self.fields.word("locale", Locale::ALLOWED, |word| word.parse().ok())?,
            time_zone: self.fields.formed("timeZone", ZONE, |word| word.parse::<Tz>().ok())?,
            routing: self.routing()?,
            interval: self.fields.number("interval", INTERVAL)?.unwrap_or(self.defaults.interval),
            limit: self.fields.number("limit", LIMIT)?.unwrap_or(self.defaults.limit),
            unknown: Unknown::default(),
        })
    }

    fn routing(&mut self) -> Result<Routing, Problem> {
        let (fields, Addressing { target, mention, .. }) = (&mut self.fields, self.defaults.addressing);
        Ok(Routing {
            target: fields
                .formed("channel", target.described, |word| target.checked(word).map(Target::new))?,
            mention: fields
                .formed("mention", mention.described, |word| mention.checked(word).map(Mention::new))?,
            mention_on: fields.word("mentionOn", MentionOn::ALLOWED, |word| word.parse().ok())?,
            notify: fields.word("notify", Notify::ALLOWED, |word| word.parse().ok())?,
        })
    }

    /// The last step of reading: what is still there is unknown.
    fn finish(&mut self, watch: Watch) -> Result<Watch, Problem> {
        let unknown = Unknown { message: self.left()?, state: std::mem::take(&mut self.state.unknown) };
        Ok(Watch { unknown, ..watch })
    }

    /// What nobody read. Of a field that goes with another kickoff nobody is told that it is unknown.
    fn left(&mut self) -> Result<Map<String, Value>, Problem> {
        self.fields.finish().map_err(|problem| match self.kickoff {
            _ if !OF_SOME_KICKOFFS.contains(&problem.field.as_str()) => problem,
            Some(with) => Problem::new(&problem.field, Why::Misplaced { with: with.to_owned() }),
            None => Problem::new("name", Why::Missing),
        })
    }

    fn test(mut self, watch: Watch) -> Result<Message, Problem> {
        Ok(Message::Test(Test { watch: self.finish(watch)?, carried: self.carried }))
    }

    fn start(mut self, watch: Watch) -> Result<Message, Problem> {
        if self.fields.has("name") && !self.carried {
            return Err(Problem::new("name", Why::NotTogether { with: "start".to_owned() }));
        }
        let written = self.fields.object("start")?.unwrap_or_default();
        let key = self.key()?;
        let asked = self.asked().unwrap_or(self.received.published);
        let request = start_request(written, self.carried, &self.values(&watch, asked, key.as_deref()))?;
        let watch = self.finish(watch)?;
        let look_up = self.state.look_up.take().map(|look_up| look_up.bounded(&request));
        Ok(Message::Start(Box::new(Start {
            watch,
            request,
            key,
            asked,
            tries: self.state.tries.unwrap_or(0),
            waits: self.state.waits.unwrap_or(0),
            ambiguous: self.state.ambiguous.unwrap_or(false),
            denied: self.state.unreadable.unwrap_or(false),
            look_up,
            counted: self.state.counted.unwrap_or(false),
            error: self.state.error.take().map(ApiError::cut),
            carried: self.carried,
        })))
    }

    /// When the kickoff was published, as a message that opwatch passed on has it.
    fn asked(&self) -> Option<DateTime<Utc>> {
        let asked = self.state.asked.filter(text::is_plausible)?;
        Some(asked.min(self.received.published))
    }

    /// What placeholders stand for in the start of this watch.
    fn values(&self, watch: &Watch, asked: DateTime<Utc>, key: Option<&str>) -> Values {
        let zone = watch.time_zone.unwrap_or(self.defaults.zone);
        Values::new(asked, zone, &key_or_id(key, &watch.id))
    }

    fn check(mut self, watch: Watch) -> Result<Message, Problem> {
        let attempt = self.fields.number("attempt", 0..=watch.limit.saturating_sub(1))?.unwrap_or(0);
        let operation = self.operation().or_else(|problem| {
            // A misspelt name is told as the unknown field that it is, not as a missing name.
            if problem.why == Why::Missing { self.left().and(Err(problem)) } else { Err(problem) }
        })?;
        let watch = self.finish(watch)?;
        // What a person sends is due when it was published.
        let due_now =
            self.received.published - seconds(watch.interval) * i32::try_from(attempt).unwrap_or(i32::MAX);
        let latest = self.received.published + TimeDelta::days(1);
        Ok(Message::Check(Box::new(Check {
            first: self.state.first.filter(text::is_plausible).unwrap_or(due_now).min(latest),
            watch,
            operation,
            attempt,
            unreadable: self.state.unreadable.unwrap_or(false),
            last: self.state.last.take().and_then(Seen::plausible),
            track: self.state.track.take().map(Track::plausible).unwrap_or_default(),
            live: self.live(),
            announced: self.state.announced.unwrap_or(false),
            adopted: self.state.adopted,
            origin: self.origin(),
            carried: self.carried,
        })))
    }

    /// A report must reach people whatever became of its other fields, so nothing here refuses it.
    fn report(mut self, watch: Watch) -> Report {
        let original = self.state.report.take().unwrap_or_default();
        let (told, original) = Told::read(original);
        let at = told.at.filter(text::is_plausible).unwrap_or(self.received.published);
        let (asked, key) = (self.asked(), self.key().ok().flatten());
        let values = self.values(&watch, asked.unwrap_or(at), key.as_deref());
        let start = self.fields.object("start").ok().flatten();
        let start = start.and_then(|start| start_request(start, true, &values).ok());
        let attempt = self.fields.number("attempt", 0..=*LIMIT.end()).ok().flatten();
        let operation = self.operation().ok();
        let live = self.live();
        let origin = self.origin();
        let watch = self.finish(watch.clone()).unwrap_or(watch);
        let verdict = Verdict {
            outcome: told.outcome.unwrap_or(Outcome::CannotTell),
            reason: told.reason.map(Reason::cut),
            error: told.error.map(ApiError::cut),
            facts: told.facts.unwrap_or_default().cut(),
        };
        Report {
            operation,
            attempt,
            start,
            key,
            asked,
            adopted: self.state.adopted,
            origin,
            live,
            diverted: told.diverted.map(|word| text::cut(&word, LONGEST_KEY)),
            notice: told.notice.map(Unusable::cut),
            slot: told.slot.map(Slot::cut),
            tries: told.tries.unwrap_or(0),
            waits: told.waits.unwrap_or(0),
            plain: told.plain.unwrap_or(false),
            no_mention: told.no_mention.unwrap_or(false),
            unclear: told.unclear.unwrap_or(0),
            unchanged: told.unchanged,
            original,
            ..Report::new(watch, verdict, at)
        }
    }

    /// The start that the watch began with. It is shown and never called.
    fn origin(&mut self) -> Option<StartRequest> {
        let mut origin = self.state.origin.take()?;
        let service: Service = origin.get("service")?.as_str()?.parse().ok()?;
        let path = origin.get("path")?.as_str()?.to_owned();
        let method = StartMethod::find(service, path.rsplit_once(':')?.1)?;
        let Some(Value::Object(body)) = origin.remove("body") else { return None };
        StartRequest { method, path, body, template: None }.as_origin()
    }

    fn live(&mut self) -> Option<Receipt> {
        (self.defaults.addressing.receipt)(&self.state.live.take()?)
    }

    fn operation(&mut self) -> Result<Operation, Problem> {
        let services = &self.defaults.services;
        let unknown = || Why::UnknownWord { allowed: Service::list(services.iter().copied()) };
        let service = self.fields.parsed("service", |word| word.parse().ok(), unknown)?;
        if service.is_none() && self.fields.has("service") {
            // Another service's name must not be looked up in one of these.
            return Err(Problem::new("service", unknown()));
        }
        let name =
            self.fields.text("name", LONGEST_NAME)?.ok_or_else(|| Problem::new("name", Why::Missing))?;
        match service {
            Some(service) => {
                Operation::new(service, &name).map_err(|_| unfit(&name, true, &service.name_example()))
            }
            // What opwatch passes on names its service. Version 0.1 left out Datastore's.
            None if self.carried => Operation::new(Service::DATASTORE, &name)
                .map_err(|_| unfit(&name, true, &Service::DATASTORE.name_example())),
            None => of_one_service(&self.defaults.services, &name),
        }
    }

    fn key(&mut self) -> Result<Option<String>, Problem> {
        const FORM: &str = "1 to 63 of a-z, 0-9, _ and -";
        self.fields.formed("key", FORM, |word| is_label(word).then(|| word.to_owned()))
    }
}

/// Reads a start, and replaces its placeholders: what is checked here and by the settings is what is sent.
fn start_request(start: Map<String, Value>, carried: bool, values: &Values) -> Result<StartRequest, Problem> {
    let mut fields = Fields::new(start, "start.", false);
    let missing = |field: &str| Problem::new(&format!("start.{field}"), Why::Missing);
    let startable = |word: &str| word.parse().ok().filter(|service: &Service| service.look_up().is_some());
    let service = fields.word("service", &STARTABLE, startable)?.ok_or_else(|| missing("service"))?;
    let template = Template {
        path: fields.text("path", LONGEST_NAME)?.ok_or_else(|| missing("path"))?,
        body: fields.object("body")?.ok_or_else(|| missing("body"))?,
    };
    fields.finish()?;
    let path = values.expand(&template.path).map_err(|found| not_known("start.path", found))?;
    let body = values.expand_object(&template.body).map_err(|found| not_known("start.body", found))?;
    let (method, _) = parse_start_path(service, &path).map_err(|_| {
        let other = Service::all().find(|other| parse_start_path(*other, &path).is_ok());
        misfit("start.path", other, service.start_example().unwrap_or_default())
    })?;
    let size = |body| serde_json::to_vec(body).map_or(0, |json| json.len());
    let size = size(&body).max(size(&template.body));
    if size > LONGEST_BODY {
        return Err(Problem::new("start.body", Why::TooLarge { size, most: LONGEST_BODY }));
    }
    body::check(&body)?;
    if !carried {
        body::check_own(method, &body)?;
    }
    let template = Some(template).filter(|template| (&template.path, &template.body) != (&path, &body));
    Ok(StartRequest { method, path, body, template: template.map(Box::new) })
}

fn not_known(field: &str, found: NotKnown) -> Problem {
    Problem::new(&format!("{field}{}", found.at), Why::NotAPlaceholder { found: found.text })
}

/// The operation `name` of the one of `services` that has names of its form. Which of several is never guessed.
fn of_one_service(services: &[Service], name: &str) -> Result<Operation, Problem> {
    let mut candidates = Operation::candidates(services, name);
    match candidates.len() {
        1 => Ok(candidates.remove(0)),
        0 => {
            let example = services.first().map(|service| service.name_example()).unwrap_or_default();
            Err(unfit(name, false, &example))
        }
        _ => {
            let services = Service::list(candidates.iter().map(Operation::service));
            Err(Problem::new("name", Why::Ambiguous { services }))
        }
    }
}

/// What is wrong with a name that doesn't have the form of its service; it may have that of others. Those that are followed by
/// default come first.
fn unfit(name: &str, named: bool, example: &str) -> Problem {
    let fitting = |services: &[Service]| Operation::candidates(services, name);
    let mut others = fitting(&Service::defaults());
    if others.is_empty() {
        others = fitting(&Service::all().collect::<Vec<_>>());
    }
    match others.as_slice() {
        [_, _, ..] if !named => {
            let services = Service::list(others.iter().map(Operation::service));
            Problem::new("name", Why::Ambiguous { services })
        }
        [other] => misfit("name", Some(other.service()), example),
        _ => misfit("name", None, example),
    }
}

fn misfit(field: &str, other: Option<Service>, example: &str) -> Problem {
    let why = match other {
        Some(other) => Why::OtherService { service: other.id().to_owned() },
        None => Why::BadName { example: example.to_owned() },
    };
    Problem::new(field, why)
}

const ZONE: &str = "an IANA time zone, such as Europe/Madrid or UTC";

/// The services that starts can name.
static STARTABLE: LazyLock<String> =
    LazyLock::new(|| Service::list(Service::all().filter(|service| service.look_up().is_some())));

/// Whether a watch id is one that opwatch could have written.
fn is_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
