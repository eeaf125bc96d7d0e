//! The loop: looks when a look is due, shows what it came to, and sleeps.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::clocks::{Clocks, Moment};
use super::exit::Exit;
use super::follower::Follower;
use super::item::Event;
use super::label::labels;
use super::leave::{commands, leave};
use super::log::{Form, Log};
use super::notifier::Notifier;
use super::screen::{TURNS_PER_SECOND, frame};
use super::signals::Interruptions;
use super::stage::Stage;
use super::{Options, Output};
use crate::clock::{CALL_LIMIT, Clock};
use crate::google::{Expiry, Google, LOGIN, Look};
use crate::hash::random_id;
use crate::services::Operation;
use crate::watch::Watch;

/// Looks under way at the same time.
const AT_ONCE: usize = 16;
/// A sleep of the machine is noticed after this at the latest.
const WAKE: Duration = Duration::from_secs(15);
/// How long the last looks after the timeout may take in all.
const GRACE: Duration = Duration::from_secs(10);

/// What following needs of the world.
pub struct Means<'a> {
    /// Google's APIs.
    pub google: Arc<Google>,
    /// The clock on the wall.
    pub clock: &'a dyn Clock,
    /// How many times as fast as the real one time goes: once, but in a demonstration.
    pub speed: u32,
    /// Who may interrupt.
    pub interruptions: &'a mut dyn Interruptions,
    /// Where it is seen.
    pub stage: &'a mut dyn Stage,
    /// Who is told of ends.
    pub notifier: Option<Notifier>,
}

/// Follows `operations`, each once, until they have ended, the time is over, or someone interrupts. A second interruption ends
/// whatever is left to do at once.
pub async fn follow(means: Means<'_>, operations: Vec<Operation>, options: Options) -> Exit {
    let clocks = Clocks::start(means.clock, means.speed);
    let watch =
        Watch { id: random_id().unwrap_or_default(), title: options.title.clone(), ..Watch::default() };
    let now = clocks.now().wall;
    let follower = Follower::new(operations, &watch, options.interval, options.until, now);
    let form = match options.output {
        Output::Screen | Output::Log => Form::Words(options.wording),
        Output::Json => Form::Json,
    };
    let is_quiet = options.quiet || options.output == Output::Screen;
    let log = Log::new(form, watch.id, labels(&follower.items), is_quiet);
    let mut run = Run {
        means,
        clocks,
        follower,
        log,
        options,
        looks: JoinSet::new(),
        posts: JoinSet::new(),
        drawn: None,
        expiry: None,
        has_said_login: false,
    };
    let exit = run.run().await;
    run.close(exit).await;
    exit
}

struct Run<'a> {
    means: Means<'a>,
    clocks: Clocks<'a>,
    follower: Follower,
    log: Log,
    options: Options,
    looks: JoinSet<(usize, Look)>,
    posts: JoinSet<Result<(), String>>,
    /// When the frame was last drawn.
    drawn: Option<Duration>,
    /// Asks when the token expires, which some can't be renewed; begun when something runs.
    expiry: Option<JoinSet<Option<Expiry>>>,
    /// How to log in was printed, which is the same for all operations.
    has_said_login: bool,
}

/// What ended a pause.
enum Wake {
    Seen(usize, Box<Look>),
    Expiry(Option<Expiry>),
    Time,
    Interrupted,
}

impl Run<'_> {
    async fn run(&mut self) -> Exit {
        loop {
            let moment = self.clocks.now();
            if let Some(jump) = self.clocks.slept() {
                self.follower.slept(jump, moment);
            }
            if let Some(exit) = self.times_out(moment) {
                return exit;
            }
            self.look_at_due(moment);
            let lines = self.log.tick(&self.follower, moment);
            self.means.stage.lines(&lines);
            self.draw(moment);
            match self.pause(moment).await {
                Wake::Seen(index, look) => {
                    self.seen(index, *look);
                    if let Some(exit) = self.follower.exit() {
                        return exit;
                    }
                }
                Wake::Expiry(expiry) => self.says_until(expiry),
                Wake::Time => {}
                Wake::Interrupted => return Exit::Interrupted,
            }
        }
    }

    fn look_at_due(&mut self, moment: Moment) {
        let room = AT_ONCE.saturating_sub(self.looks.len());
        for index in self.follower.take_due(moment, room) {
            let Some(item) = self.follower.items.get(index) else { continue };
            let (google, operation) = (Arc::clone(&self.means.google), item.operation().clone());
            self.looks.spawn(async move { (index, google.look(&operation, CALL_LIMIT).await) });
        }
    }

    /// After the deadline each operation is looked at once more: its end may be older than that.
    fn times_out(&mut self, moment: Moment) -> Option<Exit> {
        let deadline = self.options.timeout.filter(|deadline| moment.awake >= *deadline)?;
        self.follower.close(moment);
        let is_over = moment.awake >= deadline + GRACE;
        self.follower.exit().or(is_over.then_some(Exit::TimedOut))
    }

    fn seen(&mut self, index: usize, look: Look) {
        let moment = self.clocks.now();
        let lacks_token = look.lacks_token;
        let Some(event) = self.follower.seen(index, look, moment) else { return };
        let lines = self.log.event(&self.follower, index, event, moment);
        self.means.stage.lines(&lines);
        if lacks_token && event == Event::Ended && !self.has_said_login {
            self.has_said_login = true;
            self.means.stage.note(&format!("opwatch: {LOGIN}"));
        }
        if event != Event::Ended && self.expiry.is_none() {
            let google = Arc::clone(&self.means.google);
            let mut expiry = JoinSet::new();
            expiry.spawn(async move { google.token_expiry(CALL_LIMIT).await });
            self.expiry = Some(expiry);
        }
        let end = self.follower.items.get(index).and_then(|item| item.end.clone());
        let notifier = self.means.notifier.as_ref();
        if let Some((end, notifier)) = end.zip(notifier).filter(|(end, notifier)| notifier.wants(end)) {
            self.posts.spawn(notifier.clone().post(end));
        }
    }

    /// Draws what runs, but not more often than its spinners turn.
    fn draw(&mut self, moment: Moment) {
        let Some(size) = self.means.stage.size().filter(|_| !self.options.quiet) else { return };
        if self.drawn.is_some_and(|at| moment.since(at) < turn(self.means.speed)) {
            return;
        }
        self.drawn = Some(moment.awake);
        let frame = frame(&self.follower, self.log.labels(), self.options.wording, moment, size);
        self.means.stage.draw(frame);
    }

    /// Until something is seen or due.
    async fn pause(&mut self, moment: Moment) -> Wake {
        let has_room = self.looks.len() < AT_ONCE;
        let due = self.follower.next_due().filter(|_| has_room);
        let timeout = self.options.timeout;
        let deadline =
            timeout.map(|deadline| if moment.awake < deadline { deadline } else { deadline + GRACE });
        let turn = self.drawn.map(|drawn| drawn + turn(self.means.speed));
        let times = [due, deadline, turn, self.log.next_tick(), Some(moment.awake + WAKE)];
        let until = times.into_iter().flatten().min().unwrap_or_default();
        let seen = async {
            match self.looks.join_next().await {
                Some(Ok((index, look))) => Wake::Seen(index, Box::new(look)),
                // A look does not panic; without one under way there is nothing to wait for.
                Some(Err(_)) | None => std::future::pending().await,
            }
        };
        let expiry = async {
            match &mut self.expiry {
                Some(expiry) => expiry.join_next().await,
                None => None,
            }
        };
        tokio::select! {
            biased;
            () = self.means.interruptions.next() => Wake::Interrupted,
            Some(Ok(expiry)) = expiry => Wake::Expiry(expiry),
            seen = seen => seen,
            () = tokio::time::sleep(until.saturating_sub(moment.awake) / self.means.speed) => Wake::Time,
        }
    }

    /// A token that can't be renewed ends the wait when it expires.
    fn says_until(&mut self, expiry: Option<Expiry>) {
        let Some(Expiry { at, is_known }) = expiry else { return };
        let at = at.with_timezone(&self.options.wording.zone).format("%H:%M %Z");
        let about = if is_known { "" } else { "about " };
        let code = Exit::CannotTell.code();
        self.means.stage.note(&format!(
            "opwatch: ACCESS_TOKEN can't be renewed and expires at {about}{at}: if an operation still runs then, this wait \
             ends with exit status {code}"
        ));
    }

    /// Takes the frame away, says how to go on, and does what is left to do.
    async fn close(self, exit: Exit) {
        self.means.stage.draw(Vec::new());
        let running: Vec<Operation> = self.follower.running().map(|item| item.operation().clone()).collect();
        let is_interrupted = exit == Exit::Interrupted;
        if is_interrupted || exit == Exit::TimedOut {
            let said = if is_interrupted { "interrupted" } else { "the time of --timeout is over" };
            let note = format!(
                "opwatch: {said}; still running. To go on watching:\n  {}",
                commands(&running).join("\n  ")
            );
            self.means.stage.note(&note);
        }
        let cancelled = if is_interrupted && self.options.cancels { running } else { Vec::new() };
        let left = leave(&self.means.google, cancelled, self.posts);
        tokio::select! {
            biased;
            () = self.means.interruptions.next() => {}
            notes = left => notes.iter().for_each(|note| self.means.stage.note(&format!("opwatch: {note}"))),
        }
    }
}

/// The time between two turns of a spinner.
fn turn(speed: u32) -> Duration {
    Duration::from_secs(1) * speed / TURNS_PER_SECOND
}
