//! What a watch would come to, for which the same is called as by the service: a message is read, looks are decided on, the
//! result is put into words.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::recording::Recording;
use super::{Place, RenderArgs};
use crate::cli::named::known_service;
use crate::clock::{Clock, SystemClock};
use crate::decision::{Decision, Pace, after_refusal, decide};
use crate::message::{Defaults, Received, read};
use crate::outlets::{self, chat};
use crate::prose::{Context, Notice, notice, running, stall_report};
use crate::services::{ApiError, Ending, Observation, OperationInfo, Service};
use crate::trust::Origin;
use crate::watch::{
    Check, InvalidMessage, Locale, Message, Outcome, Reason, Report, Routing, Watch, seconds,
};

/// Checks without progress that make a stall.
const STILL: u32 = 10;
/// Deliveries after which Pub/Sub gives up, as `deploy/up` sets it.
const DELIVERIES: u32 = 100;
/// The project of what has no recorded operation.
const EXAMPLE: &str = "projects/my-project";

/// Something told.
pub(super) struct Rendered {
    /// In words.
    pub(super) notice: Notice,
    /// What it tells.
    pub(super) outcome: Outcome,
    /// The language of it.
    pub(super) locale: Locale,
    /// The zone of its times.
    pub(super) zone: Tz,
    /// When the operation began.
    pub(super) since: DateTime<Utc>,
    /// When it is told.
    pub(super) now: DateTime<Utc>,
    /// Which operations of lists it tells of.
    pub(super) taken: Vec<String>,
}

/// What `args` ask for.
///
/// # Errors
/// With the argument or file that can't be used, why, and what to give.
pub(super) fn tell(args: &RenderArgs) -> Result<Rendered, String> {
    args.extra.check().map_err(|bad| bad.to_string())?;
    let recorded = |file: &PathBuf, name: Option<&str>| Recording::read(file, args.service.as_deref(), name);
    let recording = args.operation.as_ref().map(|file| recorded(file, args.name.as_deref())).transpose()?;
    let same = recording.as_ref().map(|recording| recording.operation.name().to_owned());
    let previous = args.previous.as_ref().map(|file| recorded(file, same.as_deref())).transpose()?;
    let taken = recording.iter().chain(&previous).filter_map(|recording| recording.taken.clone()).collect();
    match args.outcome {
        Some(Outcome::NotStarted | Outcome::Notice | Outcome::Test | Outcome::Doctor) => {}
        _ if recording.is_none() => {
            return Err("--operation FILE is missing; without an operation --outcome can be not-started, notice, test or doctor".to_owned());
        }
        _ => {}
    }
    let scene = Scenario::set(args, recording, previous)?;
    let (story, now) = scene.story()?;
    let mut told = Rendered { taken, ..scene.told(&story, now)? };
    if let (Place::Chat, Some(mention)) = (args.outlet, &args.mention) {
        let mention = chat::mention(mention).map_err(|why| format!("--mention: {why}"))?;
        told.notice.mentions.iter_mut().for_each(|stand_in| *stand_in = mention.clone());
    }
    Ok(told)
}

/// What is about to be told.
enum Story {
    Running(Box<Check>, DateTime<Utc>),
    Stalled(Box<Check>),
    Ended(Box<Report>),
}

struct Scenario<'a> {
    args: &'a RenderArgs,
    service: Service,
    recording: Option<Recording>,
    previous: Option<Recording>,
    since: DateTime<Utc>,
}

impl<'a> Scenario<'a> {
    fn set(
        args: &'a RenderArgs,
        recording: Option<Recording>,
        previous: Option<Recording>,
    ) -> Result<Self, String> {
        let service = match (&recording, &args.service) {
            (Some(recording), _) => recording.operation.service(),
            (None, Some(word)) => known_service(word)?,
            (None, None) => Service::DATASTORE,
        };
        if let Some((recording, previous)) = recording.as_ref().zip(previous.as_ref()) {
            if recording.operation != previous.operation {
                return Err(format!(
                    "--previous: the file has {}, not {}; use an earlier recording of the same operation",
                    previous.operation, recording.operation
                ));
            }
            if !matches!(previous.observation, Observation::Running(_)) {
                return Err(
                    "--previous: the operation had already ended; use a recording of it while running"
                        .to_owned(),
                );
            }
        }
        let since = recording.as_ref().and_then(|recording| facts(&recording.observation).start);
        let since = since.filter(crate::text::is_plausible);
        let since = since.unwrap_or_else(|| SystemClock.now());
        Ok(Self { args, service, recording, previous, since })
    }

    /// A message as a person would write it: what it must not say is refused with the same words.
    fn message(&self, mut message: Value) -> Result<Message, String> {
        let args = self.args;
        // Messages have Slack's mentions.
        let stand_in = |_: &String| "here".to_owned();
        let mention = match args.outlet {
            Place::Slack => args.mention.clone(),
            Place::Chat => args.mention.as_ref().map(stand_in),
        };
        let asked = json!({
            "locale": args.locale, "timeZone": args.time_zone, "title": args.title, "mention": mention,
            "mentionOn": args.mention_on, "limit": args.limit, "interval": args.interval,
        });
        if let (Some(message), Value::Object(asked)) = (message.as_object_mut(), asked) {
            message.extend(asked.into_iter().filter(|(_, value)| !value.is_null()));
        }
        read(message.to_string().as_bytes(), &self.received(), &Defaults::new(outlets::ADDRESSING).fixed())
            .map_err(|problem| {
                let option = kebab(&problem.field);
                format!("--{option}: {}", Locale::En.words().problem(&problem))
            })
    }

    fn received(&self) -> Received {
        let message_id = "2070443601311540".to_owned();
        Received { message_id, published: self.since, origin: Origin::Public }
    }

    fn story(&self) -> Result<(Story, DateTime<Utc>), String> {
        let now = self.since;
        let story = match (self.args.outcome, &self.recording) {
            (Some(Outcome::Notice), _) => self.unusable()?,
            (Some(Outcome::Test), _) => Report::of_test(self.watch()?, now),
            (Some(Outcome::Doctor), _) => Report::of_doctor(self.watch()?, now),
            (Some(Outcome::NotStarted), _) | (_, None) => self.refused_start()?,
            (forced, Some(recording)) => return self.watched(recording, forced),
        };
        Ok((Story::Ended(Box::new(story)), now))
    }

    fn watch(&self) -> Result<Watch, String> {
        Ok(self.message(json!({"test": true}))?.watch().clone())
    }

    fn project(&self) -> String {
        let project = self.recording.as_ref().map(|recording| recording.operation.project());
        project.map_or_else(|| EXAMPLE.to_owned(), |project| format!("projects/{project}"))
    }

    fn refused_start(&self) -> Result<Report, String> {
        let (Some(example), Some(method)) = (self.service.start_example(), self.service.start_method())
        else {
            let service = self.service;
            return Err(format!("--outcome not-started: opwatch does not start operations of {service}"));
        };
        let path = example.replacen(EXAMPLE, &self.project(), 1);
        let body = json!({method.location_field: "gs://my-backups"});
        let start = json!({"start": {"service": self.service.id(), "path": path, "body": body}});
        let Message::Start(start) = self.message(start)? else { return Err(unexpected()) };
        let refused = Some(denied("The caller does not have permission"));
        match after_refusal(&start, Reason::Refused, refused, self.since) {
            Decision::Report(report) => Ok(*report),
            Decision::Start(..) | Decision::Check(..) | Decision::ReportAgain(..) | Decision::Test(_) => {
                Err(unexpected())
            }
        }
    }

    /// A message with a typing error.
    fn unusable(&self) -> Result<Report, String> {
        let name = format!("{}/operations/ASA1MTAwNDQx", self.project());
        let title = self.args.title.as_deref().unwrap_or("Nightly backup");
        let excerpt = json!({"name": name, "titel": title}).to_string();
        let Err(problem) =
            read(excerpt.as_bytes(), &self.received(), &Defaults::new(outlets::ADDRESSING).fixed())
        else {
            return Err(unexpected());
        };
        let unusable = InvalidMessage { problem, excerpt, message_id: self.received().message_id };
        let report = Report::of_unusable("render".to_owned(), unusable, self.since);
        Ok(Report { watch: Watch { id: report.watch.id.clone(), ..self.watch()? }, ..report })
    }

    /// What the watch of `recording` comes to at a look on the grid.
    fn watched(
        &self,
        recording: &Recording,
        forced: Option<Outcome>,
    ) -> Result<(Story, DateTime<Utc>), String> {
        let (before, attempt) = self.looks(forced)?;
        let operation = &recording.operation;
        let message =
            json!({"name": operation.name(), "service": self.service.id(), "attempt": attempt - before});
        let Message::Check(check) = self.message(message)? else { return Err(unexpected()) };
        let interval = seconds(check.watch.interval_s);
        let first = self.since + interval;
        let at = |attempt: u32| first + interval * i32::try_from(attempt).unwrap_or(i32::MAX);

        let shown = forced_to(forced, recording.observation.clone());
        let mut check = Check { first, ..*check };
        for number in attempt - before..attempt {
            let seen = match &self.previous {
                Some(previous) if forced != Some(Outcome::Stalled) => previous.observation.clone(),
                _ => shown.clone(),
            };
            let Decision::Check(next, _) = decide(&check, seen, at(number), Pace::default()) else {
                return Err(unexpected());
            };
            check = *next;
        }
        let now = facts(&shown).end.unwrap_or_else(|| at(attempt));
        if matches!(forced, Some(Outcome::CannotTell | Outcome::Lost)) {
            check = seen_before(check, recording.observation.clone(), first);
        }
        if forced == Some(Outcome::Lost) {
            let lost = Report::of_lost(Some(&Message::Check(Box::new(check))), DELIVERIES, now);
            return Ok((Story::Ended(Box::new(lost)), now));
        }
        let story = match decide(&check, shown, now, Pace::default()) {
            Decision::Check(next, _) if forced == Some(Outcome::Stalled) => Story::Stalled(next),
            Decision::Check(next, due) => Story::Running(next, due),
            Decision::Report(report) => Story::Ended(report),
            Decision::Start(..) | Decision::ReportAgain(..) | Decision::Test(_) => return Err(unexpected()),
        };
        Ok((story, now))
    }

    /// How many looks come before the one that is told of, and its number.
    fn looks(&self, forced: Option<Outcome>) -> Result<(u32, u32), String> {
        let limit = self.args.limit;
        let before = match forced {
            Some(Outcome::Stalled) => STILL,
            _ => u32::from(self.previous.is_some()),
        };
        let attempt = match forced {
            Some(Outcome::LimitReached) => limit.saturating_sub(1),
            _ => self.args.attempt.unwrap_or(before),
        };
        // A look at an operation that runs is not the last one, or the watch has stopped.
        let goes_on = matches!(forced, Some(Outcome::Running | Outcome::Stalled));
        let most = limit.saturating_sub(if goes_on { 2 } else { 1 });
        if (before..=most).contains(&attempt) {
            return Ok((before, attempt));
        }
        Err(format!("--attempt {attempt}: with --limit {limit} it must be between {before} and {most}"))
    }

    fn told(&self, story: &Story, now: DateTime<Utc>) -> Result<Rendered, String> {
        let watch = self.watch()?;
        let topic = self.args.topic.clone();
        let topic = topic.unwrap_or_else(|| format!("{}/topics/opwatch", self.project()));
        let (locale, zone) = (watch.locale.unwrap_or_default(), watch.time_zone.unwrap_or(Tz::UTC));
        let routing = Routing::default();
        let context =
            Context { topic: Some(&topic), locale, zone, title: None, routing: Some(&routing), now };
        let (notice, outcome) = match story {
            Story::Running(next, due) => (running(next, *due, true, &context), Outcome::Running),
            Story::Stalled(next) => (notice(&stall_report(next, now), &context), Outcome::Stalled),
            Story::Ended(report) => (notice(report, &context), report.outcome),
        };
        Ok(Rendered { notice, outcome, locale, zone, since: self.since, now, taken: Vec::new() })
    }
}

/// What is shown in place of `observation`, so that the watch comes to `forced`.
fn forced_to(forced: Option<Outcome>, observation: Observation) -> Observation {
    let facts = facts(&observation);
    let runs = matches!(observation, Observation::Running(_));
    match forced {
        Some(Outcome::Succeeded) => {
            Observation::Ended(Ending::Succeeded, OperationInfo { error: None, ..facts })
        }
        Some(Outcome::Failed) => {
            let example = denied("The service account has no permission to write to gs://my-backups.");
            let error = facts.error.clone().unwrap_or(ApiError { code: 7, ..example });
            Observation::Ended(Ending::Failed, OperationInfo { error: Some(error), output: None, ..facts })
        }
        Some(Outcome::Cancelled) => {
            Observation::Ended(Ending::Cancelled, OperationInfo { output: None, ..facts })
        }
        Some(Outcome::CannotTell) => Observation::Unreadable(denied("The caller does not have permission")),
        Some(Outcome::Running | Outcome::Stalled | Outcome::LimitReached | Outcome::Lost) if !runs => {
            let state = Some("PROCESSING".to_owned());
            Observation::Running(OperationInfo { end: None, output: None, error: None, state, ..facts })
        }
        _ => observation,
    }
}

/// The watch after a look that still showed the operation, and one that could not read it.
fn seen_before(check: Check, observation: Observation, at: DateTime<Utc>) -> Check {
    let running = forced_to(Some(Outcome::Running), observation);
    match decide(&check, running, at, Pace::default()) {
        Decision::Check(next, _) => Check { unreadable: true, attempt: check.attempt, ..*next },
        Decision::Start(..) | Decision::Report(_) | Decision::ReportAgain(..) | Decision::Test(_) => {
            Check { unreadable: true, ..check }
        }
    }
}

fn facts(observation: &Observation) -> OperationInfo {
    match observation {
        Observation::Running(facts) | Observation::Ended(_, facts) => facts.clone(),
        Observation::Unreadable(_) | Observation::Unavailable(_) => OperationInfo::default(),
    }
}

fn denied(text: &str) -> ApiError {
    ApiError::new(403, "PERMISSION_DENIED", text)
}

fn unexpected() -> String {
    "this combination of arguments produces no message; change --attempt or --limit".to_owned()
}

/// A field of a message as an option: `mentionOn` is `mention-on`.
fn kebab(field: &str) -> String {
    let mut option = String::new();
    for letter in field.chars() {
        if letter.is_ascii_uppercase() {
            option.push('-');
        }
        option.push(letter.to_ascii_lowercase());
    }
    option
}
