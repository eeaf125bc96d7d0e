//! What follows from the facts of an operation, and how they ride in messages.

use super::*;

#[test]
fn facts_of_a_deletion_are_told_by_their_words() {
    let is_deletion = |work: Option<&str>, state: Option<&str>| {
        let (work, state) = (work.map(str::to_owned), state.map(str::to_owned));
        OperationInfo { work, state, ..OperationInfo::default() }.is_deletion()
    };
    for (work, state, expected) in [
        (Some("DELETE_BACKUP"), None, true),
        (Some("delete"), None, true),
        (None, Some("DELETING"), true),
        (Some("CREATE"), Some("DELETING"), true),
        (Some("BULK_DELETE_DOCUMENTS"), None, false),
        (Some("CREATE"), Some("RUNNING"), false),
        (Some("BULK"), None, false),
        (None, None, false),
    ] {
        assert_eq!(is_deletion(work, state), expected, "{work:?} {state:?}");
    }
}

#[test]
fn a_percentage_is_that_of_what_matters_most() {
    let of = |done| Some(Progress { done, of: Some(100) });
    let count = Progress { done: 4, of: Some(100) };
    let all = OperationInfo {
        entities: of(1),
        bytes: of(2),
        overall: of(3),
        items: Some(Items { unit: Unit::Steps, count }),
        ..OperationInfo::default()
    };
    assert_eq!(all.percent(), Some(1));
    let unknown = Some(Progress { done: 1, of: None });
    let bytes = OperationInfo { entities: unknown, ..all.clone() };
    assert_eq!(bytes.percent(), Some(2), "the first that can be told");
    let overall = OperationInfo { entities: None, bytes: None, ..all.clone() };
    assert_eq!(overall.percent(), Some(3));
    assert_eq!(OperationInfo { overall: None, ..overall }.percent(), Some(4));
}

#[test]
fn facts_of_a_message_are_cut_to_what_one_may_carry() {
    let long = || Some("é".repeat(5_000));
    let facts = OperationInfo {
        work: long(),
        state: long(),
        target: long(),
        output: long(),
        prefix: long(),
        stage: Some("a\nb".repeat(500)),
        warnings: vec!["a\nb".repeat(500); 9],
        error: Some(ApiError { text: "é".repeat(5_000), ..ApiError::default() }),
        start: Some(DateTime::<Utc>::MAX_UTC),
        end: Some("2026-11-20T03:00:00Z".parse().unwrap()),
        ..OperationInfo::default()
    };
    let cut = facts.cut();
    let chars = |text: &Option<String>| text.as_ref().unwrap().chars().count();
    assert_eq!([&cut.work, &cut.state, &cut.stage].map(chars), [64, 64, 128]);
    assert_eq!([&cut.target, &cut.output, &cut.prefix].map(chars), [1_024; 3]);
    assert_eq!(cut.warnings.iter().map(|text| text.chars().count()).collect::<Vec<_>>(), [300; 3]);
    assert!(!cut.stage.unwrap().contains('\n') && !cut.warnings[0].contains('\n'));
    assert_eq!(cut.error.unwrap().text.chars().count(), 2_000);
    assert_eq!((cut.start, cut.end.is_some()), (None, true));
}

/// An older version reads what is left out as not there.
#[test]
fn what_is_not_so_is_left_out_of_a_message() {
    assert_eq!(json!(OperationInfo::default()), json!({}));
    let flags = OperationInfo { waits: true, endless: true, ..OperationInfo::default() };
    assert_eq!(json!(flags), json!({"waits": true, "endless": true}));
}
