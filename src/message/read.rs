//! From `message.data` to a [`Message`].

mod schedule;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::fields::Rules;
use super::received::{Defaults, LIMIT, Received};
use super::wire::{self, State};
use super::{MAX_READ_BYTES, MAX_TITLE_CHARS, operation, start};
use crate::decision::Ladder;
use crate::json::{self, Object};
use crate::placeholder::Values;
use crate::services::{MAX_NAME_BYTES, Operation, Service};
use crate::text;
use crate::trust::Origin;
use crate::watch::{
    Addressing, Check, Locale, Mention, MentionOn, Message, Notify, Outcome, Problem, ProblemKind, Purpose,
    Receipt, Report, Routing, Start, Target, Test, Unknown, Verdict, Watch, is_label, key_or_id,
};

/// Google's rule for the value of a label.
const MAX_KEY_BYTES: usize = 63;
/// Fields that do not go with each of them.
const OF_SOME_KICKOFFS: [&str; 5] = ["start", "name", "service", "attempt", "key"];

/// Reads a message: strictly what a person wrote, leniently what opwatch passed on. That has a `state`, and came by a way that
/// opwatch alone can use; in any other message `state` is an unknown field.
///
/// # Errors
/// With the field that can't be used, and why.
pub fn read(data: &[u8], received: &Received, defaults: &Defaults) -> Result<Message, Problem> {
    if data.trim_ascii().is_empty() {
        return Err(Problem::new("", ProblemKind::Empty));
    }
    if data.len() > MAX_READ_BYTES {
        return Err(Problem::new("", ProblemKind::TooLarge { size: data.len(), most: MAX_READ_BYTES }));
    }
    let Object { map, duplicate } = json::object(data).map_err(Problem::not_json)?;
    let is_continuation = received.origin != Origin::Public && map.contains_key("state");
    if let Some(key) = duplicate.filter(|_| !is_continuation) {
        return Err(Problem::new(&key, ProblemKind::Duplicate));
    }
    let rules = Rules { prefix: "", lenient: is_continuation };
    let mut message = wire::Message::of(map);
    let state = if is_continuation { rules.part("state", &mut message.state)? } else { None };
    let state = state.unwrap_or_default();
    Reader { received, defaults, rules, kickoff: kickoff(&message), message, state, is_continuation }
        .message()
}

/// What a message is: the first of these fields that is there.
fn kickoff(message: &wire::Message<'_>) -> Option<&'static str> {
    let fields = [
        ("test", message.test.is_absent()),
        ("start", message.start.is_absent()),
        ("name", message.name.is_absent()),
    ];
    fields.into_iter().find(|(_, is_absent)| !is_absent).map(|(name, _)| name)
}

struct Reader<'a> {
    received: &'a Received,
    defaults: &'a Defaults,
    rules: Rules,
    /// The fields that were not read yet.
    message: wire::Message<'static>,
    /// What opwatch passed on besides.
    state: State<'static>,
    /// Opwatch passed the message on; otherwise a person wrote it.
    is_continuation: bool,
    /// The field that says what the message is.
    kickoff: Option<&'static str>,
}

impl Reader<'_> {
    fn message(mut self) -> Result<Message, Problem> {
        if let Some(outlet) = self.state.report.as_mut().and_then(|report| report.to_mut().remove("outlet")) {
            return self.to_outlet(outlet);
        }
        let watch = self.watch()?;
        if self.state.report.is_some() {
            return Ok(Message::Report(Box::new(self.report(watch))));
        }
        if self.rules.flag("test", &mut self.message.test)? {
            return self.test(watch);
        }
        if self.message.start.is_absent() { self.check(watch) } else { self.start(watch) }
    }

    /// A report to another outlet, as [`Message::to_data`] wraps it.
    fn to_outlet(&self, outlet: Value) -> Result<Message, Problem> {
        let problem =
            || Problem::new("state.report.outlet", ProblemKind::Form { form: "a report".to_owned() });
        let outlet: wire::Outlet<'_> = serde_json::from_value(outlet).map_err(|_| problem())?;
        let id = Some(outlet.id).filter(|id| is_label(id)).ok_or_else(problem)?;
        match read(outlet.message.to_string().as_bytes(), self.received, self.defaults)? {
            Message::Report(report) if report.outlet.is_none() => {
                Ok(Message::Report(Box::new(Report { outlet: Some(id.into_owned()), ..*report })))
            }
            Message::Start(_) | Message::Check(_) | Message::Test(_) | Message::Report(_) => Err(problem()),
        }
    }

    fn watch(&mut self) -> Result<Watch, Problem> {
        let own_id = self.state.take_id();
        let (rules, message) = (self.rules, &mut self.message);
        rules.parsed("$schema", &mut message.schema, |_| Some(()), || ProblemKind::NoText)?;
        let title = rules.line("title", &mut message.title, MAX_TITLE_CHARS)?;
        let locale = rules.word("locale", &mut message.locale, Locale::ALLOWED, |word| word.parse().ok())?;
        let time_zone = rules.formed("timeZone", &mut message.time_zone, ZONE, |word| word.parse().ok())?;
        let routing = self.routing()?;
        let (until_s, interval_s, max_checks) = self.schedule()?;
        Ok(Watch {
            id: own_id.unwrap_or_else(|| self.received.message_id.clone()),
            title,
            locale,
            time_zone,
            routing,
            until_s,
            interval_s,
            max_checks,
            unknown: Unknown::default(),
        })
    }

    fn routing(&mut self) -> Result<Routing, Problem> {
        let (rules, message) = (self.rules, &mut self.message);
        let Addressing { target, mention, outlets, .. } = self.defaults.addressing;
        let as_target = |word: &str| target.checked(word).map(Target::new);
        let as_mention = |word: &str| mention.checked(word).map(Mention::new);
        Ok(Routing {
            target: rules.formed("channel", &mut message.channel, target.described, as_target)?,
            mention: rules.formed("mention", &mut message.mention, mention.described, as_mention)?,
            mention_on: rules
                .word("mentionOn", &mut message.mention_on, MentionOn::ALLOWED, |word| word.parse().ok())?,
            notify: rules.word("notify", &mut message.notify, Notify::ALLOWED, |word| word.parse().ok())?,
            outlets: rules.list("outlets", &mut message.outlets, outlets)?,
        })
    }

    /// The last step of reading: what is still there is unknown.
    fn finish(&mut self, watch: Watch) -> Result<Watch, Problem> {
        let state = std::mem::take(&mut self.state.unknown).into_owned();
        let unknown = Unknown { message: self.left()?, state };
        Ok(Watch { unknown, ..watch })
    }

    /// What nobody read. Of a field that goes with another kickoff nobody is told that it is unknown.
    fn left(&mut self) -> Result<Map<String, Value>, Problem> {
        let left = std::mem::take(&mut self.message).into_object();
        self.rules.finish(left).map_err(|problem| match self.kickoff {
            _ if !OF_SOME_KICKOFFS.contains(&problem.field.as_str()) => problem,
            Some(with) => Problem::new(&problem.field, ProblemKind::Misplaced { with: with.to_owned() }),
            None => Problem::new("name", ProblemKind::Missing),
        })
    }

    fn test(mut self, watch: Watch) -> Result<Message, Problem> {
        Ok(Message::Test(Test { watch: self.finish(watch)?, is_continuation: self.is_continuation }))
    }

    fn start(mut self, watch: Watch) -> Result<Message, Problem> {
        if !self.message.name.is_absent() && !self.is_continuation {
            return Err(Problem::new("name", ProblemKind::NotTogether { with: "start".to_owned() }));
        }
        let written = self.rules.part("start", &mut self.message.start)?.unwrap_or_default();
        let key = self.key()?;
        let asked = self.asked().unwrap_or(self.received.published);
        let values = self.values(&watch, asked, key.as_deref());
        let request = start::read(written, self.is_continuation, &values)?;
        let watch = self.finish(watch)?;
        let look_up = self.state.look_up.take().map(|look_up| look_up.into_owned().bounded(&request));
        Ok(Message::Start(Box::new(Start {
            watch,
            request,
            key,
            published_at: asked,
            tries: self.state.tries.unwrap_or(0),
            turn_waits: self.state.waits.unwrap_or(0),
            ambiguous: self.state.ambiguous.unwrap_or(false),
            denied: self.state.unreadable.unwrap_or(false),
            look_up,
            counted: self.state.counted.unwrap_or(false),
            error: self.state.error.take().map(|error| error.into_owned().cut()),
            is_continuation: self.is_continuation,
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
        let last = match watch.until_s {
            Some(until_s) if !self.is_continuation => Ladder::last_of(until_s),
            Some(_) | None => watch.max_checks.saturating_sub(1),
        };
        let attempts = 0..=last;
        let attempt = self.rules.number("attempt", &mut self.message.attempt, attempts)?.unwrap_or(0);
        let operation = self.operation().or_else(|problem| {
            // A misspelt name is told as the unknown field that it is, not as a missing name.
            if problem.kind == ProblemKind::Missing { self.left().and(Err(problem)) } else { Err(problem) }
        })?;
        let mut watch = self.finish(watch)?;
        let from = self.state.from.filter(text::is_plausible);
        if self.is_continuation && from.is_none() {
            // A version without ladders began the watch.
            watch.until_s = None;
        }
        Ok(Message::Check(Box::new(Check {
            first: self.first(&watch, from, attempt),
            watch,
            operation,
            attempt,
            purpose: Purpose::of(
                self.state.sentinel.unwrap_or(false),
                self.state.signal.filter(|look| text::is_plausible(&look.at)),
            ),
            usual_s: self.state.usual,
            unreadable: self.state.unreadable.unwrap_or(false),
            last: self.state.last.take().and_then(|last| last.into_owned().plausible()),
            track: self.state.track.take().map(|track| track.into_owned().plausible()).unwrap_or_default(),
            live: self.live(),
            announced: self.state.announced.unwrap_or(false),
            adopted: self.state.adopted,
            origin: self.state.origin.take().and_then(start::origin),
            started_by: self.state.take_started_by(),
            is_continuation: self.is_continuation,
        })))
    }

    /// A report must reach people whatever became of its other fields, so nothing here refuses it.
    fn report(mut self, watch: Watch) -> Report {
        let original = self.state.report.take().unwrap_or_default().into_owned();
        let (written, original) = wire::Report::read(original);
        let at = written.at.filter(text::is_plausible).unwrap_or(self.received.published);
        let (asked, key) = (self.asked(), self.key().ok().flatten());
        let values = self.values(&watch, asked.unwrap_or(at), key.as_deref());
        let start = self.message.start.take().ok();
        let start = start.and_then(|start| start::read(start, true, &values).ok());
        let attempt = self.rules.number("attempt", &mut self.message.attempt, 0..=*LIMIT.end());
        let operation = self.operation().ok();
        let live = self.live();
        let origin = self.state.origin.take().and_then(start::origin);
        let started_by = self.state.take_started_by();
        let watch = self.finish(watch.clone()).unwrap_or(watch);
        let verdict = Verdict {
            outcome: written.outcome.unwrap_or(Outcome::CannotTell),
            reason: written.reason.map(|reason| reason.into_owned().cut()),
            error: written.error.map(|error| error.into_owned().cut()),
            facts: written.facts.unwrap_or_default().into_owned().cut(),
        };
        Report {
            operation,
            attempt: attempt.ok().flatten(),
            start,
            key,
            published_at: asked,
            adopted: self.state.adopted,
            origin,
            started_by,
            live,
            fallback_reason: written.diverted.map(|word| text::cut(&word, MAX_KEY_BYTES)),
            notice: written.notice.map(|notice| notice.into_owned().cut()),
            slot: written.slot.map(|slot| slot.into_owned().cut()),
            tries: written.tries.unwrap_or(0),
            claim_waits: written.waits.unwrap_or(0),
            as_plain_text: written.plain.unwrap_or(false),
            no_mention: written.no_mention.unwrap_or(false),
            unclear: written.unclear.unwrap_or(0),
            digested: written.digested.unwrap_or(false),
            unchanged: written.unchanged,
            unknown_fields: original,
            ..Report::new(watch, verdict, at)
        }
    }

    fn live(&mut self) -> Option<Receipt> {
        (self.defaults.addressing.receipt)(self.state.live.take()?.as_ref())
    }

    fn operation(&mut self) -> Result<Operation, Problem> {
        let services = &self.defaults.services;
        let unknown = || ProblemKind::UnknownWord { allowed: Service::list(services.iter().copied()) };
        let field = &mut self.message.service;
        let service = self.rules.parsed("service", field, |word| word.parse().ok(), unknown)?;
        if service.is_none() && !self.message.service.is_absent() {
            // Another service's name must not be looked up in one of these.
            return Err(Problem::new("service", unknown()));
        }
        let name = self.rules.text("name", &mut self.message.name, MAX_NAME_BYTES)?;
        let name = name.ok_or_else(|| Problem::new("name", ProblemKind::Missing))?;
        match service {
            Some(service) => operation::of_service(service, &name),
            // What opwatch passes on names its service. Version 0.1 left out Datastore's.
            None if self.is_continuation => operation::of_service(Service::DATASTORE, &name),
            None => operation::of_one_service(services, &name),
        }
    }

    fn key(&mut self) -> Result<Option<String>, Problem> {
        const FORM: &str = "1 to 63 characters from a-z, 0-9, _ and -";
        let own = |word: &str| is_label(word).then(|| word.to_owned());
        self.rules.formed("key", &mut self.message.key, FORM, own)
    }
}

const ZONE: &str = "an IANA time zone, such as Europe/Madrid or UTC";
