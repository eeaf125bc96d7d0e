//! What a run is to go through: its watches, its faults, and when which service is down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::boundary::Boundary;
use super::outputs::Prefix;
use super::rng::Rng;
use super::steps::Steps;
use super::surroundings::Surroundings;

/// Milliseconds since the run began.
pub(crate) type Ms = u64;
pub(crate) const SECOND: Ms = 1_000;
pub(crate) const MINUTE: Ms = 60 * SECOND;
pub(crate) const HOUR: Ms = 60 * MINUTE;
pub(crate) const DAY: Ms = 24 * HOUR;

/// What can go wrong, each at a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Pub/Sub delivers a message twice, a moment apart.
    Duplicate,
    /// The second delivery comes minutes to hours later.
    Late,
    /// It comes days later.
    Ancient,
    /// The first delivery takes up to ten minutes, so that others overtake it.
    Slow,
    /// The instance is killed before an effect.
    CrashBefore,
    /// The instance is killed after an effect, before its answer is seen.
    CrashAfter,
    /// The instance is told to end; what is in flight goes on, what it knew is gone.
    Terminate,
    /// The instance's clock jumps.
    Step,
    /// An operations API: refusals that look final (403, 404).
    ApiFinal,
    /// 401, 408, 409 ABORTED, 429 (some with `Retry-After`), 5xx.
    ApiPassing,
    /// No connection; time-outs and broken connections, with the effect or without.
    ApiLost,
    /// Half a body, HTML, an answer that is too long, another operation, an unknown state, no `Date`.
    ApiGarbage,
    /// Cloud Tasks refuses: 409 ABORTED, 429, 503, 403, 404.
    TasksRefused,
    /// Cloud Tasks: created, but the answer is lost, or neither.
    TasksLost,
    /// Cloud Tasks: 200 with something that is no task.
    TasksGarbage,
    /// Cloud Tasks runs a task twice.
    TaskTwice,
    /// Cloud Tasks is minutes late.
    TaskStall,
    /// Slack: 429 with `Retry-After` of 1 s to an hour.
    SlackLimit,
    /// Slack: 5xx and refusals of the payload.
    SlackRefused,
    /// Slack: 200 without `ok`.
    SlackNotOk,
    /// Slack: posted, but the answer is lost, or neither.
    SlackLost,
    /// A new operation shows in the list a while after its start.
    ListLag,
    /// A newer version adds fields to a message on its way, or words that this one doesn't know.
    Newer,
    /// A push is never answered, handled or not: Pub/Sub delivers it again after the ack deadline.
    Hang,
    /// Cloud Tasks can't publish: it tries again, with a growing pause, for as long as it takes.
    PublishRefused,
    /// Cloud Tasks published, but the answer is lost: it publishes again.
    PublishLost,
    /// There is no token for a call to Google, soon or late.
    NoToken,
    /// A channel does not take what a bot posts.
    SlackChannel,
    /// A person deletes the message that follows a watch.
    SlackDeleted,
    /// The ledger refuses, for now or for good: 400, 401, 403, 404, 409 ABORTED, 429, 5xx.
    LedgerRefused,
    /// The ledger: no answer, or 503, with the effect, without it, or with it after a while.
    LedgerLost,
    /// The ledger: 200 with something that is no answer of Datastore's.
    LedgerGarbage,
    /// The ledger answers when its time is nearly up, or later.
    LedgerSlow,
    /// The signal of an end never comes.
    SignalLost,
    /// It comes again, seconds to hours later.
    SignalTwice,
    /// It comes before the operation shows as ended.
    SignalEarly,
    /// It comes minutes to hours late, behind other signals and checks.
    SignalLate,
    /// A publisher forges one of an operation that runs, or of another project's.
    SignalForged,
    /// A waiting check is gone, and with it the chain of its watch.
    CheckLost,
    /// An instance stands still in the middle of its pushes, and goes on with them seconds to hours later.
    Freeze,
    /// All instances have as many pushes as they take: Cloud Run says 429.
    Overload,
    /// The list of operations is not there: 404 in a front end's words, or 501.
    ListGone,
    /// Slack took a post or an edit and does not say where it is, or names another place.
    SlackPlace,
    /// Slack took a post less than a second ago.
    SlackPace,
    /// A report's task waits for those before it: its queue has a rate.
    QueuePace,
    /// One service never answers, while all others do.
    ServiceHangs,
}

pub(crate) const FAULTS: &[Fault] = &[
    Fault::Duplicate,
    Fault::Late,
    Fault::Ancient,
    Fault::Slow,
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Terminate,
    Fault::Step,
    Fault::ApiFinal,
    Fault::ApiPassing,
    Fault::ApiLost,
    Fault::ApiGarbage,
    Fault::TasksRefused,
    Fault::TasksLost,
    Fault::TasksGarbage,
    Fault::TaskTwice,
    Fault::TaskStall,
    Fault::SlackLimit,
    Fault::SlackRefused,
    Fault::SlackNotOk,
    Fault::SlackLost,
    Fault::ListLag,
    Fault::Newer,
    Fault::Hang,
    Fault::PublishRefused,
    Fault::PublishLost,
    Fault::NoToken,
    Fault::SlackChannel,
    Fault::SlackDeleted,
];

/// Those of a ledger, in plans that have one.
pub(crate) const LEDGER_FAULTS: &[Fault] =
    &[Fault::LedgerRefused, Fault::LedgerLost, Fault::LedgerGarbage, Fault::LedgerSlow];

/// Those of signals and sentinels, in plans that have signals.
pub(crate) const SIGNAL_FAULTS: &[Fault] = &[
    Fault::SignalLost,
    Fault::SignalTwice,
    Fault::SignalEarly,
    Fault::SignalLate,
    Fault::SignalForged,
    Fault::CheckLost,
];

/// Those of the surroundings.
pub(crate) const SURROUNDING_FAULTS: &[Fault] = &[
    Fault::Freeze,
    Fault::Overload,
    Fault::ListGone,
    Fault::SlackPlace,
    Fault::SlackPace,
    Fault::QueuePace,
    Fault::ServiceHangs,
];

/// A rule of opwatch's that the world undoes behind its back, to show that the invariants would see it missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// Tasks of checks and starts get random names.
    NextName,
    /// Tasks of reports get random names.
    ReportName,
    /// `ALREADY_EXISTS` becomes an error.
    Exists,
    /// `Retry-After` never arrives.
    RetryAfter,
    /// A bad Slack body becomes `ok`.
    OkBody,
    /// The next check is the next number, an interval from now.
    Grid,
    /// `ALREADY_EXISTS` becomes `created`: every copy believes that the next step is its own.
    Creator,
    /// A message that opwatch takes back stays.
    TakeBack,
    /// A report that is tried again is lost.
    Retry,
    /// A claim that somebody has counts as taken by everybody.
    ClaimTaken,
    /// A claim that somebody has reads as if the report were sent.
    HeldIsSent,
    /// A state that a publisher forged counts.
    PublicState,
    /// Nothing is ever started: every look-up counts as refused.
    NeverStarts,
    /// A watch that reaches its limit never knows how it stands.
    TroubleAtLimit,
    /// The next check is always the last of the grid.
    LastCheck,
    /// A watch gives up at the first refusal.
    FirstRefusal,
    /// A watch gives up at the first 5xx.
    FirstTrouble,
    /// What another kickoff began with the same request is not followed but started again.
    NeverAdopts,
    /// A report that Slack did not take is tried again after a second.
    RetriesSoon,
    /// Nobody hears that an operation stands still.
    NeverStalls,
    /// The message that follows a watch is never edited while it runs.
    NeverEdits,
    /// Placeholders stand for the time of the delivery, not for that of the kickoff.
    ExpandsAtDelivery,
    /// The label of a request has the text after its placeholders are replaced.
    HashExpanded,
    /// Every path counts as used.
    PathsTaken,
    /// A signal's further look is a check of the chain's, under another name.
    SignalForks,
    /// No sentinel is deleted, and its report has another name.
    SentinelTwice,
    /// A sentinel whose name is free counts as created, and is not.
    SentinelLost,
    /// A signal adopts what a watch has the sentinel of.
    AdoptsWatched,
    /// The next rung is one that no copy would choose.
    FreeRungs,
    /// A list that is not there counts as empty.
    BlindStart,
    /// A start waits for every other one of its instance.
    OneTurn,
    /// An `ok` of Slack's that does not say where the message is counts as a refusal.
    PostsAgain,
    /// A second delivery of a report posts it three times.
    ToldThrice,
    /// A check that is no copy asks for its report twice, in a watch where something else was delivered twice.
    Repeats,
    /// The gate lets everyone in.
    OpenGate,
    /// A slot that is taken counts as not counted, so that a limit refuses nothing.
    LimitNever,
    /// Every slot counts as taken.
    LimitAlways,
    /// Half of the slots do.
    LimitEarly,
    /// The message of an hour in which a limit refused something is lost.
    LimitSilent,
    /// Each refusal has a separate message.
    LimitTwice,
}

/// What becomes of one effect: a call to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Refused with a status, a word and perhaps a `Retry-After` in seconds: nothing is done.
    Refused(u16, &'static str, Option<u64>),
    /// No connection: nothing is done.
    NotConnected,
    /// There is no token for it, which shows at once or when its time is up: nothing is done.
    NoToken { late: bool },
    /// Nothing is done, and no answer comes.
    TimedOut,
    /// It is done, and the connection breaks.
    Lost,
    /// It is done, and no answer comes.
    LostLate,
    /// An answer of no use; done or not.
    Garbage { done: bool, kind: u8 },
    /// The instance is killed before it.
    CrashBefore,
    /// It is done, then the instance is killed.
    CrashAfter,
    /// No answer comes, and it is done so much later.
    Later(Ms),
    /// It is done, and the instance stands still for so long before it sees the answer.
    Freeze(Ms),
}

/// What becomes of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disorder {
    /// Delivered again so much later.
    Again(Ms),
    /// Delivered so much later, so that others overtake it.
    Behind(Ms),
}

/// Exact faults by number, for the exhaustive runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) effects: BTreeMap<u64, Effect>,
    pub(crate) deliveries: BTreeMap<u64, Disorder>,
}

/// What is down for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Down {
    Slack,
    /// The webhook, or the bot's token, is revoked.
    Access,
    /// One of [`CHANNELS`] takes nothing.
    Channel(usize),
    /// Slack's answers have a 2xx and say neither yes nor no.
    Odd,
    Api,
    /// The service account lost its role.
    Grant,
    /// The machine has no tokens.
    Token,
    /// Nothing is delivered.
    PubSub,
    /// Cloud Tasks runs nothing.
    Queues,
    /// Cloud Tasks may not publish.
    Publish,
    Opwatch,
    Ledger,
    /// Firestore answers nothing.
    Firestore,
}

/// Channels of Slack: the settings' own, and two that watches ask for.
pub(crate) const CHANNELS: [&str; 3] = ["C0DEFAULT", "C0OWN1", "C0OWN2"];

/// How opwatch is let into Slack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    #[default]
    Webhook,
    Bot,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) down: Down,
    pub(crate) from: Ms,
    pub(crate) to: Ms,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Watches an operation that runs already.
    Name,
    /// Starts a Datastore export.
    Datastore,
    /// Starts a Firestore export.
    Firestore,
    /// The same kickoff as the one before, published a second time.
    Twin,
    /// The next night's kickoff of the same scheduler job as the one before.
    Night,
    /// An operation that somebody starts without a kickoff: only signals tell of it.
    Adopted,
    Test,
    /// A message that can't be used.
    Bad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Succeeded,
    Failed,
    Cancelled,
    /// A state that nobody knows.
    Unknown,
}

#[derive(Clone, Debug)]
pub(crate) struct Kickoff {
    pub(crate) at: Ms,
    pub(crate) kind: Kind,
    pub(crate) interval: u32,
    pub(crate) limit: u32,
    /// How long it climbs the ladder, in minutes, in place of a fixed interval.
    pub(crate) until: Option<u32>,
    pub(crate) duration: Ms,
    pub(crate) ending: Ending,
    /// What it asks to be told.
    pub(crate) notify: Option<&'static str>,
    /// Which of [`CHANNELS`] it asks for.
    pub(crate) channel: Option<usize>,
    /// Its operation makes no progress.
    pub(crate) stuck: bool,
    /// What its export's prefix ends with.
    pub(crate) prefix: Prefix,
}

impl Kickoff {
    /// One that asks for nothing special.
    pub(crate) fn plain(at: Ms, kind: Kind, interval: u32, limit: u32, duration: Ms) -> Self {
        let (ending, notify, channel, stuck) = (Ending::Succeeded, None, None, false);
        let (prefix, until) = (Prefix::Fixed, None);
        Self { at, kind, interval, limit, until, duration, ending, notify, channel, stuck, prefix }
    }

    /// Nobody asks to watch its operation: it is watched as the settings say.
    pub(crate) fn adopt(&mut self) {
        (self.kind, self.until, self.notify, self.channel) = (Kind::Adopted, Some(24 * 60), None, None);
    }

    /// As a line that a person pastes says when it is checked.
    pub(crate) fn follow(&mut self, line: &Value) {
        if self.kind == Kind::Adopted {
            self.kind = Kind::Name;
        }
        let until = line["until"].as_str().map(|until| until.split_at(until.len() - 1));
        self.until = until
            .and_then(|(count, unit)| Some(count.parse::<u32>().ok()? * if unit == "h" { 60 } else { 1 }));
        let number = |field: &str| line[field].as_u64().and_then(|number| u32::try_from(number).ok());
        self.interval = number("interval").unwrap_or(self.interval);
        self.limit = number("limit").unwrap_or(self.limit);
    }

    /// When it is checked.
    pub(crate) fn steps(&self) -> Steps {
        match self.until {
            Some(minutes) => Steps::Ladder { until: Ms::from(minutes) * MINUTE },
            None => Steps::Fixed { interval: Ms::from(self.interval) * SECOND, limit: self.limit },
        }
    }
}

#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a separate part of the world")]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) access: Access,
    /// Whether it keeps history.
    pub(crate) ledger: bool,
    /// Whether signals come of the ends of operations.
    pub(crate) signals: bool,
    /// Whether operations that nobody asked to watch are adopted, and signals come of starts.
    pub(crate) adopts: bool,
    /// What watches are told that don't say.
    pub(crate) notify: Option<&'static str>,
    pub(crate) kickoffs: Vec<Kickoff>,
    pub(crate) rates: BTreeMap<Fault, f64>,
    pub(crate) windows: Vec<Window>,
    /// When every instance is killed at once.
    pub(crate) stops: Vec<Ms>,
    /// Of each instance's clock.
    pub(crate) skews: Vec<i64>,
    /// Deliveries until a message goes to the dead letters.
    pub(crate) attempts: u32,
    pub(crate) planted: Option<Planted>,
    /// Whose state is trusted.
    pub(crate) boundary: Boundary,
    /// Messages that a hostile publisher forges.
    pub(crate) forgeries: u64,
    /// No answer of an API's has a `Date`.
    pub(crate) undated: bool,
    /// What else the world is like.
    pub(crate) around: Surroundings,
    pub(crate) script: Option<Script>,
    /// Keep the lines of the trace, not only their hash.
    pub(crate) verbose: bool,
}

impl Plan {
    /// Nothing, and nothing goes wrong.
    pub(crate) fn empty() -> Self {
        Self {
            seed: 0,
            access: Access::Webhook,
            ledger: false,
            signals: false,
            adopts: false,
            notify: None,
            kickoffs: Vec::new(),
            rates: BTreeMap::new(),
            windows: Vec::new(),
            stops: Vec::new(),
            skews: vec![0],
            attempts: 100,
            planted: None,
            boundary: Boundary::Internal,
            forgeries: 0,
            undated: false,
            around: Surroundings::default(),
            script: None,
            verbose: false,
        }
    }

    /// The plan of `seed`, with so many watches and only the faults that are not left out. Each part has random numbers of
    /// its own, so that one can grow without changing the others.
    pub(crate) fn of_seed(seed: u64, watches: usize, left_out: &BTreeSet<Fault>) -> Self {
        let mut rng = part(seed, 8);
        let plan = Self::of_fixed_prefixes(seed, watches, left_out).with_placeholders(&mut rng);
        let plan = plan.with_surroundings(&mut part(seed, 11), left_out);
        let mut rng = part(seed, 12);
        // Version 0.1 has no limits.
        let is_limited = rng.chance(0.3) && !matches!(plan.boundary, Boundary::Introduced { .. });
        let limits = Surroundings::limits_of(&mut rng);
        if is_limited { plan.with_limits(limits, &mut rng) } else { plan }
    }

    /// The same, in six of ten seeds with signals.
    pub(crate) fn of_seed_with_signals(seed: u64, watches: usize) -> Self {
        let plan = Self::of_seed(seed, watches, &BTreeSet::new());
        let mut rng = part(seed, 9);
        let plan = if rng.chance(0.6) { plan.with_signals(&mut rng, &BTreeSet::new()) } else { plan };
        plan.with_ladders(&mut part(seed, 10))
    }

    /// The same with signals, and with faults of signals.
    fn with_signals(mut self, rng: &mut Rng, left_out: &BTreeSet<Fault>) -> Self {
        self.rates.extend(rates(rng, SIGNAL_FAULTS, left_out));
        let adopts = rng.chance(0.5);
        for kickoff in self.kickoffs.iter_mut().filter(|_| adopts) {
            if kickoff.kind == Kind::Name && rng.chance(0.4) {
                kickoff.adopt();
            }
        }
        Self { signals: true, adopts, ..self }
    }

    /// The same with some watches on the ladder, of a minute to two days.
    fn with_ladders(mut self, rng: &mut Rng) -> Self {
        for kickoff in &mut self.kickoffs {
            let minutes = rng.log_uniform(1.0, 2_880.0) as u32;
            let climbs = rng.chance(0.4) && kickoff.kind != Kind::Adopted;
            kickoff.until = if climbs { Some(minutes) } else { kickoff.until };
        }
        self
    }

    /// The same without placeholders and second nights.
    pub(crate) fn of_fixed_prefixes(seed: u64, watches: usize, left_out: &BTreeSet<Fault>) -> Self {
        let part = |number| part(seed, number);
        let mut rng = part(1);
        let skewed = rng.chance(0.5);
        let skews = (0..rng.between(1, 5))
            .map(|_| rng.between(0, 1_200_000) as i64 - 600_000)
            .map(|skew| if skewed { skew } else { 0 })
            .collect();
        let attempts = *rng.pick(&[5, 20, 100, 100]);
        let spread = rng.log_uniform(MINUTE as f64, DAY as f64) as Ms;
        let access = *rng.pick(&[Access::Webhook, Access::Bot]);
        let of_bot: &[_] = &[None, Some("live"), Some("live"), Some("start,end")];
        let notify = *rng.pick(if access == Access::Bot { of_bot } else { &[None, None, Some("start,end")] });
        let mut rng = part(2);
        let kickoffs = (0..watches).map(|index| kickoff(&mut rng, spread, index, access)).collect();
        let mut rates = rates(&mut part(3), FAULTS, left_out);
        let (mut windows, mut stops) = (windows(&mut part(4)), Vec::new());
        let mut rng = part(5);
        while rng.chance(0.1) {
            let from = rng.below(12 * HOUR);
            stops.push(from);
            // Everything stops, and comes back in an order of its own.
            for down in [Down::Opwatch, Down::PubSub, Down::Queues] {
                windows.push(Window { down, from, to: from + rng.between(MINUTE, 3 * HOUR) });
            }
        }
        let mut rng = part(6);
        let ledger = rng.chance(0.45);
        if ledger {
            rates.extend(self::rates(&mut rng, LEDGER_FAULTS, left_out));
            windows.extend(window(&mut rng, (Down::Ledger, SECOND, 12 * HOUR, 0.3)));
        }
        let (boundary, forgeries) = Boundary::any(&mut part(7), attempts, watches);
        Self {
            seed,
            access,
            ledger,
            notify,
            kickoffs,
            rates,
            windows,
            stops,
            skews,
            attempts,
            boundary,
            forgeries,
            ..Self::empty()
        }
    }

    pub(crate) fn is_down(&self, down: Down, now: Ms) -> bool {
        self.down_until(down, now).is_some()
    }

    pub(crate) fn down_until(&self, down: Down, now: Ms) -> Option<Ms> {
        let covers = |window: &&Window| window.down == down && (window.from..window.to).contains(&now);
        self.windows.iter().filter(covers).map(|window| window.to).max()
    }
}

/// The random numbers of one part of a seed's plan.
fn part(seed: u64, number: u64) -> Rng {
    Rng::new((seed ^ 0x6f70_7761_7463_6800).wrapping_add(number << 56))
}

pub(super) fn rates(rng: &mut Rng, faults: &[Fault], left_out: &BTreeSet<Fault>) -> BTreeMap<Fault, f64> {
    let mut rates = BTreeMap::new();
    let density = rng.unit();
    for fault in faults {
        let (on, rate) = (rng.chance(density), rng.log_uniform(1e-4, 0.3));
        let rate = if *fault == Fault::TaskTwice { *rng.pick(&[1e-5, 1e-2]) } else { rate };
        if on && !left_out.contains(fault) {
            rates.insert(*fault, rate);
        }
    }
    rates
}

fn windows(rng: &mut Rng) -> Vec<Window> {
    let odds = [
        (Down::Slack, MINUTE, 12 * HOUR, 0.3),
        (Down::Access, HOUR, 9 * DAY, 0.05),
        (Down::Channel(0), MINUTE, 12 * HOUR, 0.05),
        (Down::Channel(1), MINUTE, 12 * HOUR, 0.3),
        (Down::Channel(2), DAY, 30 * DAY, 0.3),
        (Down::Api, MINUTE, 6 * HOUR, 0.2),
        (Down::Grant, MINUTE, 6 * HOUR, 0.1),
        (Down::Token, SECOND, HOUR, 0.1),
        (Down::Publish, MINUTE, 6 * HOUR, 0.1),
        (Down::Opwatch, MINUTE, 2 * HOUR, 0.1),
        (Down::Odd, MINUTE, HOUR, 0.1),
    ];
    odds.into_iter().filter_map(|odds| window(rng, odds)).collect()
}

/// Whether and when something is down: what it is, its shortest and longest time, and how likely it is.
pub(super) fn window(rng: &mut Rng, (down, shortest, longest, odds): (Down, Ms, Ms, f64)) -> Option<Window> {
    rng.chance(odds).then(|| {
        let from = rng.below(12 * HOUR);
        let to = from + rng.log_uniform(shortest as f64, longest as f64) as Ms;
        Window { down, from, to }
    })
}

fn kickoff(rng: &mut Rng, spread: Ms, index: usize, access: Access) -> Kickoff {
    let kind = match rng.below(100) {
        0..55 => Kind::Name,
        55..72 => Kind::Datastore,
        72..86 => Kind::Firestore,
        86..92 if index > 0 => Kind::Twin,
        92..96 => Kind::Test,
        _ => Kind::Bad,
    };
    Kickoff {
        at: rng.below(spread),
        kind,
        interval: rng.between(10, 300) as u32,
        limit: rng.log_uniform(1.0, 301.0) as u32,
        until: None,
        duration: rng.log_uniform(5_000.0, DAY as f64) as Ms,
        ending: match rng.below(20) {
            0..13 => Ending::Succeeded,
            13..16 => Ending::Failed,
            16..18 => Ending::Cancelled,
            _ => Ending::Unknown,
        },
        notify: match access {
            Access::Bot => *rng.pick(&[None, Some("live"), Some("end"), Some("start,end"), Some("failure")]),
            Access::Webhook => *rng.pick(&[None, None, Some("end"), Some("start,end"), Some("failure")]),
        },
        channel: if access == Access::Bot { *rng.pick(&[None, None, Some(1), Some(2)]) } else { None },
        stuck: rng.chance(0.1),
        prefix: Prefix::Fixed,
    }
}
