//! The seam: one request of opwatch's, what the world makes of it, and the answer when its time has come.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use opwatch::net::transport::{Answer, Failure, Method, Request, Sending, Transport};
use opwatch::testing;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::gate;
use super::limits::Counted;
use super::owed::Seen;
use super::plan::{Access, Down, Effect, Fault, HOUR, MINUTE, Ms, Planted, SECOND};
use super::pubsub::Message;
use super::slack::{self, SlackAction};
use super::tasks::{error, seconds};
use super::world::{Event, Form, World, hash_of, time};

/// The line of all instances to the world.
pub(crate) struct SimTransport(pub(crate) Arc<Mutex<World>>);

/// How long a call takes at most.
pub(super) const CALL_LIMIT: Ms = 8 * SECOND;
/// The push subscription's least backoff.
const REDELIVERY: Ms = 10 * SECOND;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Look,
    List,
    Start,
    Tasks,
    /// A waiting task is read, or deleted.
    ReadTask,
    DeleteTask,
    /// Slack's webhook.
    Hook,
    /// A bot's `chat.postMessage`, `chat.update` and `chat.delete`.
    Post,
    Update,
    Delete,
    /// The ledger's `lookup` and `commit`.
    Lookup,
    Commit,
}

impl Target {
    fn is_slack(self) -> bool {
        matches!(self, Self::Hook | Self::Post | Self::Update | Self::Delete)
    }

    fn is_datastore(self) -> bool {
        matches!(self, Self::Lookup | Self::Commit)
    }
}

struct Reply {
    world: Arc<Mutex<World>>,
    due: Ms,
    kill: bool,
    /// Slack asks for quiet with this until then.
    quiet_until: Option<(String, Ms)>,
    /// It is about a claim.
    of_claim: bool,
    result: Option<Result<Answer, Failure>>,
}

impl Transport for SimTransport {
    fn send(&self, request: Request, limit: Duration) -> Sending<'_> {
        if request.url.expose_secret() == gate::KEYS {
            return Box::pin(std::future::ready(Ok(gate::keys())));
        }
        let mut world = self.0.lock().expect("the world");
        if !world.pushes.contains_key(&world.current) {
            world.ledger.broken("a push of a stranger is let in".to_owned());
            return Box::pin(std::future::pending());
        }
        let mut reply = world.send(&request, limit);
        drop(world);
        reply.world = Some(Arc::clone(&self.0));
        Box::pin(reply.ready())
    }
}

/// A reply before it knows its world.
struct Draft {
    world: Option<Arc<Mutex<World>>>,
    due: Ms,
    kill: bool,
    quiet_until: Option<(String, Ms)>,
    of_claim: bool,
    result: Result<Answer, Failure>,
}

impl Draft {
    fn ready(self) -> Reply {
        let Self { world, due, kill, quiet_until, of_claim, result } = self;
        let world = world.expect("set by the line");
        Reply { world, due, kill, quiet_until, of_claim, result: Some(result) }
    }
}

impl Future for Reply {
    type Output = Result<Answer, Failure>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let world = Arc::clone(&self.world);
        let mut world = world.lock().expect("the world");
        if world.now() < self.due {
            return Poll::Pending;
        }
        if self.kill {
            world.killed = true;
            return Poll::Pending;
        }
        let Some(result) = self.result.take() else { return Poll::Pending };
        if let Some((limited, until)) = self.quiet_until.take() {
            let push = &world.pushes[&world.current];
            let (instance, generation) = (push.instance, push.generation);
            let instance = &mut world.instances[instance];
            if instance.generation == generation {
                let known = instance.quiet_until.entry(limited).or_default();
                *known = until.max(*known);
            }
        }
        if self.of_claim {
            world.hears_of_claim();
        }
        Poll::Ready(result)
    }
}

impl World {
    fn send(&mut self, request: &Request, limit: Duration) -> Draft {
        let (now, number) = (self.now(), self.current);
        let url = request.url.expose_secret().to_owned();
        let (target, path) = self.target(request, &url);
        self.before(target, number, &request.body);
        let asked = target.is_slack().then(|| self.read_slack(target, &request.body));
        let call = target.is_datastore().then(|| self.read_datastore(target, &request.body));
        let slot = self.claimed_slot(target, &request.body);
        let effect = self.choose(target, &path, &request.body);
        self.effects += 1;
        let limit = limit.as_millis() as Ms;
        let wait = match effect {
            Some(Effect::TimedOut | Effect::LostLate | Effect::Later(_) | Effect::NoToken { late: true }) => {
                limit
            }
            Some(Effect::CrashBefore) => 0,
            _ if target.is_datastore() => self.latency_of_datastore(),
            _ => self.latency(),
        };
        let done = match effect {
            None | Some(Effect::Lost | Effect::LostLate | Effect::CrashAfter | Effect::Freeze(_)) => true,
            Some(Effect::Garbage { done, .. }) => done,
            Some(_) => false,
        };
        let state =
            matches!(effect, Some(Effect::Garbage { done: true, kind: 4 })).then_some("CONTEMPLATING");
        let (status, body, deed) = match (&asked, &call) {
            _ if !done => (0, String::new(), None),
            (Some(asked), _) => self.perform_slack(target, asked, &request.body),
            (_, Some(call)) => {
                let (status, body) = self.perform_datastore(call);
                (status, body, None)
            }
            _ => {
                let (status, body) = self.perform(target, &path, &request.body, state);
                (status, body, None)
            }
        };
        let (mut result, retry_after) = self.answer(target, effect, status, body, limit);
        if wait >= limit && !matches!(effect, Some(Effect::TimedOut | Effect::LostLate | Effect::Later(_))) {
            result = Err(Failure::TimedOut(Duration::from_millis(limit)));
        }
        let due = now + wait.min(limit);
        self.pushes.get_mut(&number).expect("in flight").awaits = due;
        if let Some(slot) = slot {
            self.after_claim(slot, effect, &result, due);
        }
        let body_mark = call.as_ref().map_or_else(|| hash_of(&request.body), |call| call.mark);
        let marks = [1, number, target as u64, hash_of(path.as_bytes()), body_mark, due];
        self.note(&marks, || format!("push {number}: {target:?} {path} {effect:?}"));
        self.at(due, Event::Wake(number));
        let asked_until = retry_after.map(|wait| now + (wait * SECOND).min(24 * 60 * MINUTE));
        let killed = matches!(effect, Some(Effect::CrashBefore | Effect::CrashAfter));
        match (&asked, &call) {
            (_, Some(call)) => self.after_datastore(call, effect, result.is_err(), limit),
            (Some(asked), _) => {
                let ok = !killed && matches!(&result, Ok(answer) if slack::is_ok(target, answer));
                let word = match &result {
                    Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
                    Err(_) => String::new(),
                };
                let is_2xx = matches!(&result, Ok(answer) if (200..300).contains(&answer.status));
                if !ok && is_2xx && matches!(target, Target::Hook | Target::Post) && !slack::is_refusal(&word)
                {
                    self.unclear();
                }
                self.after_slack(target, asked, deed, ok, &word);
                if matches!(deed, Some(SlackAction::Told | SlackAction::Posted(_))) && !ok {
                    self.told_in_vain(killed);
                }
                // What is taken back is not what is tried again: its method has a limit of its own.
                if target != Target::Delete {
                    let push = self.pushes.get_mut(&number).expect("in flight");
                    push.slack_not_before = push.slack_not_before.max(asked_until.unwrap_or(0));
                }
            }
            _ => self.after(target, number, &result, asked_until),
        }
        if effect.is_none()
            && matches!(target, Target::Post | Target::Update)
            && deed.is_some()
            && self.strikes(Fault::SlackPlace)
        {
            self.misplace(target, deed, &mut result);
        }
        self.plant(target, deed, &mut result);
        if let Some(Effect::Freeze(lasting)) = effect {
            self.freeze(self.pushes[&number].instance, lasting);
        }
        let limited = target.is_slack() && matches!(&result, Ok(answer) if answer.status >= 400);
        let of_claim = call.is_some_and(|call| call.report().is_some());
        let quiet_until =
            asked_until.filter(|_| limited).map(|at| (slack::limited(target, &request.body), at));
        Draft { world: None, due, kill: killed, quiet_until, of_claim, result }
    }

    /// What arrives of `body`, and the `Retry-After` that was sent.
    fn answer(
        &self,
        target: Target,
        effect: Option<Effect>,
        status: u16,
        body: String,
        limit: Ms,
    ) -> (Result<Answer, Failure>, Option<u64>) {
        let date = Some(time(self.now() / 1_000 * 1_000)).filter(|_| !self.plan.undated);
        let answer = |status: u16, body: String, wait: Option<u64>| Answer {
            retry_after: seconds(wait),
            date,
            ..testing::answer(status, body)
        };
        let html = || "<html>log in</html>".to_owned();
        let result = match effect {
            None | Some(Effect::CrashBefore | Effect::CrashAfter | Effect::Freeze(_)) => {
                Ok(answer(status, body, None))
            }
            Some(Effect::Refused(status, word, wait)) => {
                let body = if target.is_slack() { word.to_owned() } else { error(status, word).to_string() };
                return (Ok(answer(status, body, wait)), wait);
            }
            Some(Effect::NotConnected | Effect::NoToken { .. }) => {
                Err(Failure::NotConnected("planted".to_owned()))
            }
            Some(Effect::TimedOut | Effect::LostLate | Effect::Later(_)) => {
                Err(Failure::TimedOut(Duration::from_millis(limit)))
            }
            Some(Effect::Lost) => Err(Failure::Broken("planted".to_owned())),
            Some(Effect::Garbage { kind, done }) => match kind {
                1 => Ok(answer(200, body.chars().take(body.len() / 2).collect(), None)),
                2 => Err(Failure::TooLong),
                3 => Ok(answer(200, body.replace("/operations/", "/operations/other"), None)),
                4 => Ok(answer(status, body, None)),
                5 => Ok(Answer { date: None, ..answer(status, body, None) }),
                6 => Ok(answer(503, error(503, "UNAVAILABLE").to_string(), None)),
                7 => Ok(answer(200, "{}".to_owned(), None)),
                8 => Ok(answer(404, html(), None)),
                _ if done => Ok(Answer { date: None, ..answer(200, html(), None) }),
                _ => Ok(answer(200, html(), None)),
            },
        };
        (result, None)
    }

    /// What a planted fault makes of an answer.
    fn plant(&mut self, target: Target, deed: Option<SlackAction>, result: &mut Result<Answer, Failure>) {
        let Ok(answer) = result else { return };
        match self.plan.planted {
            Some(Planted::RetryAfter) => answer.retry_after = None,
            Some(Planted::OkBody) if target.is_slack() && answer.status == 200 && deed.is_none() => {
                let index = self.shown.len() + 900_000;
                answer.body = match target {
                    Target::Hook => "ok".into(),
                    _ => format!(r#"{{"channel":"C0DEFAULT","ok":true,"ts":"{}"}}"#, slack::ts_of(index))
                        .into(),
                };
            }
            Some(Planted::BlindStart) if target == Target::List && matches!(answer.status, 404 | 501) => {
                (answer.status, answer.body) = (200, "{}".into());
            }
            Some(Planted::NeverStarts) if target == Target::List => refuse(answer, 403, "PERMISSION_DENIED"),
            Some(Planted::TroubleAtLimit)
                if target == Target::Look
                    && self.ledger.is_last(&self.messages[self.pushes[&self.current].message]) =>
            {
                refuse(answer, 503, "UNAVAILABLE");
            }
            Some(Planted::FirstTrouble) if target == Target::Look && answer.status >= 500 => {
                refuse(answer, 403, "PERMISSION_DENIED");
            }
            Some(Planted::NeverAdopts) if target == Target::List => {
                let body = String::from_utf8_lossy(&answer.body).replace("opwatch-request", "other");
                answer.body = body.into();
            }
            _ => {}
        }
    }

    /// Promise 5: whom opwatch may call, and who may get the token.
    fn target(&mut self, request: &Request, url: &str) -> (Target, String) {
        let token = request.token.as_ref().map(ExposeSecret::expose_secret);
        let (target, path) = if let Some(path) = url.strip_prefix("https://hooks.slack.com/") {
            (Target::Hook, path)
        } else if let Some(method) = url.strip_prefix("https://slack.com/api/chat.") {
            let target = match method {
                "update" => Target::Update,
                "delete" => Target::Delete,
                _ => Target::Post,
            };
            (target, method)
        } else if let Some(path) = url.strip_prefix("https://cloudtasks.googleapis.com/v2/") {
            match request.method {
                Method::Post | Method::Patch => (Target::Tasks, path),
                Method::Get => (Target::ReadTask, path),
                Method::Delete => (Target::DeleteTask, path),
            }
        } else if let Some(path) = url
            .strip_prefix("https://datastore.googleapis.com/v1/")
            .or_else(|| url.strip_prefix("https://firestore.googleapis.com/v1/"))
        {
            match request.method {
                Method::Post if path == "projects/p:lookup" => (Target::Lookup, path),
                Method::Post if path == "projects/p:commit" => (Target::Commit, path),
                Method::Post | Method::Patch => (Target::Start, path),
                Method::Get if path.contains("/operations?") => (Target::List, path),
                Method::Get => (Target::Look, path),
                Method::Delete => {
                    self.ledger.broken(format!("{path} is deleted"));
                    (Target::Look, path)
                }
            }
        } else {
            self.ledger.broken(format!("a call to {url}"));
            (Target::Hook, "")
        };
        let due = match target {
            Target::Hook => None,
            Target::Post | Target::Update | Target::Delete => Some("slack token"),
            _ => Some("token"),
        };
        if token != due
            || target.is_slack() && (target == Target::Hook) != (self.plan.access == Access::Webhook)
            || target.is_datastore() && !self.plan.ledger
        {
            self.ledger.broken(format!("a token is at the wrong place: {target:?}"));
        }
        (target, path.to_owned())
    }

    /// What must hold before a call is made.
    fn before(&mut self, target: Target, number: u64, body: &[u8]) {
        let now = self.now();
        let push = self.pushes.get_mut(&number).expect("in flight");
        let instance = &self.instances[push.instance];
        let message = &self.messages[push.message];
        let early = !push.copy && !message.dead && now + 1_001 < message.not_before;
        let mut first_look = false;
        match target {
            Target::Hook | Target::Post | Target::Update | Target::Delete => {
                let knows = push.generation == instance.generation;
                let quiet_until = instance.quiet_until.get(&slack::limited(target, body)).copied();
                if Some(now) < quiet_until && !instance.stepped && knows {
                    let violation = format!("push {number}: Slack had asked this instance for quiet");
                    self.ledger.broken(violation);
                }
                // The look for what it began, if it is a lost start, had its time.
                if message.dead && now >= push.began + CALL_LIMIT {
                    self.ledger.books[message.watch].blind_look_up = true;
                }
                if early && message.form == Form::Report {
                    let violation = format!(
                        "push {number}: Slack had asked to wait with this report until {}",
                        message.not_before
                    );
                    self.ledger.broken(violation);
                }
            }
            Target::Look | Target::List | Target::Start => {
                first_look = !push.looked && !message.dead;
                push.looked = true;
                // Nothing starts after the hour, so that what came of it is looked up then.
                let window_over = target == Target::List && now >= self.ledger.books[message.watch].at + HOUR;
                if early && !window_over && !self.ledger.is_last(message) {
                    let violation =
                        format!("push {number}: the API had asked to wait until {}", message.not_before);
                    self.ledger.broken(violation);
                }
                if target == Target::List {
                    // What runs may be asked for first, and what has ended then.
                    push.listed = push.listed.or(Some(now));
                }
            }
            Target::Tasks | Target::ReadTask | Target::DeleteTask | Target::Lookup | Target::Commit => {}
        }
        let (is_kickoff, watch) = (message.form == Form::Kickoff, message.watch);
        if first_look && target == Target::Look {
            self.ledger.checked(message.watch, message.form, now);
        }
        // What a redelivery may have begun is looked up above the limit, too.
        let skew = if self.has_wrong_clocks() { self.plan.most_skew() } else { 0 };
        let looks_back = target == Target::List && now + skew >= self.ledger.books[watch].at + REDELIVERY;
        match target {
            Target::Look | Target::List if first_look && is_kickoff && !looks_back => {
                self.hold_to_limit(Counted::Watches);
            }
            Target::Start => {
                if is_kickoff {
                    self.hold_to_limit(Counted::Watches);
                }
                self.hold_to_limit(Counted::Starts);
            }
            Target::Hook | Target::Post => self.hold_notice_to_limit(),
            _ => {}
        }
    }

    /// What the books keep of a call to Google.
    fn after(
        &mut self,
        target: Target,
        number: u64,
        result: &Result<Answer, Failure>,
        asked_until: Option<Ms>,
    ) {
        if target == Target::Tasks {
            let push = self.pushes.get_mut(&number).expect("in flight");
            push.unsure |= matches!(result, Err(Failure::Broken(_)));
            push.create_unclear |= match result {
                Ok(answer) if answer.status == 200 => !answer.body.windows(6).any(|word| word == b"\"name\""),
                Ok(answer) => answer.status >= 500,
                Err(failure) => matches!(failure, Failure::TimedOut(_)),
            };
            return;
        }
        if matches!(target, Target::ReadTask | Target::DeleteTask) {
            return;
        }
        let (now, wrong, skew) = (self.now(), self.has_wrong_clocks(), self.plan.most_skew());
        let push = self.pushes.get_mut(&number).expect("in flight");
        let watch = self.messages[push.message].watch;
        let dated = matches!(result, Ok(answer) if answer.date.is_some());
        push.dated = dated.then_some(now);
        // Without a `Date` the instance's clock counts, which may be ahead: a copy's check may then
        // stand so far ahead of the living chain, until that comes to it.
        let book = &mut self.ledger.books[watch];
        if !dated && wrong {
            book.undated = true;
            book.asked_until = book.asked_until.max(now + skew);
        }
        if let Some(until) = asked_until {
            push.api_not_before = push.api_not_before.max(until);
            book.asked_until = book.asked_until.max(until);
        }
        if target == Target::Look {
            let message = &self.messages[push.message];
            let (last, form) = (self.ledger.is_last(message), message.form);
            let seen = seen(result);
            if matches!(seen, Seen::Done | Seen::Unknown) {
                push.saw_end = seen == Seen::Done;
            }
            // A signal's look edits nothing.
            if !(matches!(form, Form::Signal | Form::Look) && seen == Seen::Running) {
                let skew = if wrong { skew } else { 0 };
                self.ledger.saw(watch, seen, last, skew, now);
            }
        }
    }

    fn perform(&mut self, target: Target, path: &str, body: &[u8], state: Option<&str>) -> (u16, String) {
        let (status, value) = match target {
            Target::Look => self.look(path, state),
            Target::List => self.list(path),
            Target::Start => self.start(path, body),
            Target::ReadTask => self.read_waiting(path),
            Target::DeleteTask => self.delete_task(path),
            _ => self.create_task(body),
        };
        (status, serde_json::to_string(&value).expect("JSON"))
    }

    /// The fault that strikes this call, if one does.
    fn choose(&mut self, target: Target, path: &str, body: &[u8]) -> Option<Effect> {
        let effect = match &self.plan.script {
            Some(script) => script.effects.get(&self.effects).copied(),
            None => self.draw(target, path, body),
        };
        if effect.is_none() && self.plan.planted == Some(Planted::OneTurn) && self.is_turn_taken(target) {
            return Some(Effect::TimedOut);
        }
        let current = self.current;
        let push = self.pushes.get_mut(&current).expect("in flight");
        match target {
            Target::Tasks | Target::ReadTask | Target::DeleteTask => push.excused |= effect.is_some(),
            Target::Look | Target::List | Target::Start => push.api_failed |= effect.is_some(),
            _ => {}
        }
        if effect.is_some() {
            self.touch(self.current);
        }
        let Message { watch, dead, .. } = self.messages[self.pushes[&current].message];
        if effect.is_some() && matches!(target, Target::List | Target::Start) {
            self.ledger.start_disturbed(watch);
        }
        if effect.is_some() && dead && matches!(target, Target::Look | Target::List) {
            self.ledger.books[watch].blind_look_up = true;
        }
        effect
    }

    /// Whether another push of the same instance has a call that hangs.
    fn is_turn_taken(&self, target: Target) -> bool {
        let (own, now) = (self.pushes[&self.current].instance, self.now());
        matches!(target, Target::List | Target::Start)
            && self.pushes.values().any(|push| push.instance == own && push.hangs_until > now)
    }

    fn draw(&mut self, target: Target, path: &str, body: &[u8]) -> Option<Effect> {
        if self.strikes(Fault::CrashBefore) {
            return Some(Effect::CrashBefore);
        }
        if self.strikes(Fault::CrashAfter) {
            return Some(Effect::CrashAfter);
        }
        if !target.is_slack() && (self.strikes(Fault::NoToken) || self.plan.is_down(Down::Token, self.now()))
        {
            return Some(Effect::NoToken { late: self.rng.chance(0.3) });
        }
        match target {
            Target::Look | Target::List | Target::Start => self.draw_api(target, path),
            Target::Tasks | Target::ReadTask | Target::DeleteTask => self.draw_tasks(),
            Target::Hook | Target::Post | Target::Update | Target::Delete => self.draw_slack(target, body),
            Target::Lookup | Target::Commit => self.draw_datastore(target),
        }
    }

    fn draw_api(&mut self, target: Target, path: &str) -> Option<Effect> {
        let now = self.now();
        if path.contains("/databases/") && self.plan.is_down(Down::Firestore, now) {
            self.count_fault(Fault::ServiceHangs);
            self.pushes.get_mut(&self.current).expect("in flight").hangs_until = now + CALL_LIMIT;
            return Some(Effect::TimedOut);
        }
        if target == Target::List && self.strikes(Fault::ListGone) {
            return Some(*self.rng.pick(&[
                Effect::Refused(404, "NOT_FOUND", None),
                Effect::Refused(501, "UNIMPLEMENTED", None),
                Effect::Garbage { done: false, kind: 8 },
            ]));
        }
        if self.plan.is_down(Down::Grant, now) {
            return Some(Effect::Refused(403, "PERMISSION_DENIED", None));
        }
        if self.plan.is_down(Down::Api, now) {
            return Some(*self.rng.pick(&[Effect::Refused(503, "UNAVAILABLE", None), Effect::TimedOut]));
        }
        if self.strikes(Fault::ApiFinal) {
            let (status, word) = [(403, "PERMISSION_DENIED"), (400, "INVALID_ARGUMENT"), (404, "NOT_FOUND")]
                [self.rng.below(3) as usize];
            return Some(Effect::Refused(status, word, None));
        }
        if self.strikes(Fault::ApiPassing) {
            let (status, word) = *self.rng.pick(&[
                (401, "UNAUTHENTICATED"),
                (408, ""),
                (409, "ABORTED"),
                (429, "RESOURCE_EXHAUSTED"),
                (500, "INTERNAL"),
                (503, "UNAVAILABLE"),
            ]);
            let wait =
                (self.rng.chance(0.5) && matches!(status, 429 | 503)).then(|| self.rng.between(1, 900));
            return Some(Effect::Refused(status, word, wait));
        }
        if self.strikes(Fault::ApiLost) {
            return Some(*self.rng.pick(&[
                Effect::NotConnected,
                Effect::TimedOut,
                Effect::Lost,
                Effect::LostLate,
            ]));
        }
        if self.strikes(Fault::ApiGarbage) {
            let kind =
                if target == Target::Look { self.rng.below(6) as u8 } else { *self.rng.pick(&[0, 1, 2, 5]) };
            return Some(Effect::Garbage { done: true, kind });
        }
        None
    }

    fn draw_tasks(&mut self) -> Option<Effect> {
        if self.strikes(Fault::TasksRefused) {
            let (status, word) = *self.rng.pick(&[
                (409, "ABORTED"),
                (429, "RESOURCE_EXHAUSTED"),
                (503, "UNAVAILABLE"),
                (403, "PERMISSION_DENIED"),
                (404, "NOT_FOUND"),
            ]);
            return Some(Effect::Refused(status, word, None));
        }
        if self.strikes(Fault::TasksLost) {
            return Some(*self.rng.pick(&[
                Effect::NotConnected,
                Effect::TimedOut,
                Effect::Lost,
                Effect::LostLate,
            ]));
        }
        if self.strikes(Fault::TasksGarbage) {
            return Some(Effect::Garbage { done: self.rng.chance(0.5), kind: 0 });
        }
        None
    }
}

fn refuse(answer: &mut Answer, status: u16, word: &str) {
    (answer.status, answer.body) = (status, error(status, word).to_string().into());
}

/// As much of an answer to a look as the books need.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Shown<'a> {
    #[serde(borrow)]
    name: &'a str,
    done: bool,
    error: Option<ShownError<'a>>,
    metadata: ShownMetadata<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ShownError<'a> {
    #[serde(borrow)]
    status: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ShownMetadata<'a> {
    #[serde(borrow)]
    common: ShownState<'a>,
    operation_state: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ShownState<'a> {
    #[serde(borrow)]
    state: &'a str,
}

/// What an answer to a look says.
fn seen(result: &Result<Answer, Failure>) -> Seen {
    let Ok(answer) = result else { return Seen::Nothing };
    let shown: Shown<'_> = serde_json::from_slice(&answer.body).unwrap_or_default();
    let own = !shown.name.is_empty() && !shown.name.contains("/operations/other");
    let is_known = shown.error.is_some()
        || [shown.metadata.common.state, shown.metadata.operation_state].contains(&"SUCCESSFUL");
    match answer.status {
        200 if own && shown.done && !is_known => Seen::Unknown,
        200 if own && shown.done => Seen::Done,
        200 if own => Seen::Running,
        401 | 408 | 429 => Seen::Nothing,
        409 if shown.error.is_some_and(|error| error.status == "ABORTED") => Seen::Nothing,
        400..500 => Seen::Refused,
        _ => Seen::Nothing,
    }
}

/// Whether a report, for the books.
pub(crate) fn is_report(form: Form) -> bool {
    form == Form::Report
}
