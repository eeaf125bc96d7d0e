//! The loop: looks when a look is due, prints what it came to, and sleeps.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::clocks::{Clocks, Moment};
use super::exit::Exit;
use super::follower::Follower;
use super::label::labels;
use super::log::Log;
use super::signals::Interruptions;
use super::stage::Stage;
use super::{Options, Output};
use crate::clock::{CALL_LIMIT, Clock};
use crate::google::{Google, Look};
use crate::services::{Operation, Service};
use crate::text::shell_word;
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
    /// Who may interrupt.
    pub interruptions: &'a mut dyn Interruptions,
    /// Where it is seen.
    pub stage: &'a mut dyn Stage,
}

/// Follows `operations`, each once, until they have ended, the time is over, or someone interrupts.
pub async fn follow(means: Means<'_>, operations: Vec<Operation>, options: Options) -> Exit {
    let clocks = Clocks::start(means.clock);
    let watch = Watch { title: options.title.clone(), ..Watch::default() };
    let now = clocks.now().wall;
    let follower = Follower::new(operations, &watch, options.interval, options.until, now);
    let log = Log::new(options.wording, labels(&follower.items), options.output == Output::Quiet);
    let looks = JoinSet::new();
    Run { means, clocks, follower, log, looks, deadline: options.timeout }.run().await
}

struct Run<'a> {
    means: Means<'a>,
    clocks: Clocks<'a>,
    follower: Follower,
    log: Log,
    looks: JoinSet<(usize, Look)>,
    deadline: Option<Duration>,
}

/// What ended a pause.
enum Wake {
    Seen(usize, Box<Look>),
    Time,
    Interrupted,
}

impl Run<'_> {
    async fn run(mut self) -> Exit {
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
            match self.pause(moment).await {
                Wake::Seen(index, look) => {
                    self.seen(index, *look);
                    if let Some(exit) = self.follower.exit() {
                        return exit;
                    }
                }
                Wake::Time => {}
                Wake::Interrupted => return self.interrupted(),
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
        let deadline = self.deadline.filter(|deadline| moment.awake >= *deadline)?;
        self.follower.close(moment);
        let is_over = moment.awake >= deadline + GRACE;
        self.follower.exit().or(is_over.then_some(Exit::TimedOut))
    }

    fn seen(&mut self, index: usize, look: Look) {
        let moment = self.clocks.now();
        if let Some(event) = self.follower.seen(index, look, moment) {
            let lines = self.log.event(&self.follower, index, event, moment);
            self.means.stage.lines(&lines);
        }
    }

    /// Until something is seen or due.
    async fn pause(&mut self, moment: Moment) -> Wake {
        let has_room = self.looks.len() < AT_ONCE;
        let due = self.follower.next_due().filter(|_| has_room);
        let deadline =
            self.deadline.map(|deadline| if moment.awake < deadline { deadline } else { deadline + GRACE });
        let times = [due, deadline, self.log.next_tick(), Some(moment.awake + WAKE)];
        let until = times.into_iter().flatten().min().unwrap_or_default();
        let seen = async {
            match self.looks.join_next().await {
                Some(Ok((index, look))) => Wake::Seen(index, Box::new(look)),
                // A look does not panic; without one under way there is nothing to wait for.
                Some(Err(_)) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.means.interruptions.next() => Wake::Interrupted,
            seen = seen => seen,
            () = tokio::time::sleep(until.saturating_sub(moment.awake)) => Wake::Time,
        }
    }

    fn interrupted(self) -> Exit {
        let commands = commands(self.follower.running().map(super::item::Item::operation));
        let note = format!(
            "opwatch: interrupted; the operation goes on. To go on watching:\n  {}",
            commands.join("\n  ")
        );
        self.means.stage.note(&note);
        Exit::Interrupted
    }
}

/// The commands that go on watching `operations`: one for each service, since a name alone does not tell which it belongs to.
fn commands<'a>(operations: impl Iterator<Item = &'a Operation>) -> Vec<String> {
    let mut commands: Vec<(Service, String)> = Vec::new();
    for operation in operations {
        let (service, name) = (operation.service(), shell_word(operation.name()));
        match commands.iter_mut().find(|(of, _)| *of == service) {
            Some((_, command)) => *command = format!("{command} {name}"),
            None => commands.push((service, format!("opwatch wait --service {service} {name}"))),
        }
    }
    commands.into_iter().map(|(_, command)| command).collect()
}
