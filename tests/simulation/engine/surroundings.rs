//! What else the world is like: how many pushes an instance takes, how long names stay taken, rates of queues and of Slack, operations
//! that were there before, clocks that are hours off, instances whose settings differ, instances that stand still, and a service that
//! hangs next to one that does not.

use std::collections::{BTreeMap, BTreeSet};

use opwatch::policy::Limits;
use serde_json::json;

use super::claims::FROZEN;
use super::operations::Operation;
use super::plan::{
    DAY, Down, Ending, Fault, HOUR, Kind, MINUTE, Ms, Plan, SECOND, SURROUNDING_FAULTS, Window, rates, window,
};
use super::pubsub::ACK_DEADLINE;
use super::rng::Rng;
use super::world::{Event, World};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// Pushes that an instance takes at a time (`--concurrency` in `deploy/up`).
    pub(crate) concurrency: usize,
    /// How long Cloud Tasks keeps the name of a task that ran or was deleted.
    pub(crate) names: (Ms, Ms),
    /// Between two tasks of the queue of reports.
    pub(crate) report_gap: Ms,
    /// Slack takes a post a second for each channel.
    pub(crate) slack_pace: bool,
    /// Operations in each list that are over.
    pub(crate) listed: u64,
    /// Every second instance has other settings.
    pub(crate) mixed: bool,
    /// How far a clock may be wrong.
    pub(crate) skew: Ms,
    /// What a publisher may ask for.
    pub(crate) limits: Limits,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            concurrency: 80,
            names: (HOUR, DAY),
            report_gap: 0,
            slack_pace: false,
            listed: 0,
            mixed: false,
            skew: 10 * MINUTE,
            limits: Limits::NONE,
        }
    }
}

impl Surroundings {
    /// Those of a world at random.
    fn any(rng: &mut Rng) -> Self {
        let usual = Self::default();
        let few = rng.log_uniform(1.0, 8.0) as usize;
        let listed = rng.log_uniform(40.0, 1_000.0) as u64;
        Self {
            concurrency: if rng.chance(0.3) { few } else { usual.concurrency },
            // The reference promises no time; what is seen is minutes to a day.
            names: *rng.pick(&[usual.names, usual.names, (0, DAY), (0, 10 * MINUTE)]),
            // The rates of REPORT_RATE.
            report_gap: *rng.pick(&[0, 0, 2, SECOND, 5 * SECOND]),
            slack_pace: rng.chance(0.3),
            listed: if rng.chance(0.2) { listed } else { 0 },
            mixed: rng.chance(0.3),
            skew: if rng.chance(0.2) { 2 * HOUR } else { usual.skew },
            limits: usual.limits,
        }
    }
}

impl Plan {
    /// With surroundings at random.
    pub(super) fn with_surroundings(mut self, rng: &mut Rng, left_out: &BTreeSet<Fault>) -> Self {
        self.around = Surroundings::any(rng);
        self.rates.extend(rates(rng, SURROUNDING_FAULTS, left_out));
        // Each push may begin one, and it holds many.
        self.rates.entry(Fault::Freeze).and_modify(|rate| *rate /= 10.0);
        let times = (self.around.skew / (10 * MINUTE)) as i64;
        self.skews.iter_mut().for_each(|skew| *skew *= times);
        match window(rng, (Down::Firestore, 10 * MINUTE, 6 * HOUR, 0.2)) {
            Some(hanging) => self.with_hanging(hanging, rng),
            None => self,
        }
    }

    /// Firestore hangs, and all starts are asked for within its first minute.
    fn with_hanging(mut self, hanging: Window, rng: &mut Rng) -> Self {
        self.windows.push(hanging);
        for kickoff in &mut self.kickoffs {
            if matches!(kickoff.kind, Kind::Datastore | Kind::Firestore) {
                kickoff.at = hanging.from + rng.below(MINUTE);
            }
        }
        self
    }

    /// Half of all kickoffs start something, some of it in a service that hangs.
    pub(crate) fn with_hanging_service(mut self) -> Self {
        for (index, kickoff) in self.kickoffs.iter_mut().enumerate() {
            kickoff.kind = [Kind::Firestore, Kind::Datastore, Kind::Name, kickoff.kind][index % 4];
        }
        let hanging = Window { down: Down::Firestore, from: HOUR, to: 3 * HOUR };
        let mut rng = Rng::new(self.seed);
        self.with_hanging(hanging, &mut rng)
    }

    pub(crate) fn has_wrong_clocks(&self) -> bool {
        self.skews.iter().any(|skew| *skew != 0) || self.rates.contains_key(&Fault::Step)
    }

    /// How far a clock may be wrong.
    pub(crate) fn most_skew(&self) -> Ms {
        self.around.skew
    }
}

/// When the queue of reports runs its next task, and each channel takes its next post.
#[derive(Default)]
pub(crate) struct Paces {
    reports: Ms,
    posts: BTreeMap<String, Ms>,
}

impl World {
    /// Operations that were over before the run began.
    pub(super) fn add_old_operations(&mut self) {
        let index = self.operations.len() as u64;
        for number in index..index + self.plan.around.listed {
            for (parent, field) in
                [("projects/p", "outputUrlPrefix"), ("projects/p/databases/(default)", "outputUriPrefix")]
            {
                let name = format!("{parent}/operations/O{number}");
                let request = json!({field: format!("gs://b/old{number}")});
                let ending = if number % 3 == 0 { Ending::Succeeded } else { Ending::Failed };
                let operation =
                    Operation::over(name, ending, request.as_object().cloned().unwrap_or_default());
                self.by_name.insert(operation.name.clone(), self.operations.len());
                self.operations.push(operation);
            }
        }
    }

    /// Whether an instance stands still.
    pub(crate) fn is_frozen(&self, instance: usize) -> bool {
        self.now() < self.instances[instance].frozen_until
    }

    /// Plans that an instance stands still, in the middle of a push that just came.
    pub(super) fn may_freeze(&mut self, instance: usize) {
        if self.strikes(Fault::Freeze) {
            let at = self.now() + self.rng.below(5 * SECOND);
            let lasting = self.rng.log_uniform(SECOND as f64, 12.0 * HOUR as f64) as Ms;
            self.at(at, Event::Freeze(instance, lasting));
        }
    }

    /// An instance stands still for so long: its pushes go on then, unanswered until their ack deadline, or answered late.
    pub(crate) fn freeze(&mut self, instance: usize, lasting: Ms) {
        let now = self.now();
        let until = now + lasting;
        let frozen = &mut self.instances[instance].frozen_until;
        if *frozen > now {
            return;
        }
        *frozen = until;
        self.note(&[21, instance as u64, until], || {
            format!("instance {instance} stands still until {until}")
        });
        let pushes: Vec<u64> = self
            .pushes
            .iter()
            .filter(|(_, push)| push.instance == instance)
            .map(|(number, _)| *number)
            .collect();
        for number in pushes {
            let push = self.pushes.get_mut(&number).expect("in flight");
            (push.frozen, push.excused) = (true, true);
            let (message, expires) = (push.message, push.began + ACK_DEADLINE);
            let is_late = !push.hangs && until >= expires;
            push.hangs |= is_late;
            let lapsed = push.claiming.as_ref().and_then(|claiming| claiming.lapses(until));
            if let Some((report, owner)) = lapsed {
                self.claims.end(&report, &owner, FROZEN);
            }
            let watch = self.messages[message].watch;
            self.ledger.touched(watch, until + MINUTE);
            if is_late {
                self.at(expires, Event::Expire(message));
            }
            self.at(until, Event::Wake(number));
        }
    }

    /// An instance that takes another push; none when each is full, or stands still.
    pub(super) fn free_instance(&mut self) -> Result<usize, Busy> {
        let count = self.instances.len();
        let first = self.rng.below(count as u64) as usize;
        let all = || (first..count).chain(0..first);
        let wakes = |instance: &usize| !self.is_frozen(*instance);
        let has_room = |instance: &usize| {
            let own = self.pushes.values().filter(|push| push.instance == *instance).count();
            own < self.plan.around.concurrency
        };
        match all().filter(wakes).find(has_room) {
            Some(instance) => Ok(instance),
            None if all().any(|instance| wakes(&instance)) => Err(Busy::Full),
            None => Err(Busy::Frozen),
        }
    }

    /// When the queue of reports runs this task: each has its turn.
    pub(super) fn turn_of_report(&mut self) -> Ms {
        let turn = self.paces.reports.max(self.now());
        self.paces.reports = turn + self.plan.around.report_gap;
        turn
    }

    /// Whether Slack takes a post to what `limited` names.
    pub(super) fn takes_post(&mut self, limited: String) -> bool {
        let now = self.now();
        let next = self.paces.posts.entry(limited).or_default();
        let takes = now >= *next;
        if takes {
            *next = now + SECOND;
        }
        takes
    }

    pub(super) fn count_fault(&mut self, fault: Fault) {
        *self.injected.entry(fault).or_default() += 1;
    }
}

/// Why no instance takes a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    Full,
    Frozen,
}
