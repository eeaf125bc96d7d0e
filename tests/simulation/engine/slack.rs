//! Slack: a webhook that shows what it is sent, and a bot's messages, which are posted, edited and taken back.

use opwatch::net::transport::{Answer, Failure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::plan::{Access, CHANNELS, Down, Effect, Fault, HOUR, Kind, Planted};
use super::pubsub::{PUSH_LIMIT, Push};
use super::services::{CALL_LIMIT, Target};
use super::world::{Event, Form, World, form, hash_of};

/// The first line of what a message says, as the books know it.
pub(crate) const RUNNING: &str = "is running";
pub(crate) const STALLED: &str = "making no progress";

/// A message that a bot posted.
pub(crate) struct Shown {
    pub(crate) watch: usize,
    pub(crate) channel: String,
    /// What it says now.
    pub(crate) says: &'static str,
    in_thread: bool,
    pub(crate) deleted: bool,
    /// Why nobody may see to its end any more.
    pub(crate) orphaned: Option<&'static str>,
    /// The check that knew it was lost, so that only the sentinel knows it.
    pub(crate) has_sentinel_alone: bool,
}

impl Shown {
    /// Whether it says that the operation runs, for all that see it.
    pub(crate) fn is_running(&self) -> bool {
        self.says == RUNNING && !self.deleted
    }
}

/// What a call to Slack has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlackAction {
    /// To the webhook.
    Told,
    Posted(usize),
    Edited(usize),
    Deleted(usize),
}

/// What Slack was asked.
pub(crate) struct ParsedRequest {
    payload: Value,
    /// The message that it is about.
    message: Option<usize>,
    says: Option<&'static str>,
}

/// A bot's refusals that mean the channel, and those that mean the message.
const CHANNEL_WORDS: &[&str] = &[
    r#"{"ok":false,"error":"is_archived"}"#,
    r#"{"ok":false,"error":"not_in_channel"}"#,
    r#"{"ok":false,"error":"restricted_action"}"#,
];
const MESSAGE_WORDS: &[&str] =
    &[r#"{"ok":false,"error":"cant_update_message"}"#, r#"{"ok":false,"error":"edit_window_closed"}"#];

/// A refusal that is in none of Slack's references.
const NEW_WORD: &str = "some_new_word";

fn error(word: &str) -> String {
    json!({"ok": false, "error": word}).to_string()
}

pub(crate) fn ts_of(message: usize) -> String {
    format!("1795392000.{message:06}")
}

/// Which message that is.
pub(crate) fn message_of(live: &Value) -> Option<usize> {
    live["ts"].as_str()?.rsplit_once('.')?.1.parse().ok()
}

/// What Slack limits by itself: of posts each channel, else each method.
pub(crate) fn limited(target: Target, body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct Post<'a> {
        #[serde(default)]
        channel: &'a str,
    }
    match target {
        Target::Post => {
            let Post { channel } = serde_json::from_slice(body).unwrap_or_default();
            format!("posts to {channel}")
        }
        _ => format!("{target:?}"),
    }
}

/// Whether the web API says no.
pub(crate) fn is_refusal(body: &str) -> bool {
    body.starts_with(r#"{"ok":false"#)
}

pub(crate) fn is_ok(target: Target, answer: &Answer) -> bool {
    match target {
        Target::Hook => answer.status == 200 && answer.body == "ok",
        _ => answer.status == 200 && answer.body.starts_with(br#"{"channel""#),
    }
}

impl World {
    pub(crate) fn read_slack(&mut self, target: Target, body: &[u8]) -> ParsedRequest {
        let payload: Value = serde_json::from_slice(body).unwrap_or_default();
        let message = match target {
            Target::Update | Target::Delete => message_of(&payload).filter(|index| *index < self.shown.len()),
            _ => None,
        };
        let text = payload["text"].as_str().and_then(|text| text.lines().next()).unwrap_or_default();
        let says = super::ledger::outcome(text);
        let watch = self.messages[self.pushes[&self.current].message].watch;
        if target != Target::Delete {
            // Notices and tests have no title.
            if !text.contains(&format!("w{watch}x")) && !text.contains("opwatch") {
                let violation = format!("a message of w{watch} says {text}");
                self.ledger.broken(violation);
            }
            if says.is_none() {
                let violation = format!("w{watch}: Slack shows {text:?}");
                self.ledger.broken(violation);
            }
        }
        ParsedRequest { payload, message, says }
    }

    /// What Slack does: status, answer and deed.
    pub(crate) fn perform_slack(
        &mut self,
        target: Target,
        asked: &ParsedRequest,
        body: &[u8],
    ) -> (u16, String, Option<SlackAction>) {
        let says = asked.says.unwrap_or_default();
        if target == Target::Hook {
            self.tell(says, body);
            return (200, "ok".to_owned(), Some(SlackAction::Told));
        }
        let channel = asked.payload["channel"].as_str().unwrap_or_default();
        let now = self.now();
        let closed = CHANNELS.iter().position(|known| *known == channel);
        let Some(index) = closed else {
            self.ledger.broken(format!("a call for the channel {channel:?}"));
            return (200, error("channel_not_found"), None);
        };
        if self.plan.is_down(Down::Channel(index), now) {
            *self.injected.entry(Fault::SlackChannel).or_default() += 1;
            self.touch(self.current);
            return (200, CHANNEL_WORDS[index].to_owned(), None);
        }
        let deed = match (target, asked.message) {
            (Target::Post, _) => {
                let thread = asked.payload.get("thread_ts").is_some();
                let parent = message_of(&json!({"ts": asked.payload["thread_ts"]}));
                if thread && parent.is_none_or(|parent| self.shown.get(parent).is_none_or(|of| of.deleted)) {
                    return (200, error("thread_not_found"), None);
                }
                self.post(channel.to_owned(), thread, says, body)
            }
            (_, Some(message)) if self.shown[message].deleted => {
                return (200, error("message_not_found"), None);
            }
            (Target::Update, Some(message)) => {
                if says == RUNNING && self.plan.planted == Some(Planted::NeverEdits) {
                    let body = json!({"channel": channel, "ok": true, "ts": ts_of(message)}).to_string();
                    return (200, body, None);
                }
                self.edit(message, channel, says);
                SlackAction::Edited(message)
            }
            (Target::Delete, Some(message)) => {
                if self.plan.planted != Some(Planted::TakeBack) {
                    self.shown[message].deleted = true;
                }
                SlackAction::Deleted(message)
            }
            _ => return (200, error("message_not_found"), None),
        };
        let (SlackAction::Posted(message) | SlackAction::Edited(message) | SlackAction::Deleted(message)) =
            deed
        else {
            return (200, String::new(), None);
        };
        let body = json!({"channel": channel, "ok": true, "ts": ts_of(message)}).to_string();
        (200, body, Some(deed))
    }

    fn post(&mut self, channel: String, in_thread: bool, says: &'static str, body: &[u8]) -> SlackAction {
        let push = &self.pushes[&self.current];
        let message = &self.messages[push.message];
        let (watch, own) = (message.watch, self.own_channel(message.watch));
        let book = &self.ledger.books[watch];
        if !in_thread && channel != own && !(channel == CHANNELS[0] && book.channel_refused) {
            self.ledger.broken(format!("w{watch} asks for {own} and is told of in {channel}"));
        }
        let index = self.shown.len();
        self.shown.push(Shown {
            watch,
            channel,
            says,
            in_thread,
            deleted: false,
            orphaned: None,
            has_sentinel_alone: false,
        });
        if says == RUNNING {
            let push = self.pushes.get_mut(&self.current).expect("in flight");
            if push.saw_end {
                self.ledger.broken(format!("w{watch}: Slack shows that it runs, though it has ended"));
            }
            push.opened = Some(index);
        }
        self.tell(says, body);
        if says == RUNNING && self.strikes(Fault::SlackDeleted) {
            let at = self.now() + self.rng.log_uniform(1_000.0, 6.0 * HOUR as f64) as u64;
            self.at(at, Event::Remove(index));
        }
        SlackAction::Posted(index)
    }

    /// The channel that a watch is told of in.
    fn own_channel(&self, watch: usize) -> &'static str {
        let kickoff = &self.plan.kickoffs[watch];
        let routed = !matches!(self.ledger.kind(watch), Kind::Bad);
        CHANNELS[kickoff.channel.filter(|_| routed).unwrap_or(0)]
    }

    fn edit(&mut self, index: usize, channel: &str, says: &'static str) {
        let push = &self.pushes[&self.current];
        let (watch, may_tell, saw_end) = (self.messages[push.message].watch, push.may_tell(), push.saw_end);
        let undated = push.dated.is_none() && self.has_wrong_clocks();
        let shown = &mut self.shown[index];
        if shown.watch != watch || shown.channel != channel || shown.in_thread {
            self.ledger.broken(format!("w{watch} edits a message of w{}", shown.watch));
            return;
        }
        shown.says = says;
        if says == RUNNING {
            self.ledger.count("edits");
            self.ledger.books[watch].owed.edits += 1;
            if undated {
                // By such a clock the next check may be over, and the end's edit with it.
                shown.orphaned.get_or_insert("an edit by a wrong clock");
            }
            if !may_tell {
                self.ledger.broken(format!("w{watch}: edited by a copy whose next step was another's"));
            }
            if saw_end {
                self.ledger.broken(format!("w{watch}: edited as if it ran, though it has ended"));
            }
        } else {
            self.hold_to_truth(watch, says);
        }
    }

    /// A person deletes a message.
    pub(crate) fn remove(&mut self, index: usize) {
        if self.shown[index].is_running() {
            self.shown[index].deleted = true;
            let (watch, now) = (self.shown[index].watch, self.now());
            self.ledger.touched(watch, now);
            self.note(&[8, index as u64], || format!("somebody deletes message {index} in Slack"));
        }
    }

    /// A new message appears.
    fn tell(&mut self, says: &'static str, body: &[u8]) {
        let push = &self.pushes[&self.current];
        let watch = self.messages[push.message].watch;
        // What a lost start began is found, if it can be: the command to paste must not start it again. Another that was
        // asked for the same since is as good.
        let pushed = push.began;
        let started = self.ledger.books[watch].operations.last().map(|index| &self.operations[*index]);
        if let Some(operation) = started
            && says == "the watch was lost"
            && !self.ledger.books[watch].blind_look_up
            && operation.visible_at <= pushed
        {
            let text = String::from_utf8_lossy(body);
            let same = self.operations.iter().filter(|other| other.asks_for_the_same_as(operation));
            if !same.into_iter().any(|other| text.contains(&other.name)) {
                let violation = format!("w{watch} was lost, and Slack does not hear of {}", operation.name);
                self.ledger.broken(violation);
            }
        }
        let may_tell = push.may_tell();
        let message = &self.messages[push.message];
        let (is_report, dead) = (message.form == Form::Report, message.dead);
        self.tells_of_limit();
        self.hold_to_way(watch, says);
        if self.plan.ledger && is_report && !dead && says != RUNNING {
            self.told_under_claim();
        }
        self.note(&[7, watch as u64, hash_of(says.as_bytes())], || format!("Slack shows: w{watch} {says}"));
        let now = self.now();
        match says {
            RUNNING | STALLED => {
                if says == RUNNING && self.plan.access == Access::Webhook && !may_tell {
                    self.ledger
                        .broken(format!("w{watch} {says}: told by a copy whose next step was another's"));
                }
                if says == STALLED && !is_report && !dead {
                    self.ledger.broken(format!("w{watch} {says}: told by a check, which would tell it once"));
                }
                self.ledger.told_progress(watch, says);
            }
            _ => {
                self.hold_to_truth(watch, says);
                self.ledger.posted(watch, says, now);
                if self.plan.planted == Some(Planted::ToldThrice) && self.pushes[&self.current].copy {
                    for _ in 0..2 {
                        self.hold_to_way(watch, says);
                        self.ledger.posted(watch, says, now);
                    }
                }
                // In the payload's JSON the line's own quotes are escaped.
                // The id of a lost kickoff is unknown, so the line has a key of its own; what its start begins after
                // this, in a push that was not answered in time, has another.
                let blind = says == "the watch was lost";
                self.may_be_pasted(watch, &String::from_utf8_lossy(body), blind);
            }
        }
    }

    fn hold_to_truth(&mut self, watch: usize, says: &'static str) {
        let now = self.now();
        let name = self.messages[self.pushes[&self.current].message].operation();
        let end = name
            .as_deref()
            .and_then(|name| self.operation(name))
            .map(|operation| (operation.from, operation.is_done(now).then_some(operation.ending)));
        self.hold_to_night(watch, end);
        self.ledger.hold_to_truth(watch, says, end, now);
    }

    /// What the books keep of a call. `word` is the body of a refusal.
    pub(crate) fn after_slack(
        &mut self,
        target: Target,
        asked: &ParsedRequest,
        deed: Option<SlackAction>,
        ok: bool,
        word: &str,
    ) {
        let push = self.pushes.get_mut(&self.current).expect("in flight");
        let message = &self.messages[push.message];
        let tells_end = message.dead || message.form == Form::Report;
        let watch = message.watch;
        if CHANNEL_WORDS.contains(&word) || word.contains(NEW_WORD) {
            self.ledger.books[watch].channel_refused = true;
        }
        if matches!(deed, Some(SlackAction::Told | SlackAction::Posted(_))) {
            push.told_ok |= ok;
            push.told_unsure |= !ok;
        }
        match deed {
            Some(SlackAction::Told | SlackAction::Posted(_)) if !ok && asked.says == Some(STALLED) => {
                self.ledger.books[watch].lost_stalls += 1;
            }
            Some(SlackAction::Told | SlackAction::Posted(_)) if !ok && tells_end => {
                self.ledger.books[watch].lost_answers += 1;
            }
            Some(SlackAction::Posted(_)) if ok && tells_end => {
                // An edit that goes on failing must not keep the end from people.
                if let Some(index) = push.edit_failed {
                    self.shown[index].orphaned = Some("its end could not be edited in");
                }
            }
            Some(SlackAction::Posted(index)) if !ok && self.shown[index].says == RUNNING => {
                self.shown[index].orphaned = Some("the answer to its post was lost");
            }
            _ => {}
        }
        match target {
            Target::Delete if !ok => push.not_taken_back = true,
            Target::Post if CHANNEL_WORDS.contains(&word) || word.contains(NEW_WORD) => {
                if let Some(index) = push.edit_failed {
                    self.shown[index].orphaned = Some("its channel was closed");
                }
            }
            // opwatch leaves such a message alone from then on.
            Target::Update if asked.says == Some(RUNNING) && MESSAGE_WORDS.contains(&word) => {
                if let Some(index) = asked.message {
                    self.shown[index].orphaned = Some("it could not be edited any more");
                }
            }
            Target::Update if asked.says != Some(RUNNING) => {
                let Some(index) = asked.message else { return };
                push.ends_edited = true;
                let shown = &mut self.shown[index];
                if CHANNEL_WORDS.contains(&word) {
                    shown.orphaned = Some("its channel was closed");
                } else if MESSAGE_WORDS.contains(&word) {
                    shown.orphaned = Some("it could not be edited any more");
                } else if deed.is_none() && !tells_end {
                    shown.orphaned = Some("a copy could not make its end");
                } else if deed.is_none() {
                    push.edit_failed = Some(index);
                }
            }
            _ => {}
        }
    }

    /// Slack said neither yes nor no to a new message. A report that it says so of for the eleventh time counts as delivered.
    pub(crate) fn unclear(&mut self) {
        let now = self.now();
        let message = &self.messages[self.pushes[&self.current].message];
        if message.form != Form::Report && !message.dead {
            return;
        }
        let value: Value = serde_json::from_slice(&message.data).unwrap_or_default();
        let report = &value["state"]["report"];
        if report["outcome"] == "stalled" {
            return;
        }
        let (watch, before) = (message.watch, report["unclear"].as_u64().unwrap_or(0));
        let first = *self.ledger.books[watch].first_unclear.get_or_insert(now);
        if before >= 10 {
            self.ledger.books[watch].counts_as_delivered = true;
            self.ledger.count("counts as delivered");
        }
        if before > 10 || before == 10 && now < first + 3 * HOUR {
            let violation = format!("w{watch}: after {before} unclear answers since {first} it is over");
            self.ledger.broken(violation);
        }
    }

    /// A push was handled: what it posted stands in its next step, or was taken back.
    pub(crate) fn look_for_orphans(&mut self, push: &Push, acknowledged: bool) {
        let instance = &self.instances[push.instance];
        // It may not call Slack then, as far as is known here: it counts from when Slack's answer arrived.
        let quiet = |target: Target| {
            let until = instance.quiet_until.get(&limited(target, &[])).map(|until| until + CALL_LIMIT);
            Some(self.now()) < until || instance.stepped || push.generation != instance.generation
        };
        // Nor when its time is over.
        let late = push.frozen || self.now() >= push.began + PUSH_LIMIT;
        let (no_deletes, no_edits) = (late || quiet(Target::Delete), late || quiet(Target::Update));
        if let Some(index) = push.opened.filter(|_| push.created != Some(true))
            && self.shown[index].is_running()
            && self.shown[index].orphaned.is_none()
        {
            self.shown[index].orphaned = if push.unsure {
                Some("whose the next step is was not known")
            } else if push.not_taken_back || no_deletes {
                Some("it could not be taken back")
            } else {
                if self.plan.planted != Some(Planted::TakeBack) {
                    let watch = self.shown[index].watch;
                    self.ledger
                        .broken(format!("w{watch}: a second message that follows it is not taken back"));
                }
                None
            };
        }
        // A dead letter has no next try.
        let message = &self.messages[push.message];
        if message.dead && acknowledged && no_edits {
            let data: Value = serde_json::from_slice(&message.data).unwrap_or_default();
            if let Some(index) = message_of(&data["state"]["live"]) {
                self.shown[index].orphaned.get_or_insert("its end could not be edited in");
            }
        }
        // Its report was sent before, so it asked for nothing but this edit; or another asked for it, and knows nothing of it.
        let is_only = push.created.is_none() || push.is_there_without;
        if let Some(index) = push.edit_failed.filter(|_| acknowledged && is_only)
            && self.shown[index].is_running()
        {
            self.shown[index].orphaned.get_or_insert("a copy could not make its end");
        }
        if let Some(index) = push.closes.filter(|_| acknowledged)
            && self.shown[index].is_running()
            && self.shown[index].orphaned.is_none()
            && !push.ends_edited
        {
            if no_edits {
                self.shown[index].orphaned = Some("a copy could not make its end");
            } else {
                let watch = self.shown[index].watch;
                self.ledger.broken(format!("w{watch}: the message that follows it is left by its end"));
            }
        }
    }

    /// A push was killed: what it posted may be in no message of Pub/Sub's.
    pub(crate) fn orphan_of_killed(&mut self, push: &Push) {
        if let Some(index) = push.opened.filter(|_| push.created != Some(true)) {
            self.shown[index].orphaned.get_or_insert("a crash between its post and the next step");
        }
    }

    /// A step was asked for that another delivery had scheduled, with another message that follows the watch, or the same.
    pub(crate) fn superseded(&mut self, asked: &Value, there: &Value) {
        let (own, other) = (message_of(&asked["state"]["live"]), message_of(&there["state"]["live"]));
        let push = self.pushes.get_mut(&self.current).expect("in flight");
        let Some(index) = own.filter(|own| push.opened != Some(*own)) else { return };
        if form(asked) == Form::Report {
            push.closes = push.closes.or(Some(index));
            push.is_there_without |= own != other;
            return;
        }
        if own == other {
            return;
        }
        let watch = self.shown[index].watch;
        if self.ledger.books[watch].copies == 0 {
            self.ledger.broken(format!("w{watch}: two messages follow it without a copy"));
        }
        self.shown[index].orphaned = Some("a late copy won the next name");
    }

    pub(crate) fn close_slack(&mut self) {
        for (index, shown) in self.shown.iter().enumerate() {
            if !shown.is_running() || self.ledger.books[shown.watch].deleted {
                continue;
            }
            let Some(why) = shown.orphaned else {
                let watch = shown.watch;
                self.ledger.broken(format!("w{watch}: message {index} says for ever that it runs"));
                return;
            };
            self.ledger.count(why);
        }
    }

    pub(crate) fn draw_slack(&mut self, target: Target, body: &[u8]) -> Option<Effect> {
        let now = self.now();
        let bot = target != Target::Hook;
        if self.plan.around.slack_pace
            && matches!(target, Target::Hook | Target::Post)
            && !self.takes_post(limited(target, body))
        {
            self.count_fault(Fault::SlackPace);
            let word = if bot { r#"{"ok":false,"error":"ratelimited"}"# } else { "rate_limited" };
            return Some(Effect::Refused(429, word, Some(1)));
        }
        if self.plan.is_down(Down::Access, now) {
            let words = [
                Effect::Refused(200, r#"{"ok":false,"error":"token_revoked"}"#, None),
                Effect::Refused(200, r#"{"ok":false,"error":"account_inactive"}"#, None),
            ];
            let of_hook =
                [Effect::Refused(404, "no_service", None), Effect::Refused(410, "channel_is_archived", None)];
            return Some(*self.rng.pick(if bot { &words } else { &of_hook }));
        }
        if self.plan.is_down(Down::Odd, now) {
            // A workflow in the webhook's place, or a proxy in Slack's: taken or not.
            let done = matches!(target, Target::Hook | Target::Post) && self.rng.chance(0.1);
            return Some(Effect::Garbage { done, kind: if done { 7 } else { 0 } });
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
            let word = if bot { r#"{"ok":false,"error":"ratelimited"}"# } else { "rate_limited" };
            return Some(Effect::Refused(429, word, Some(wait)));
        }
        if self.strikes(Fault::SlackRefused) {
            let word = if bot { self.refusal_of_bot(target) } else { self.refusal_of_hook() };
            return Some(word);
        }
        if bot && self.strikes(Fault::SlackChannel) {
            let word = *self.rng.pick(CHANNEL_WORDS);
            return Some(Effect::Refused(200, word, None));
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

    /// Slack's `ok` names no place, in a form of its own, or another one.
    pub(super) fn misplace(
        &mut self,
        target: Target,
        deed: Option<SlackAction>,
        result: &mut Result<Answer, Failure>,
    ) {
        let Ok(answer) = result else { return };
        let place: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let (channel, ts) = (&place["channel"], &place["ts"]);
        let other = json!({"channel": "C0MOVED", "ok": true, "ts": ts});
        let places = if target == Target::Update {
            [
                json!({"channel": channel, "ok": true}),
                json!({"channel": channel, "ok": true, "ts": "1.000001"}),
                other,
            ]
        } else {
            [
                json!({"channel": channel, "ok": true}),
                json!({"channel": channel, "ok": true, "ts": 1.5}),
                other,
            ]
        };
        let place = self.rng.pick(&places).clone();
        answer.body = place.to_string().into();
        if let (Some(SlackAction::Posted(index)), false) = (deed, place["ts"] == *ts) {
            self.shown[index].orphaned.get_or_insert("Slack did not say where it is");
        }
        self.touch(self.current);
        if self.plan.planted == Some(Planted::PostsAgain) && place["ts"] != *ts {
            answer.body = error("invalid_blocks").into();
        }
    }

    fn refusal_of_hook(&mut self) -> Effect {
        let (status, word) = *self.rng.pick(&[
            (500, "rollup_error"),
            (503, ""),
            (302, ""),
            (400, "invalid_blocks"),
            (400, "too_many_attachments"),
            (403, "action_prohibited"),
            (403, NEW_WORD),
        ]);
        Effect::Refused(status, word, None)
    }

    fn refusal_of_bot(&mut self, target: Target) -> Effect {
        if target == Target::Update && self.rng.chance(0.2) {
            let word = *self.rng.pick(MESSAGE_WORDS);
            return Effect::Refused(200, word, None);
        }
        let (status, word) = *self.rng.pick(&[
            (200, r#"{"ok":false,"error":"internal_error"}"#),
            (503, ""),
            (200, r#"{"ok":false,"error":"invalid_blocks"}"#),
            (200, r#"{"ok":false,"error":"missing_scope"}"#),
            (200, r#"{"ok":false,"error":"msg_blocks_too_long"}"#),
            (200, r#"{"ok":false,"error":"some_new_word"}"#),
        ]);
        Effect::Refused(status, word, None)
    }
}
