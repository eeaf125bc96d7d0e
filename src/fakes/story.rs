//! What the demo prints: each step as it happens, and the message as Slack got it.

use std::io::IsTerminal;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::Event;
use super::tasks::is_sentinel;
use crate::clock::Stopwatch;
use crate::services::{Observation, Operation, Progress, Service, read_operation};
use crate::terminal;
use crate::watch::Locale;

/// Cells of a progress bar.
const BAR: u64 = 24;

/// The story so far.
pub(super) struct DemoNarrator {
    locale: Locale,
    zone: Tz,
    since: Stopwatch,
    colours: bool,
    service: Option<Service>,
    progress: Option<(String, Option<u8>)>,
    /// A line that an edit in Slack may go on.
    open_line: bool,
    /// How far the end has come.
    end: Phase,
}

/// How far the end of a watch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is not there yet.
    NotYet,
    /// Its report is on its way.
    Reported,
    /// The message that followed the watch shows it.
    Edited,
}

impl DemoNarrator {
    /// Begins it: the story of an operation of `service`.
    pub(super) fn begin(locale: Locale, zone: Tz, page: &str, service: Option<Service>) -> Self {
        let story = Self {
            locale,
            zone,
            since: Stopwatch::start(),
            colours: std::io::stdout().is_terminal(),
            service,
            progress: None,
            open_line: false,
            end: Phase::NotYet,
        };
        match locale {
            Locale::En => {
                terminal::line("opwatch demo: the real server, with local stand-ins for Google and Slack.");
                terminal::line(format_args!(
                    "The Slack channel as a page, until the demo ends (--stay keeps it up): {page}/\n"
                ));
            }
            Locale::Ja => {
                terminal::line(
                    "opwatchデモ: 本物のサーバーと、このマシン上のGoogle・Slackの代役で動きます。",
                );
                terminal::line(format_args!("Slack側の表示（デモの終了まで。--stayで残せます）: {page}/\n"));
            }
        }
        story
    }

    /// Says how long the page stays.
    pub(super) fn stay(locale: Locale, page: &str) {
        match locale {
            Locale::En => terminal::line(format_args!("The page stays at {page}/ until Ctrl-C.")),
            Locale::Ja => terminal::line(format_args!("Ctrl-Cまで {page}/ で表示します。")),
        }
    }

    /// Whether the watch has ended.
    pub(super) fn has_report(&self) -> bool {
        self.end != Phase::NotYet
    }

    /// Tells one event, if it belongs to the story.
    pub(super) fn tell(&mut self, event: &Event) {
        let en = self.locale == Locale::En;
        match event {
            Event::Published { data, .. } => self.published(&String::from_utf8_lossy(data)),
            Event::OperationStarted { name } => {
                self.say(if en { "operation started:" } else { "オペレーション開始:" }, name);
            }
            Event::OperationRead { name, body } => {
                self.progress = self.service.and_then(|service| progress(service, name, body));
            }
            // Nothing comes of a sentinel in a watch that goes as it should.
            Event::TaskCreated { data, .. } if is_sentinel(data) => {}
            Event::TaskCreated { schedule_time, data, .. } => self.step(*schedule_time, data),
            Event::SlackPosted { payload } => {
                let what = match (self.end, en) {
                    (Phase::NotYet, true) => "posted to Slack; this message will follow the operation:",
                    (Phase::NotYet, false) => "Slackに投稿（進捗に合わせて編集します）:",
                    (Phase::Reported, true) => "posted to Slack:",
                    (Phase::Reported, false) => "Slackに投稿:",
                    (Phase::Edited, true) => "replied in the Slack thread, because an edit notifies no one:",
                    (Phase::Edited, false) => "Slackのスレッドに返信（編集では通知されないため）:",
                };
                self.show(what, payload);
            }
            Event::SlackEdited { .. } if self.end == Phase::NotYet => {
                let edited = if en { " · Slack: edited" } else { " · Slack: 編集" };
                terminal::part(if self.open_line { edited } else { "" });
            }
            Event::SlackEdited { payload, .. } => {
                self.end = Phase::Edited;
                self.show(if en { "Slack edited to:" } else { "Slackの投稿を結果に編集:" }, payload);
            }
            Event::SlackRefused { status, answer } => {
                self.say(if en { "Slack rejected:" } else { "Slackが拒否:" }, &format!("{status} {answer}"));
            }
            Event::DeadLettered { id } => {
                self.say(if en { "dead letter:" } else { "デッドレター:" }, id);
            }
            Event::Delivered { .. }
            | Event::TaskRefusedAsDuplicate { .. }
            | Event::TaskDispatched { .. }
            | Event::SlackDeleted { .. } => {}
        }
    }

    /// What a person published; what opwatch passes on to itself is told as a step.
    fn published(&mut self, data: &str) {
        let what = match (data.contains("\"start\""), self.locale) {
            (true, Locale::En) => "kickoff published:",
            (true, Locale::Ja) => "キックオフをpublish:",
            (false, Locale::En) => "message published:",
            (false, Locale::Ja) => "メッセージをpublish:",
        };
        if !data.contains("\"state\"") {
            self.say(what, data);
        }
    }

    /// A delivery did its one thing and scheduled the one next step.
    fn step(&mut self, due: DateTime<Utc>, data: &Value) {
        let en = self.locale == Locale::En;
        let seen = match self.progress.take() {
            Some((state, Some(percent))) => format!("{} {percent:>3}%  {state:<12}", bar(percent.into())),
            Some((state, None)) => state,
            None => refusal(data, en),
        };
        let gap = if seen.is_empty() { "" } else { "  → " };
        let next = if data.pointer("/state/report").is_some() {
            self.end = Phase::Reported;
            if en { "report now".to_owned() } else { "すぐに報告".to_owned() }
        } else {
            let number = data.get("attempt").and_then(Value::as_u64).unwrap_or(0) + 1;
            let time = due.with_timezone(&self.zone).format("%H:%M:%S %Z");
            if en {
                format!("check {number} at {time}")
            } else {
                format!("{number}回目の確認は {time}")
            }
        };
        self.say("", &format!("{seen}{gap}{next}"));
    }

    /// Begins a line, which an edit in Slack may go on.
    fn say(&mut self, what: &str, detail: &str) {
        self.end_line();
        let seconds = self.since.milliseconds();
        let gap = if what.is_empty() || detail.is_empty() { "" } else { " " };
        terminal::part(format_args!("{:>3}.{} s  {what}{gap}{detail}", seconds / 1_000, seconds / 100 % 10));
        self.open_line = true;
    }

    fn show(&mut self, what: &str, payload: &Value) {
        self.say(what, "");
        self.end_line();
        terminal::line(format_args!("\n{}\n", self.message(payload)));
    }

    /// Ends the line that may have gone on.
    fn end_line(&mut self) {
        if std::mem::take(&mut self.open_line) {
            terminal::line("");
        }
    }

    /// The payload as it was sent, with its colour bar.
    fn message(&self, payload: &Value) -> String {
        let mut lines = Vec::new();
        lines.extend(payload.get("text").and_then(Value::as_str).map(plain));
        let attachment = payload.pointer("/attachments/0");
        let blocks = attachment.and_then(|attachment| attachment.get("blocks")).and_then(Value::as_array);
        for block in blocks.into_iter().flatten() {
            let fields = block.get("fields").and_then(Value::as_array).into_iter().flatten();
            let texts = block.get("text").into_iter().chain(fields);
            let texts = texts.filter_map(|text| text.get("text")?.as_str());
            lines.extend(texts.flat_map(|text| labelled(&plain(text))));
        }
        let bar = self.coloured(attachment.and_then(|a| a.get("color")?.as_str()).unwrap_or_default());
        lines.iter().map(|line| format!("  {bar} {line}")).collect::<Vec<_>>().join("\n")
    }

    fn coloured(&self, colour: &str) -> String {
        let channel = |range| colour.get(range).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (self.colours, channel(1..3), channel(3..5), channel(5..7)) {
            (true, Some(red), Some(green), Some(blue)) => {
                format!("\u{1b}[38;2;{red};{green};{blue}m┃\u{1b}[0m")
            }
            _ => "┃".to_owned(),
        }
    }
}

impl Drop for DemoNarrator {
    fn drop(&mut self) {
        self.end_line();
    }
}

/// A heading and its value on one line; other texts as they are.
fn labelled(text: &str) -> Vec<String> {
    match text.split_once('\n') {
        Some((label, value)) if !value.contains('\n') => vec![format!("{label}: {value}")],
        _ => text.lines().map(str::to_owned).collect(),
    }
}

/// mrkdwn as a terminal shows it: without its marks and escapes.
fn plain(text: &str) -> String {
    let text = without_links(text).replace("```", "").replace('`', "");
    let bold_off = text.strip_prefix('*').and_then(|rest| rest.split_once('*'));
    let text = bold_off.map_or_else(|| text.clone(), |(bold, rest)| format!("{bold}{rest}"));
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Without the pages of the Cloud Console, which a terminal has no room for.
fn without_links(text: &str) -> String {
    match text.split_once(" · <").and_then(|(before, rest)| Some((before, rest.split_once('>')?.1))) {
        Some((before, after)) => format!("{before}{after}"),
        None => text.to_owned(),
    }
}

/// What the API said to a call that it refused, as far as the next message tells.
fn refusal(data: &Value, en: bool) -> String {
    let code = data.pointer("/state/report/error/code").and_then(Value::as_i64);
    let status = data.pointer("/state/report/error/status").and_then(Value::as_str).unwrap_or_default();
    let unreadable = data.pointer("/state/unreadable").is_some();
    match (code, unreadable) {
        (Some(code), _) if en => format!("refused: {code} {status}"),
        (Some(code), _) => format!("拒否されました: {code} {status}"),
        (None, true) if en => "refused; checking once more".to_owned(),
        (None, true) => "拒否されました。もう一度確認します".to_owned(),
        (None, false) => String::new(),
    }
}

/// The state's word, and how much is done in percent, if the service says it.
fn progress(service: Service, name: &str, body: &Value) -> Option<(String, Option<u8>)> {
    let operation = Operation::new(service, name).ok()?;
    let info = match read_operation(&operation, body.to_string().as_bytes()) {
        Observation::Running(info) | Observation::Ended(_, info) => info,
        Observation::Unreadable(_) | Observation::Unavailable(_) => return None,
    };
    let items = info.items.map(|items| items.count);
    let percent =
        [info.overall, items, info.entities, info.bytes].into_iter().flatten().find_map(Progress::percent);
    // An export says nothing of its progress at first.
    let percent = percent.or(service.start_example().map(|_| 0));
    Some((info.state.unwrap_or_default(), percent))
}

fn bar(percent: u64) -> String {
    let full = percent * BAR / 100;
    (0..BAR).map(|cell| if cell < full { '█' } else { '░' }).collect()
}
