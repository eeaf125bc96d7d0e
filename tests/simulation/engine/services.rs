//! The seam: one request of opwatch's, what the world makes of it, and the answer when its time has come.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use opwatch::transport::{Answer, Failure, Method, Request, Sending, Transport};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::plan::{Down, Effect, Fault, MINUTE, Ms, Planted, SECOND};
use super::tasks::{error, seconds};
use super::world::{Event, Form, World, time};

/// The line of all instances to the world.
pub(crate) struct Line(pub(crate) Arc<Mutex<World>>);

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Look,
    List,
    Start,
    Tasks,
    Slack,
}

struct Reply {
    world: Arc<Mutex<World>>,
    due: Ms,
    kill: bool,
    /// Slack asks for quiet until then.
    quiet_until: Option<Ms>,
    result: Option<Result<Answer, Failure>>,
}

impl Transport for Line {
    fn send(&self, request: Request, limit: Duration) -> Sending<'_> {
        let mut world = self.0.lock().expect("the world");
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
    quiet_until: Option<Ms>,
    result: Result<Answer, Failure>,
}

impl Draft {
    fn ready(self) -> Reply {
        let Self { world, due, kill, quiet_until, result } = self;
        Reply { world: world.expect("set by the line"), due, kill, quiet_until, result: Some(result) }
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
        if let Some(until) = self.quiet_until {
            let instance = world.pushes[&world.current].instance;
            let instance = &mut world.instances[instance];
            instance.quiet_until = instance.quiet_until.max(until);
        }
        Poll::Ready(result)
    }
}

impl World {
    fn send(&mut self, request: &Request, limit: Duration) -> Draft {
        let (now, number) = (self.now(), self.current);
        let url = request.url.expose_secret().to_owned();
        let (target, path) = self.target(request, &url);
        self.before(target, number);
        let effect = self.choose(target);
        self.effects += 1;
        let limit = limit.as_millis() as Ms;
        let wait = match effect {
            Some(Effect::TimedOut | Effect::LostLate) => limit,
            Some(Effect::CrashBefore) => 0,
            _ => self.latency(),
        };
        let done = match effect {
            None | Some(Effect::Lost | Effect::LostLate | Effect::CrashAfter) => true,
            Some(Effect::Garbage { done, .. }) => done,
            Some(_) => false,
        };
        let state =
            matches!(effect, Some(Effect::Garbage { done: true, kind: 4 })).then_some("CONTEMPLATING");
        let (status, body) =
            if done { self.perform(target, &path, &request.body, state) } else { (0, String::new()) };
        let answer = |status: u16, body: String, wait: Option<u64>| Answer {
            status,
            retry_after: seconds(wait),
            date: Some(time(now / 1_000 * 1_000)),
            max_age: None,
            body: body.into(),
        };
        let mut retry_after = None;
        let mut result = match effect {
            None | Some(Effect::CrashBefore | Effect::CrashAfter) => Ok(answer(status, body, None)),
            Some(Effect::Refused(status, word, wait)) => {
                retry_after = wait;
                let body = match target {
                    Target::Slack => word.to_owned(),
                    _ => error(status, word).to_string(),
                };
                Ok(answer(status, body, wait))
            }
            Some(Effect::NotConnected) => Err(Failure::NotConnected("planted".to_owned())),
            Some(Effect::TimedOut | Effect::LostLate) => Err(Failure::TimedOut(Duration::from_millis(limit))),
            Some(Effect::Lost) => Err(Failure::Broken("planted".to_owned())),
            Some(Effect::Garbage { kind, done }) => match kind {
                1 => Ok(answer(200, body.chars().take(body.len() / 2).collect(), None)),
                2 => Err(Failure::TooLong),
                3 => Ok(answer(200, body.replace("/operations/", "/operations/other"), None)),
                4 => Ok(answer(status, body, None)),
                5 => Ok(Answer { date: None, ..answer(status, body, None) }),
                _ if done => Ok(Answer { date: None, ..answer(200, "<html>log in</html>".to_owned(), None) }),
                _ => Ok(answer(200, "<html>log in</html>".to_owned(), None)),
            },
        };
        if wait >= limit && !matches!(effect, Some(Effect::TimedOut | Effect::LostLate)) {
            result = Err(Failure::TimedOut(Duration::from_millis(limit)));
        }
        let due = now + wait.min(limit);
        self.note(|| format!("push {number}: {target:?} {path} {effect:?}"));
        self.at(due, Event::Wake(number));
        let asked_until = retry_after.map(|wait| now + (wait * SECOND).min(24 * 60 * MINUTE));
        self.after(target, number, &result, done && status != 0, asked_until);
        match (self.plan.planted, &mut result) {
            (Some(Planted::RetryAfter), Ok(answer)) => answer.retry_after = None,
            (Some(Planted::OkBody), Ok(answer)) if target == Target::Slack && answer.status == 200 => {
                answer.body = "ok".into();
            }
            _ => {}
        }
        let limited = matches!(&result, Ok(answer) if answer.status == 429) && target == Target::Slack;
        Draft {
            world: None,
            due,
            kill: matches!(effect, Some(Effect::CrashBefore | Effect::CrashAfter)),
            quiet_until: asked_until.filter(|_| limited),
            result,
        }
    }

    /// Promise 5: whom opwatch may call, and who may get the token.
    fn target(&mut self, request: &Request, url: &str) -> (Target, String) {
        let token = request.token.as_ref().map(ExposeSecret::expose_secret);
        let (target, path) = if let Some(path) = url.strip_prefix("https://hooks.slack.com/") {
            (Target::Slack, path)
        } else if let Some(path) = url.strip_prefix("https://cloudtasks.googleapis.com/v2/") {
            (Target::Tasks, path)
        } else if let Some(path) = url
            .strip_prefix("https://datastore.googleapis.com/v1/")
            .or_else(|| url.strip_prefix("https://firestore.googleapis.com/v1/"))
        {
            match request.method {
                Method::Post => (Target::Start, path),
                Method::Get if path.contains("/operations?") => (Target::List, path),
                Method::Get => (Target::Look, path),
            }
        } else {
            self.ledger.broken(format!("a call to {url}"));
            (Target::Slack, "")
        };
        if token.is_some() != (target != Target::Slack) {
            self.ledger.broken(format!("a token is at the wrong place: {target:?}"));
        }
        (target, path.to_owned())
    }

    /// What must hold before a call is made.
    fn before(&mut self, target: Target, number: u64) {
        let now = self.now();
        let push = self.pushes.get_mut(&number).expect("in flight");
        let instance = &self.instances[push.instance];
        let message = &self.messages[push.message];
        let early = !push.copy && !message.dead && now + 1_001 < message.not_before;
        let mut first_look = false;
        match target {
            Target::Slack => {
                if now < instance.quiet_until && !instance.stepped {
                    let violation = format!("push {number}: Slack had asked this instance for quiet");
                    self.ledger.broken(violation);
                }
                if early {
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
                let last = self.ledger.is_last(message);
                if early && !last {
                    let violation =
                        format!("push {number}: the API had asked to wait until {}", message.not_before);
                    self.ledger.broken(violation);
                }
                if target == Target::List {
                    push.listed = Some(now);
                }
            }
            Target::Tasks => {}
        }
        if first_look && target == Target::Look {
            self.ledger.checked(message.watch);
        }
    }

    /// What the books keep of a call.
    fn after(
        &mut self,
        target: Target,
        number: u64,
        result: &Result<Answer, Failure>,
        done: bool,
        asked_until: Option<Ms>,
    ) {
        let ok = matches!(result, Ok(answer) if (200..300).contains(&answer.status));
        let dated = matches!(result, Ok(answer) if answer.date.is_some());
        let now = self.now();
        let push = self.pushes.get_mut(&number).expect("in flight");
        let message = &self.messages[push.message];
        match target {
            Target::Slack => {
                if done && !matches!(result, Ok(answer) if answer.body == "ok") {
                    self.ledger.books[message.watch].lost_answers += 1;
                }
                push.not_before = push.not_before.max(asked_until.unwrap_or(0));
            }
            Target::Look | Target::List | Target::Start => {
                push.dated = dated.then_some(now);
                // Without a `Date` the instance's clock counts, which may be ten minutes ahead: a copy's check may then
                // stand so far ahead of the living chain, until that comes to it.
                if !dated
                    && (self.plan.skews.iter().any(|skew| *skew != 0)
                        || self.plan.rates.contains_key(&Fault::Step))
                {
                    let book = &mut self.ledger.books[message.watch];
                    book.undated = true;
                    book.asked_until = book.asked_until.max(now + 10 * MINUTE);
                }
                if let Some(until) = asked_until {
                    push.not_before = push.not_before.max(until);
                    let book = &mut self.ledger.books[message.watch];
                    book.asked_until = book.asked_until.max(until);
                }
                if ok
                    && target == Target::Look
                    && let Ok(answer) = result
                {
                    let shown: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                    let own = !shown["name"].as_str().is_none_or(|name| name.contains("/operations/other"));
                    let state = &shown["metadata"]["common"]["state"];
                    let state = state.as_str().or(shown["metadata"]["operationState"].as_str());
                    let clear = shown.get("error").is_some() || state == Some("SUCCESSFUL");
                    push.saw_end = own && shown["done"] == true && clear;
                }
            }
            Target::Tasks => {}
        }
    }

    fn perform(&mut self, target: Target, path: &str, body: &[u8], state: Option<&str>) -> (u16, String) {
        let (status, value) = match target {
            Target::Look => self.look(path, state),
            Target::List => self.list(path),
            Target::Start => self.start(path, body),
            Target::Tasks => self.create_task(body),
            Target::Slack => {
                self.post(body);
                return (200, "ok".to_owned());
            }
        };
        (status, value.to_string())
    }

    /// A message appears in Slack.
    fn post(&mut self, body: &[u8]) {
        let now = self.now();
        let payload: Value = serde_json::from_slice(body).unwrap_or_default();
        let text =
            payload["text"].as_str().and_then(|text| text.lines().next()).unwrap_or_default().to_owned();
        let message = &self.messages[self.pushes[&self.current].message];
        let watch = message.watch;
        let told: Value = serde_json::from_slice(&message.data).unwrap_or_default();
        let end = told["name"]
            .as_str()
            .and_then(|name| self.operation(name))
            .map(|operation| (operation.from, operation.is_done(now).then_some(operation.ending)));
        // Notices and tests have no title.
        if !text.contains(&format!("w{watch}x")) && !text.contains("opwatch") {
            self.ledger.broken(format!("a message of w{watch} says {text}"));
        }
        // What a lost start began is found, if it can be: the line to paste must not start it again.
        let begun = self.ledger.books[watch].operations.last().map(|index| &self.operations[*index]);
        let push = &self.pushes[&self.current];
        if let Some(operation) = begun
            && text.contains("the watch was lost")
            && !push.api_failed
            && operation.visible_at <= push.began
            && !String::from_utf8_lossy(body).contains(&operation.name)
        {
            self.ledger.broken(format!("w{watch} was lost, and Slack does not hear of {}", operation.name));
        }
        self.note(|| format!("Slack shows: {text}"));
        self.ledger.posted(watch, &text, end, now);
        // In the payload's JSON the line's own quotes are escaped.
        self.may_be_pasted(watch, &String::from_utf8_lossy(body));
    }

    /// The fault that strikes this call, if one does.
    fn choose(&mut self, target: Target) -> Option<Effect> {
        let effect = match &self.plan.script {
            Some(script) => script.effects.get(&self.effects).copied(),
            None => self.draw(target),
        };
        let current = self.current;
        let push = self.pushes.get_mut(&current).expect("in flight");
        match target {
            Target::Tasks => push.excused |= effect.is_some(),
            Target::Look | Target::List | Target::Start => push.api_failed |= effect.is_some(),
            Target::Slack => {}
        }
        effect
    }

    fn draw(&mut self, target: Target) -> Option<Effect> {
        if self.strikes(Fault::CrashBefore) {
            return Some(Effect::CrashBefore);
        }
        if self.strikes(Fault::CrashAfter) {
            return Some(Effect::CrashAfter);
        }
        match target {
            Target::Look | Target::List | Target::Start => self.draw_api(target),
            Target::Tasks => self.draw_tasks(),
            Target::Slack => self.draw_slack(),
        }
    }

    fn draw_api(&mut self, target: Target) -> Option<Effect> {
        let now = self.now();
        if self.plan.is_down(Down::Grant, now) {
            return Some(Effect::Refused(403, "PERMISSION_DENIED", None));
        }
        if self.plan.is_down(Down::Api, now) {
            return Some(*self.rng.pick(&[Effect::Refused(503, "UNAVAILABLE", None), Effect::TimedOut]));
        }
        if self.strikes(Fault::ApiFinal) {
            // A list that is not there (404) is so for good, not now and then.
            let last = if target == Target::List { 2 } else { 3 };
            let (status, word) = [(403, "PERMISSION_DENIED"), (400, "INVALID_ARGUMENT"), (404, "NOT_FOUND")]
                [self.rng.below(last) as usize];
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

    fn draw_slack(&mut self) -> Option<Effect> {
        let now = self.now();
        if self.plan.is_down(Down::Webhook, now) {
            return Some(*self.rng.pick(&[
                Effect::Refused(404, "no_service", None),
                Effect::Refused(410, "channel_is_archived", None),
            ]));
        }
        if self.plan.is_down(Down::Slack, now) {
            return Some(*self.rng.pick(&[
                Effect::Refused(503, "", None),
                Effect::TimedOut,
                Effect::NotConnected,
            ]));
        }
        if self.strikes(Fault::SlackLimit) {
            let wait = self.rng.log_uniform(1.0, 3_601.0) as u64;
            return Some(Effect::Refused(429, "rate_limited", Some(wait)));
        }
        if self.strikes(Fault::SlackRefused) {
            let (status, word) = *self.rng.pick(&[
                (500, "rollup_error"),
                (503, ""),
                (400, "invalid_blocks"),
                (403, "action_prohibited"),
            ]);
            return Some(Effect::Refused(status, word, None));
        }
        if self.strikes(Fault::SlackNotOk) {
            return Some(Effect::Garbage { done: false, kind: 0 });
        }
        if self.strikes(Fault::SlackLost) {
            return Some(*self.rng.pick(&[
                Effect::Lost,
                Effect::LostLate,
                Effect::TimedOut,
                Effect::NotConnected,
            ]));
        }
        None
    }
}

/// Whether a report, for the books.
pub(crate) fn is_report(form: Form) -> bool {
    form == Form::Report
}
