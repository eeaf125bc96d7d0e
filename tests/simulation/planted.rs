//! The simulator must be able to fail: each rule that the promises stand on is undone behind opwatch's back, and missed.

use std::collections::BTreeSet;

use opwatch::policy::Limits;

use super::engine::boundary::Boundary;
use super::engine::plan::{Fault, Plan, Planted};
use super::engine::rng::Rng;
use super::engine::run::run;

const WATCHES: usize = 12;

/// The first world that shows it, and how: with a ledger where it is the ledger's, which would hide others.
fn caught(planted: Planted) -> Option<(Plan, String)> {
    let ledger = matches!(planted, Planted::ClaimTaken | Planted::HeldIsSent);
    (0..200).find_map(|seed| {
        let mut plan =
            Plan { planted: Some(planted), ledger, ..Plan::of_seed(seed, WATCHES, &BTreeSet::new()) };
        match planted {
            Planted::PublicState | Planted::OpenGate => plan = plan.with_forgeries(3 * WATCHES as u64),
            Planted::SignalForks => plan = with(plan, Fault::SignalEarly),
            Planted::SentinelTwice | Planted::SentinelLost => plan = with(plan, Fault::CheckLost),
            // Only a watch that no fault touches surely has a sentinel.
            Planted::AdoptsWatched => {
                let (rates, windows, stops, forgeries) = ([].into(), Vec::new(), Vec::new(), 0);
                plan = Plan { rates, windows, stops, forgeries, adopts: true, ..plan };
                plan = with(plan, Fault::SignalForged);
            }
            Planted::FreeRungs => {
                plan.kickoffs.iter_mut().for_each(|kickoff| kickoff.until = Some(600));
            }
            Planted::BlindStart => {
                plan.rates.extend([(Fault::ListGone, 0.2), (Fault::Duplicate, 0.2), (Fault::ListLag, 0.0)]);
            }
            Planted::OneTurn => plan = plan.with_hanging_service(),
            Planted::PostsAgain => {
                plan.rates.insert(Fault::SlackPlace, 0.2);
            }
            Planted::LimitNever
            | Planted::LimitAlways
            | Planted::LimitEarly
            | Planted::LimitSilent
            | Planted::LimitTwice => plan = limited(plan),
            // Few operations stand still, and few of their watches are spared by every fault.
            Planted::NeverStalls => plan.kickoffs.iter_mut().for_each(|kickoff| kickoff.stuck = true),
            _ => {}
        }
        let violation = run(plan.clone()).violation?;
        Some((plan, violation))
    })
}

/// With low limits, and a burst that exceeds them.
fn limited(plan: Plan) -> Plan {
    let limits = Limits { starts_per_hour: 3, watches_per_minute: 5, notices_per_hour: 2, ..Limits::NONE };
    let mut rng = Rng::new(plan.seed);
    // Version 0.1 has no limits.
    Plan { boundary: Boundary::Internal, ..plan }.with_limits(limits, &mut rng)
}

/// With signals, and so much of one of their faults.
fn with(mut plan: Plan, fault: Fault) -> Plan {
    plan.rates.insert(fault, 0.2);
    Plan { signals: true, ..plan }
}

/// Each is seen for what it is: by the promise that it breaks.
#[test]
fn every_planted_fault_is_caught() {
    let mut missed = Vec::new();
    for (planted, promise) in [
        (Planted::NextName, ["fork", "checks"]),
        (Planted::ReportName, ["explained", "never ends"]),
        (Planted::Exists, ["without a cause", "without a cause"]),
        (Planted::RetryAfter, ["asked to wait", "asked this instance"]),
        (Planted::OkBody, ["in silence", "not told"]),
        (Planted::Grid, ["fork", "end of the grid"]),
        (Planted::Creator, ["by a copy", "not taken back"]),
        (Planted::TakeBack, ["says for ever that it runs", "says for ever that it runs"]),
        (Planted::Retry, ["in silence", "not told"]),
        (Planted::ClaimTaken, ["does not hold its claim", "is told again"]),
        (Planted::HeldIsSent, ["in silence", "not told"]),
        (Planted::PublicState, ["edits a message of", "can't be used"]),
        (Planted::NeverStarts, ["know no cause", "know no cause"]),
        (Planted::TroubleAtLimit, ["know no cause", "seen and not told"]),
        (Planted::LastCheck, ["no check for", "was due in Slack"]),
        (Planted::FirstRefusal, ["know no cause", "know no cause"]),
        (Planted::FirstTrouble, ["know no cause", "know no cause"]),
        (Planted::NeverAdopts, ["does already", "does already"]),
        (Planted::RetriesSoon, ["of its report comes after", "asked to wait"]),
        (Planted::NeverStalls, ["stands still", "stands still"]),
        (Planted::NeverEdits, ["edits,", "edits,"]),
        (Planted::ExpandsAtDelivery, ["under another path", "a path that is not its own"]),
        (Planted::HashExpanded, ["does already", "does already"]),
        (Planted::PathsTaken, ["know no cause", "know no cause"]),
        (Planted::SignalForks, ["fork", "is due at"]),
        (Planted::SentinelTwice, ["its sentinel runs", "explained"]),
        (Planted::SentinelLost, ["in silence", "not told"]),
        (Planted::AdoptsWatched, ["though w", "though w"]),
        (Planted::FreeRungs, ["fork", "checks"]),
        (Planted::BlindStart, ["starts a second time", "does already"]),
        (Planted::OneTurn, ["its start was due by", "know no cause"]),
        (Planted::ToldThrice, ["is told again", "is told again"]),
        (Planted::Repeats, ["ends again on the same way", "ends again on the same way"]),
        (Planted::OpenGate, ["of a stranger", "of a stranger"]),
        (Planted::LimitNever, ["above the limit", "above the limit"]),
        (Planted::LimitAlways, ["is refused by the limit", "is refused by the limit"]),
        (Planted::LimitEarly, ["is refused by the limit", "is refused by the limit"]),
        (Planted::LimitSilent, ["nobody hears that the limit", "nobody hears that the limit"]),
        (Planted::LimitTwice, ["a second message of the limit", "a second message of the limit"]),
        (Planted::PostsAgain, ["that it runs", "explained"]),
    ] {
        let Some((plan, violation)) = caught(planted) else {
            missed.push(format!("{planted:?} is not caught"));
            continue;
        };
        println!("{planted:?} is caught by seed {}: {violation}", plan.seed);
        if !promise.iter().any(|words| violation.contains(words)) {
            missed.push(format!("{planted:?}, seed {}: {violation}", plan.seed));
        }
        // The world shows it, and not a fault of its own.
        let without = run(Plan { planted: None, ..plan });
        missed.extend(without.violation.map(|violation| format!("without {planted:?}: {violation}")));
    }
    assert_eq!(missed, Vec::<String>::new());
}
