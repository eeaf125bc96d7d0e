//! Small and complete: every schedule of at most two faults in watches of at most three checks.

use opwatch::policy::Limits;

use super::engine::plan::{Access, Disorder, Effect, HOUR, Kickoff, Kind, MINUTE, Ms, Plan, SECOND, Script};
use super::engine::run::{Summary, run};
use super::engine::surroundings::Surroundings;

const INTERVAL: u32 = 60;

/// What may become of a call.
const EFFECTS: [Effect; 7] = [
    Effect::Refused(503, "UNAVAILABLE", None),
    Effect::TimedOut,
    Effect::Lost,
    Effect::LostLate,
    Effect::Garbage { done: false, kind: 0 },
    Effect::CrashBefore,
    Effect::CrashAfter,
];

/// What may become of a delivery: doubled at once, in the middle of an interval, or after names are free again; and
/// swapped with what comes after it.
const DISORDERS: [Disorder; 4] = [
    Disorder::Again(5),
    Disorder::Again(40 * SECOND),
    Disorder::Again(30 * HOUR),
    Disorder::Behind(100 * SECOND),
];

fn plan(access: Access, kind: Kind, limit: u32, duration: Ms, script: Script) -> Plan {
    let notify = (access == Access::Bot).then_some("live");
    let kickoff = Kickoff { notify, ..Kickoff::plain(24 * HOUR, kind, INTERVAL, limit, duration) };
    Plan { access, kickoffs: vec![kickoff], attempts: 5, script: Some(script), ..Plan::empty() }
}

/// Runs every schedule: how many there were.
fn every_schedule(access: Access, kind: Kind, limit: u32, duration: Ms) -> u64 {
    every_schedule_of(&plan(access, kind, limit, duration, Script::default()))
}

fn every_schedule_of(plan: &Plan) -> u64 {
    let go = |script: &Script| {
        let plan = Plan { script: Some(script.clone()), ..plan.clone() };
        let summary = run(plan.clone());
        if let Some(violation) = &summary.violation {
            let traced = run(Plan { verbose: true, ..plan.clone() });
            panic!("{violation}\n{plan:?}\n{}", traced.trace.join("\n"));
        }
        summary
    };
    let mut schedules = 1;
    for first in with_one_more(&Script::default(), &go(&Script::default())) {
        schedules += 1;
        for second in with_one_more(&first, &go(&first)) {
            schedules += 1;
            go(&second);
        }
    }
    schedules
}

/// `script` and one fault behind all of its own; what came before is as it was in `summary`.
fn with_one_more(script: &Script, summary: &Summary) -> Vec<Script> {
    let after = |last: Option<&u64>| last.map_or(0, |last| last + 1);
    let mut scripts = Vec::new();
    for number in after(script.effects.keys().next_back())..summary.effects {
        for effect in EFFECTS {
            let mut script = script.clone();
            script.effects.insert(number, effect);
            scripts.push(script);
        }
    }
    // A pair of one of each kind comes from both sides: either fault may make calls or deliveries of its own.
    for number in after(script.deliveries.keys().next_back())..summary.deliveries {
        for disorder in DISORDERS {
            let mut script = script.clone();
            script.deliveries.insert(number, disorder);
            scripts.push(script);
        }
    }
    scripts
}

#[test]
fn a_watch_of_a_running_operation() {
    // It ends before the first check, between two, or never.
    let schedules: u64 = [(1, HOUR), (2, 90 * SECOND), (3, HOUR)]
        .into_iter()
        .map(|(limit, duration)| every_schedule(Access::Webhook, Kind::Name, limit, duration))
        .sum();
    println!("{schedules} schedules");
    assert!(schedules > 1_000, "{schedules}");
}

#[test]
fn a_watch_that_a_message_follows() {
    let schedules: u64 = [(2, HOUR), (3, 90 * SECOND)]
        .into_iter()
        .map(|(limit, duration)| every_schedule(Access::Bot, Kind::Name, limit, duration))
        .sum();
    println!("{schedules} schedules");
    assert!(schedules > 5_000, "{schedules}");
}

/// A check, its end and its report, with all calls of the ledger.
#[test]
fn a_watch_with_a_ledger() {
    let mut schedules = 0;
    for (access, limit, duration) in
        [(Access::Webhook, 1, HOUR), (Access::Webhook, 1, SECOND), (Access::Bot, 2, 90 * SECOND)]
    {
        let plan = plan(access, Kind::Name, limit, duration, Script::default());
        schedules += every_schedule_of(&Plan { ledger: true, ..plan });
    }
    println!("{schedules} schedules");
    assert!(schedules > 5_000, "{schedules}");
}

/// The signal of the end comes before the next check, and reads the sentinel.
#[test]
fn a_watch_with_a_signal() {
    let plan = plan(Access::Webhook, Kind::Name, 3, 70 * SECOND, Script::default());
    let schedules = every_schedule_of(&Plan { signals: true, ..plan });
    println!("{schedules} schedules");
    assert!(schedules > 1_000, "{schedules}");
}

#[test]
fn a_datastore_start() {
    let schedules = every_schedule(Access::Webhook, Kind::Datastore, 2, 90 * SECOND);
    println!("{schedules} schedules");
    assert!(schedules > 1_000, "{schedules}");
}

#[test]
fn a_firestore_start() {
    let schedules = every_schedule(Access::Webhook, Kind::Firestore, 2, 10 * MINUTE);
    println!("{schedules} schedules");
    assert!(schedules > 1_000, "{schedules}");
}

/// An instance stands still at each of a watch's calls, so long that names are free again, and each delivery is disturbed besides. Another
/// instance takes what comes meanwhile.
#[test]
fn an_instance_stands_still_at_every_call() {
    let mut schedules = 0;
    for (access, kind, limit, duration, ledger) in [
        (Access::Webhook, Kind::Name, 3, 90 * SECOND, false),
        (Access::Bot, Kind::Name, 3, 90 * SECOND, true),
        (Access::Bot, Kind::Datastore, 2, HOUR, false),
        (Access::Webhook, Kind::Firestore, 2, 90 * SECOND, true),
    ] {
        let plan = plan(access, kind, limit, duration, Script::default());
        let plan = Plan { ledger, attempts: 100, skews: vec![0, 0], ..plan };
        let calls = run(plan.clone()).effects;
        for (call, lasting) in (0..calls + 2).flat_map(|call| [(call, 70 * SECOND), (call, 30 * HOUR)]) {
            let frozen = Script { effects: [(call, Effect::Freeze(lasting))].into(), ..Script::default() };
            let deliveries = run(Plan { script: Some(frozen.clone()), ..plan.clone() }).deliveries;
            let disordered = (0..deliveries).flat_map(|delivery| {
                DISORDERS
                    .map(|disorder| Script { deliveries: [(delivery, disorder)].into(), ..frozen.clone() })
            });
            for script in disordered.chain([frozen.clone()]) {
                schedules += 1;
                let plan = Plan { script: Some(script), ..plan.clone() };
                if let Some(violation) = run(plan.clone()).violation {
                    let trace = run(Plan { verbose: true, ..plan.clone() }).trace;
                    panic!("{violation}\n{plan:?}\n{}", trace.join("\n"));
                }
            }
        }
    }
    println!("{schedules} schedules");
    assert!(schedules > 1_000, "{schedules}");
}

/// The start is made, but its check can't be scheduled, so that the kickoff goes to the dead letters: as a message with
/// an id of its own, by which nothing is found.
#[test]
fn the_operation_of_a_lost_kickoff_is_found() {
    let refused = Effect::Refused(503, "UNAVAILABLE", None);
    for (kind, duration) in [(Kind::Datastore, HOUR), (Kind::Datastore, SECOND), (Kind::Firestore, HOUR)] {
        // List, start, and three tasks; then list and task four times. Firestore's finished operations are one list more.
        let lists = u64::from(kind == Kind::Firestore);
        let effects = [2, 3, 4, 6, 8, 10, 12].map(|number| (number + lists, refused)).into();
        let script = Script { effects, ..Script::default() };
        let summary = run(Plan { verbose: true, ..plan(Access::Webhook, kind, 3, duration, script) });
        let trace = summary.trace.join("\n");
        assert_eq!(summary.violation, None, "{trace}");
        assert!(trace.contains("the watch was lost"), "{trace}");
    }
}

/// The second kickoff of an hour is refused, or the second notice: the first to come has the slot.
#[test]
fn a_kickoff_above_a_limit() {
    let mut schedules = 0;
    for (kind, limits) in [
        (Kind::Datastore, Limits { starts_per_hour: 1, ..Limits::NONE }),
        (Kind::Bad, Limits { notices_per_hour: 1, ..Limits::NONE }),
    ] {
        let plan = plan(Access::Webhook, kind, 1, SECOND, Script::default());
        let second = Kickoff { at: plan.kickoffs[0].at + 20 * SECOND, ..plan.kickoffs[0].clone() };
        let kickoffs = vec![plan.kickoffs[0].clone(), second];
        let around = Surroundings { limits, ..Surroundings::default() };
        schedules += every_schedule_of(&Plan { kickoffs, around, skews: vec![0, 0], ..plan });
    }
    println!("{schedules} schedules");
    assert!(schedules > 1_000, "{schedules}");
}

#[test]
fn a_message_that_can_not_be_used() {
    println!("{} schedules", every_schedule(Access::Webhook, Kind::Bad, 1, HOUR));
}
