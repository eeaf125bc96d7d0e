//! What a look at an operation, or a failed call, may have shown.

use proptest::prelude::*;

use super::{long_text, option, text, time};
use crate::services::{ApiError, ERROR_TEXT, ErrorInfo, OperationInfo, Progress};

fn info() -> BoxedStrategy<ErrorInfo> {
    let detail = || prop_oneof!["[A-Za-z0-9._:/@-]{1,20}", "[A-Z]{128}"];
    (detail(), detail(), detail(), detail(), detail())
        .prop_map(|(reason, domain, service, consumer, uid)| {
            let (permission, quota, violation) = (reason.clone(), domain.clone(), service.clone());
            ErrorInfo { reason, domain, service, consumer, permission, uid, quota, violation }
        })
        .boxed()
}

pub(super) fn error() -> BoxedStrategy<ApiError> {
    (0_i64..600, text(20), long_text(ERROR_TEXT), option(info()))
        .prop_map(|(code, status, text, info)| {
            ApiError { info: info.map(Box::new), ..ApiError::new(code, status.as_str(), &text) }.cut()
        })
        .boxed()
}

pub(super) fn progress() -> BoxedStrategy<Progress> {
    (any::<u64>(), option(any::<u64>())).prop_map(|(done, of)| Progress { done, of }).boxed()
}

/// What a look may have shown.
pub(crate) fn facts() -> BoxedStrategy<OperationInfo> {
    let work = proptest::sample::select(&["EXPORT_ENTITIES", "IMPORT_DOCUMENTS", "<!here>"][..]);
    (
        option(work.prop_map(str::to_owned)),
        option(text(64)),
        (option(time()), option(time())),
        (option(progress()), option(progress()), option(progress())),
        (option(long_text(1_024)), option(long_text(1_024)), option(long_text(1_024))),
        option(error()),
    )
        .prop_map(
            |(work, state, (start, end), (entities, bytes, overall), (target, output, prefix), error)| {
                let filter = None;
                OperationInfo {
                    work,
                    state,
                    start,
                    end,
                    entities,
                    bytes,
                    overall,
                    target,
                    output,
                    prefix,
                    error,
                    filter,
                    ..OperationInfo::default()
                }
                .cut()
            },
        )
        .boxed()
}
