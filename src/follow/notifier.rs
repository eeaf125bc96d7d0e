//! Tells the outlet of ends, where that is asked for.

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;

use crate::clock::{CALL_LIMIT, Clock, SystemClock};
use crate::outlets::{About, Call, Content, Outlet, Part, To};
use crate::prose::{Context, notice};
use crate::watch::{Locale, Notify, Report, Routing};

/// The pauses before a report is posted again that was not taken.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30)];
/// A longer wait than this is not worth waiting for.
const MOST: Duration = Duration::from_secs(60);

/// Where ends are posted, and how.
#[derive(Clone)]
pub struct Notifier {
    /// The outlet.
    pub outlet: Arc<dyn Outlet>,
    /// Where in it, whom to mention, and of which ends.
    pub routing: Routing,
    /// The language.
    pub locale: Locale,
    /// The zone of times.
    pub zone: Tz,
}

impl Notifier {
    /// Whether this end is one to tell.
    pub(super) fn wants(&self, report: &Report) -> bool {
        self.routing.notify != Some(Notify::Failure) || report.outcome.is_trouble()
    }

    /// Posts `report`.
    ///
    /// # Errors
    /// With what the outlet said at last, and what to do.
    pub(super) async fn post(self, report: Report) -> Result<(), String> {
        let mut pauses = PAUSES.iter();
        loop {
            let now = SystemClock.now();
            let context = Context {
                topic: None,
                locale: self.locale,
                zone: self.zone,
                title: None,
                routing: Some(&self.routing),
                now,
            };
            let notice = notice(&report, &context);
            let whole = Content {
                notice: &notice,
                part: Part::Whole,
                plain: false,
                about: About::report("", &report),
            };
            let to = To::Target(self.routing.target.as_ref());
            let Err(error) = self.outlet.post(to, whole, Call { limit: CALL_LIMIT, now }).await else {
                return Ok(());
            };
            let pause = pauses.next().map(|pause| (*pause).max(error.retry_after.unwrap_or_default()));
            match pause.filter(|pause| error.may_pass() && *pause <= MOST) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(format!("the end was not posted: {error}; {}", error.advice)),
            }
        }
    }
}
