//! Nobody else's trouble is a watch's: with Slack down, hanging or asking for quiet, or the ledger,
//! every check is where it is without.

use super::engine::plan::{Access, DAY, Down, Fault, HOUR, Kickoff, Kind, MINUTE, Ms, Plan, SECOND, Window};
use super::engine::run::run;

/// Watches of all sizes, of operations that never end, so that only their own checks are made.
fn plan(access: Access) -> Plan {
    let kickoffs = (0..40).map(|index| Kickoff {
        notify: (access == Access::Bot).then_some("live"),
        stuck: index % 3 == 0,
        ..Kickoff::plain(index * MINUTE, Kind::Name, 10 + 7 * index as u32, 40, 3 * DAY)
    });
    Plan { seed: 7, access, kickoffs: kickoffs.collect(), skews: vec![0, 0, 0], ..Plan::empty() }
}

/// Of each watch, but not of those that people go on with by pasting a line.
fn looks(plan: Plan) -> Vec<Vec<Ms>> {
    let watches = plan.kickoffs.len();
    let summary = run(plan);
    assert_eq!(summary.violation, None);
    summary.looks.into_iter().take(watches).collect()
}

#[test]
fn with_slack_in_trouble_no_check_is_later() {
    let down = Window { down: Down::Slack, from: 0, to: 12 * HOUR };
    for access in [Access::Webhook, Access::Bot] {
        let undisturbed = looks(plan(access));
        for (trouble, disturbed) in [
            ("down", Plan { windows: vec![down], ..plan(access) }),
            ("limits", Plan { rates: [(Fault::SlackLimit, 0.5)].into(), ..plan(access) }),
            ("loses answers", Plan { rates: [(Fault::SlackLost, 0.5)].into(), ..plan(access) }),
            ("refuses", Plan { rates: [(Fault::SlackRefused, 0.5)].into(), ..plan(access) }),
        ] {
            none_is_later(&looks(disturbed), &undisturbed, &format!("{access:?} {trouble}"));
        }
    }
}

/// Compared with no ledger at all.
#[test]
fn with_the_ledger_in_trouble_no_check_is_later() {
    let down = Window { down: Down::Ledger, from: 0, to: 12 * HOUR };
    for access in [Access::Webhook, Access::Bot] {
        let undisturbed = looks(plan(access));
        let with_ledger = || Plan { ledger: true, ..plan(access) };
        for (trouble, disturbed) in [
            ("works", with_ledger()),
            ("down", Plan { windows: vec![down], ..with_ledger() }),
            ("loses answers", Plan { rates: [(Fault::LedgerLost, 0.9)].into(), ..with_ledger() }),
            ("refuses", Plan { rates: [(Fault::LedgerRefused, 0.9)].into(), ..with_ledger() }),
            ("slow", Plan { rates: [(Fault::LedgerSlow, 1.0)].into(), ..with_ledger() }),
        ] {
            none_is_later(&looks(disturbed), &undisturbed, &format!("{access:?} {trouble}"));
        }
    }
}

fn none_is_later(disturbed: &[Vec<Ms>], undisturbed: &[Vec<Ms>], trouble: &str) {
    for (watch, (with, without)) in disturbed.iter().zip(undisturbed).enumerate() {
        let interval = (10 + 7 * watch as Ms) * SECOND;
        assert_eq!(with.len(), without.len(), "{trouble}: w{watch}");
        let latest = with.iter().zip(without).map(|(with, without)| with.saturating_sub(*without)).max();
        assert!(latest <= Some(interval), "{trouble}: w{watch} is {latest:?} ms late");
    }
}
