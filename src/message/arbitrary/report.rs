//! Reports.

use proptest::prelude::*;
use serde_json::Map;

use super::facts::{error, facts};
use super::{
    account, adopted, key, live, long_text, number, operation, option, origin, placeholders, request,
    templated, text, time, waits, watch,
};
use crate::json::Slip;
use crate::watch::{InvalidMessage, Outcome, Problem, ProblemKind, Reason, Report, Slot};

fn reason() -> BoxedStrategy<Reason> {
    prop_oneof![
        proptest::sample::select(vec![
            Reason::Gone,
            Reason::NotFound,
            Reason::Deleted,
            Reason::Denied,
            Reason::Refused,
            Reason::Unavailable,
            Reason::UnknownState,
            Reason::Late,
            Reason::ListDenied,
            Reason::ListRefused,
            Reason::Unclear,
            Reason::Other,
        ]),
        Just(Reason::NotAllowed { setting: "PROJECTS".to_owned() }),
        (any::<u32>()).prop_map(|most| Reason::Limit { setting: "MAX_STARTS_PER_HOUR".to_owned(), most }),
        outcome().prop_map(|outcome| Reason::EndedBefore { outcome }),
    ]
    .boxed()
}

fn unusable() -> BoxedStrategy<InvalidMessage> {
    let texts = (text(20), text(20), text(20));
    let why = (texts, any::<u32>(), any::<u32>(), 0_usize..26).prop_map(
        |((one, two, three), least, most, kind)| {
            let all = [
                ProblemKind::TooLarge { size: least as usize, most: most as usize },
                ProblemKind::NotBase64,
                ProblemKind::Empty,
                ProblemKind::NotJson { detail: one.clone(), slip: Slip::Python },
                ProblemKind::Duplicate,
                ProblemKind::RepeatsPath,
                ProblemKind::Character { code: one.clone() },
                ProblemKind::OtherField { field: one.clone() },
                ProblemKind::UnknownField,
                ProblemKind::Missing,
                ProblemKind::NoText,
                ProblemKind::NoObject,
                ProblemKind::Length { most: most as usize },
                ProblemKind::Number { least, most },
                ProblemKind::UnknownWord { allowed: one.clone() },
                ProblemKind::Form { form: one.clone() },
                ProblemKind::BadName { example: one.clone() },
                ProblemKind::OtherService { service: one.clone() },
                ProblemKind::Ambiguous { services: one.clone() },
                ProblemKind::NotAPlaceholder { found: one },
                ProblemKind::Reserved,
                ProblemKind::NotTogether { with: two.clone() },
                ProblemKind::Misplaced { with: two.clone() },
                ProblemKind::Below { setting: two.clone(), least },
                ProblemKind::NotAllowed { setting: two, value: three },
                ProblemKind::NeedsPower,
                ProblemKind::Other,
            ];
            all[kind].clone()
        },
    );
    (text(30), why, long_text(1_000), "[0-9]{0,20}")
        .prop_map(|(field, why, excerpt, message_id)| InvalidMessage {
            problem: Problem::new(&field, why),
            excerpt,
            message_id,
        })
        .boxed()
}

/// Any outcome.
pub(crate) fn outcome() -> BoxedStrategy<Outcome> {
    proptest::sample::select(vec![
        Outcome::Succeeded,
        Outcome::Failed,
        Outcome::Cancelled,
        Outcome::NotStarted,
        Outcome::LimitReached,
        Outcome::Notice,
        Outcome::Test,
        Outcome::CannotTell,
        Outcome::Lost,
        Outcome::Running,
        Outcome::Stalled,
    ])
    .boxed()
}

/// A report on its way, whether or not its parts go together.
pub(crate) fn report() -> BoxedStrategy<Report> {
    let verdict = (outcome(), option(reason()), option(error()), facts(), time());
    let start = (option(request()), placeholders(), option(time()));
    let about =
        (option(operation()), option(0_u32..=10_000), start, key(), (adopted(), origin(), option(account())));
    let less = (any::<bool>(), any::<bool>(), any::<bool>(), option("[a-z_]{1,30}"));
    let slot = option((text(20), any::<i64>(), any::<u32>()));
    let counts = (waits(), prop_oneof![3 => Just(0), 1 => 0_u32..12], option(0_u32..100));
    let posting = (number(), counts, less, live());
    (watch(), verdict, about, option(unusable()), posting, slot)
        .prop_map(|(watch, (outcome, reason, error, facts, at), about, notice, posting, slot)| {
            let slot = slot.map(|(of, at, number)| Slot { of, at, number });
            let (tries, (waits, unclear, unchanged), (plain, no_mention, digested, diverted), live) = posting;
            let (operation, attempt, (request, placeholders, asked), key, (adopted, origin, started_by)) =
                about;
            let published = asked.unwrap_or(at);
            let start =
                request.map(|request| templated(request, placeholders, &watch, published, key.as_deref()));
            Report {
                watch,
                outcome,
                reason,
                error,
                facts,
                at,
                operation,
                attempt,
                start,
                key,
                published_at: asked,
                adopted,
                origin,
                started_by,
                live,
                outlet: None,
                fallback_reason: diverted,
                notice,
                tries,
                claim_waits: waits,
                slot,
                as_plain_text: plain,
                no_mention,
                unclear,
                digested,
                unchanged,
                unknown_fields: Map::new(),
            }
        })
        .boxed()
}
