//! Whether each outlet can be reached.

use super::finding::Finding;
use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::hash::random_id;
use crate::outlets::{About, Call, Content, Fault, Outlet, Part, PostError, To, addressed};
use crate::policy::Route;
use crate::prose::{Context, notice};
use crate::settings::Settings;
use crate::watch::{Report, Target, Watch};

/// Whether `outlet` would take a message; with `post`, whether it takes one, in each place that the settings name.
pub(super) async fn check(outlet: &dyn Outlet, settings: &Settings, post: bool) -> Vec<Finding> {
    if !post {
        let result = outlet.probe(CALL_LIMIT).await;
        // Only a refusal says that nothing was posted.
        let refused = result.as_ref().map_or_else(PostError::refused, |()| true);
        let what = outlet.probed();
        return vec![finding(
            if refused { format!("{what} (nothing posted)") } else { what.to_owned() },
            result,
        )];
    }
    let own = settings.config.routing.target.as_ref().filter(|_| outlet.takes_addresses());
    let what = format!("posting to {}", outlet.title());
    let mut findings = vec![finding(what.clone(), send(outlet, settings, own).await)];
    for target in routed(outlet, settings, own) {
        let posted = send(outlet, settings, Some(target)).await;
        findings.push(finding(format!("{what} (ROUTES: {})", target.as_str()), posted));
    }
    findings
}

/// The places of `ROUTES` other than the default one, each once.
fn routed<'a>(outlet: &dyn Outlet, settings: &'a Settings, own: Option<&Target>) -> Vec<&'a Target> {
    let mut targets: Vec<&Target> = Vec::new();
    if outlet.takes_addresses() && outlet.powers().targets {
        for Route { target, .. } in &settings.config.policy.routes.0 {
            if own != Some(target) && !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    targets
}

/// Posts a test message.
async fn send(outlet: &dyn Outlet, settings: &Settings, target: Option<&Target>) -> Result<(), PostError> {
    let now = SystemClock.now();
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
    let notice = notice(&report, &context);
    let about = About::report(&settings.config.topic, &report);
    let whole = Content { notice: &notice, part: Part::Whole, plain: false, about };
    outlet.post(To::Target(target), whole, Call { limit: CALL_LIMIT, now }).await.map(|_| ())
}

fn finding(what: String, result: Result<(), PostError>) -> Finding {
    let Err(error) = result else { return Finding::good(what) };
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
