//! The grid and the names: what a copy that comes late, a wrong clock and a run of errors can do, and what they can't.

use std::collections::BTreeMap;

use super::engine::plan::{
    Access, DAY, Disorder, Effect, Fault, HOUR, Kickoff, Kind, MINUTE, Ms, Plan, SECOND, Script,
};
use super::engine::run::{Summary, run};
use super::engine::surroundings::Surroundings;

fn script(effects: BTreeMap<u64, Effect>, deliveries: BTreeMap<u64, Disorder>) -> Script {
    Script { effects, deliveries }
}

fn kept(plan: Plan) -> Summary {
    let summary = run(plan.clone());
    if let Some(violation) = &summary.violation {
        let trace = run(Plan { verbose: true, ..plan }).trace;
        panic!("{violation}\n{}", trace.join("\n"));
    }
    summary
}

/// Its name is free again by then, at the latest after a day.
#[test]
fn a_copy_that_comes_hours_late_joins_the_living_chain_within_an_interval() {
    let mut forks = 0;
    for access in [Access::Webhook, Access::Bot] {
        for (delivery, late) in (0..3).flat_map(|delivery| (1..25).map(move |hour| (delivery, hour * HOUR))) {
            // Off the grid, which a copy would stand on by chance else.
            let late = late + delivery * 97 * SECOND + late / HOUR * 11 * SECOND;
            let kickoff = Kickoff {
                notify: (access == Access::Bot).then_some("live"),
                ..Kickoff::plain(DAY, Kind::Name, 300, 300, 3 * DAY)
            };
            let deliveries = [(delivery, Disorder::Again(late))].into();
            let kickoffs = vec![kickoff];
            let summary =
                kept(Plan { access, kickoffs, script: Some(script([].into(), deliveries)), ..Plan::empty() });
            let checks = summary.figures["checks"];
            assert!(checks <= 302, "{delivery} {late}: {checks} checks");
            assert!(summary.longest_fork <= 1_010, "{delivery} {late}: {} ‰", summary.longest_fork);
            assert_eq!(summary.posts, [["is still running"]], "{delivery} {late}");
            forks += u32::from(summary.longest_fork > 0);
        }
    }
    assert!(forks > 20, "{forks} copies had a check of their own: too few to show anything");
}

/// All is dated by Google's answers; the container's clock counts for one that has no date, and then it costs no more
/// checks than it is ahead.
#[test]
fn a_wrong_clock_costs_at_most_what_it_is_ahead_by() {
    let (interval, limit) = (60, 20);
    let made = |skew: i64, undated: Option<u64>| {
        // Looks and tasks take turns, and the sentinel's task follows the first.
        let number = |look| if look == 0 { 0 } else { 2 * look + 1 };
        let effects = undated.map(|look| (number(look), Effect::Garbage { done: true, kind: 5 }));
        let kickoffs = vec![Kickoff::plain(DAY, Kind::Name, interval, limit, 3 * DAY)];
        let script = Some(script(effects.into_iter().collect(), [].into()));
        kept(Plan { kickoffs, skews: vec![skew * 1_000], script, ..Plan::empty() }).figures["checks"]
    };
    let mut worst = 0;
    for skew in [-600, -61, -30, 0, 29, 31, 60, 61, 300, 599, 600] {
        assert_eq!(made(skew, None), u64::from(limit), "{skew} s");
        for look in 0..u64::from(limit) {
            let lost = u64::from(limit) - made(skew, Some(look));
            let most = u64::try_from(skew).unwrap_or(0).div_ceil(u64::from(interval));
            assert!(lost <= most, "{skew} s, look {look}: {lost} checks are lost, {most} may be");
            worst = worst.max(lost);
        }
    }
    assert_eq!(worst, 10, "ten minutes are ten checks");
}

#[test]
fn cannot_tell_does_not_swallow_a_later_end() {
    let refused = Effect::Refused(403, "PERMISSION_DENIED", None);
    for access in [Access::Webhook, Access::Bot] {
        for delivery in 0..3 {
            for late in [15 * MINUTE, 3 * HOUR, 30 * HOUR] {
                let kickoffs = vec![Kickoff::plain(DAY, Kind::Name, 60, 30, 10 * MINUTE)];
                // Looks and tasks take turns, and the sentinel's task follows the first: two looks in a row are refused.
                let deliveries = [(delivery, Disorder::Again(late))].into();
                let script = Some(script([(3, refused), (5, refused)].into(), deliveries));
                let summary = kept(Plan { access, kickoffs, script, ..Plan::empty() });
                let told = [["outcome unknown", "succeeded"]];
                assert_eq!(summary.posts, told, "{access:?} {delivery} {late}");
            }
        }
    }
}

/// A copy of the kickoff came so late that it asked for a later check than the watch, and so a message of its own follows it. By
/// the time that it sees the end, the report's name is free again.
#[test]
fn a_second_message_that_follows_a_watch_ends_though_its_report_was_sent() {
    for (seed, ledger) in (0..20).flat_map(|seed| [(seed, false), (seed, true)]) {
        let kickoff = Kickoff { notify: Some("live"), ..Kickoff::plain(DAY, Kind::Name, 86_400, 5, DAY) };
        let script = Some(script([].into(), [(0, Disorder::Again(13 * HOUR))].into()));
        let kickoffs = vec![kickoff];
        kept(Plan { seed, access: Access::Bot, ledger, kickoffs, script, ..Plan::empty() });
    }
}

/// The books refuse a delivery that asks for the name under which it was delivered.
#[test]
fn no_run_of_errors_ends_a_watch_by_its_own_name() {
    let mut pushes = 0;
    for kind in [Kind::Name, Kind::Datastore, Kind::Firestore] {
        for effect in [
            Effect::Refused(503, "UNAVAILABLE", Some(30)),
            Effect::Refused(403, "PERMISSION_DENIED", None),
            Effect::TimedOut,
            Effect::Lost,
            Effect::LostLate,
            Effect::Garbage { done: true, kind: 0 },
            Effect::CrashAfter,
        ] {
            for from in 0..8 {
                for run_of in [1, 2, 5, 12, 30] {
                    let effects = (from..from + run_of).map(|number| (number, effect)).collect();
                    let deliveries = [(from % 4, Disorder::Again(26 * HOUR))].into();
                    let kickoffs = vec![Kickoff::plain(DAY, kind, 60, 4, 150 * SECOND)];
                    let script = Some(script(effects, deliveries));
                    pushes += kept(Plan { kickoffs, script, attempts: 20, ..Plan::empty() }).pushes;
                }
            }
        }
    }
    assert!(pushes > 5_000, "{pushes} pushes");
}

/// An instance that stood still goes on with what it saw long ago. By then names are free again, and a step that it took would begin a
/// second chain.
#[test]
fn an_instance_that_wakes_hours_later_takes_no_step() {
    let mut frozen = 0;
    for access in [Access::Webhook, Access::Bot] {
        for seed in 0..20 {
            let kinds = [Kind::Name, Kind::Datastore, Kind::Firestore];
            let kickoffs = (0..6).map(|index| Kickoff {
                notify: (access == Access::Bot).then_some("live"),
                ..Kickoff::plain(DAY + index * MINUTE, kinds[index as usize % 3], 60, 40, 30 * MINUTE)
            });
            let summary = kept(Plan {
                seed,
                access,
                kickoffs: kickoffs.collect(),
                rates: [(Fault::Freeze, 0.05)].into(),
                skews: vec![0; 3],
                around: Surroundings { names: (0, 10 * MINUTE), ..Surroundings::default() },
                ..Plan::empty()
            });
            frozen += summary.injected.get(&Fault::Freeze).copied().unwrap_or(0);
        }
    }
    assert!(frozen > 200, "{frozen} instances stood still: too few to show anything");
}

/// What fails may be each of a watch's reads, its starts or its reports alone, for as long as it likes.
#[test]
fn no_error_that_passes_swallows_what_comes_after_it() {
    use super::engine::plan::Fault::{
        ApiLost, ApiPassing, CrashAfter, ListLag, SlackLimit, SlackLost, SlackNotOk, TasksLost,
    };
    let kickoffs = |count: u64| {
        let kinds = [Kind::Name, Kind::Datastore, Kind::Firestore, Kind::Twin];
        let kickoff = |index: u64| {
            let kind = kinds[index as usize % kinds.len()];
            Kickoff::plain(DAY + index * MINUTE, kind, 30, 40, 2 * MINUTE + index * 30 * SECOND)
        };
        (0..count).map(kickoff).collect::<Vec<_>>()
    };
    for (seed, faults) in (0..).zip([
        vec![(ApiPassing, 0.9)],
        vec![(ApiLost, 0.9)],
        vec![(ApiLost, 0.5), (ListLag, 0.5)],
        vec![(SlackLimit, 0.9)],
        vec![(SlackLost, 0.7), (SlackNotOk, 0.5)],
        vec![(TasksLost, 0.6)],
        vec![(CrashAfter, 0.5)],
        vec![(ApiPassing, 0.5), (SlackNotOk, 0.5), (TasksLost, 0.3), (CrashAfter, 0.2)],
    ]) {
        for access in [Access::Webhook, Access::Bot] {
            let plan = Plan {
                seed,
                access,
                kickoffs: kickoffs(12),
                rates: faults.iter().copied().collect(),
                ..Plan::empty()
            };
            let ended: Ms = kept(plan).posts.iter().map(|posts| posts.len() as u64).sum();
            assert!(ended >= 12, "{ended} messages");
        }
    }
}
