//! Whether each outlet can be reached.

use super::finding::Finding;
use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::hash::random_id;
use crate::outlets::{About, Call, Content, Fault, Outlet, Part, PostError, To, addressed};
use crate::prose::{Context, notice};
use crate::settings::Settings;
use crate::watch::{Report, Watch};

/// Whether `outlet` would take a message; with `post`, whether it takes one.
pub(super) async fn check(outlet: &dyn Outlet, settings: &Settings, post: bool) -> Finding {
    let now = SystemClock.now();
    let (what, result) = if post {
        let context = Context {
            topic: Some(&settings.config.topic),
            locale: settings.config.locale,
            zone: settings.config.zone,
            title: None,
            routing: None,
            now,
        };
        let watch = Watch { id: random_id().unwrap_or_default(), ..Watch::default() };
        let report = addressed(&Report::of_doctor(watch, now), outlet);
        let target = settings.config.routing.target.as_ref().filter(|_| outlet.takes_addresses());
        let notice = notice(&report, &context);
        let about = About::report(&settings.config.topic, &report);
        let whole = Content { notice: &notice, part: Part::Whole, plain: false, about };
        let call = Call { limit: CALL_LIMIT, now };
        let what = format!("posting to {}", outlet.title());
        (what, outlet.post(To::Target(target), whole, call).await.map(|_| ()))
    } else {
        (outlet.probed().to_owned(), outlet.probe(CALL_LIMIT).await)
    };
    // Only a refusal says that nothing was posted.
    let refused = result.as_ref().map_or_else(PostError::refused, |()| true);
    let what = if post || !refused { what } else { format!("{what} (nothing posted)") };
    match result {
        Ok(()) => Finding::good(what),
        Err(error) => {
            // What the advice says of another try is for `serve`: nothing tries again here.
            let fix = match error.fault {
                Fault::Passing => "run doctor again",
                Fault::Content | Fault::Gone | Fault::Uneditable => "please report this as a bug",
                Fault::Unclear
                | Fault::Foreign
                | Fault::Restricted
                | Fault::Target
                | Fault::Access
                | Fault::Closed
                | Fault::Unknown => error.advice,
            };
            Finding::bad(what, error.to_string(), fix)
        }
    }
}
