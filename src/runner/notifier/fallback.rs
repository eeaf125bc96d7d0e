//! What a report leaves out when the outlet refuses it: step by step, so that its end arrives with as much as is accepted.

use std::fmt;

use super::{NotPosted, Notifier};
use crate::outlets::{Fault, Outlet};
use crate::watch::Report;

/// What the next try is without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runner) enum Dropped {
    /// Its mention.
    Mention,
    /// Its blocks: it is plain text.
    Blocks,
    /// Its own target: it goes to that of the settings.
    Target,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mention => "without the mention",
            Self::Blocks => "as plain text, without blocks",
            Self::Target => "in the settings' channel",
        })
    }
}

/// What may help against `fault`, in the order in which it is tried.
fn order(fault: Fault, is_edit: bool) -> &'static [Dropped] {
    match fault {
        Fault::Content => &[Dropped::Blocks, Dropped::Mention],
        Fault::Restricted => &[Dropped::Mention, Dropped::Target],
        Fault::Target => &[Dropped::Target],
        Fault::Unknown if !is_edit => &[Dropped::Mention, Dropped::Blocks, Dropped::Target],
        Fault::Unknown
        | Fault::Passing
        | Fault::Unclear
        | Fault::Foreign
        | Fault::Gone
        | Fault::Uneditable
        | Fault::Closed
        | Fault::Access => &[],
    }
}

impl Notifier {
    /// `report` as the next try sends it, and what that leaves out, if the outlet refused something that can be left out.
    pub(in crate::runner) fn reduced(
        &self,
        outlet: &dyn Outlet,
        report: Report,
        not_posted: &NotPosted,
    ) -> (Report, Option<Dropped>) {
        let NotPosted { error, is_edit, mentions } = not_posted;
        let has = |part: &Dropped| match part {
            Dropped::Mention => *mentions,
            Dropped::Blocks => !report.as_plain_text,
            Dropped::Target => report.fallback_reason.is_none() && self.has_other_target(outlet, &report),
        };
        let dropped = order(error.fault, *is_edit).iter().copied().find(has);
        let report = match dropped {
            None => report,
            Some(Dropped::Mention) => Report { no_mention: true, ..report },
            Some(Dropped::Blocks) => Report { as_plain_text: true, ..report },
            Some(Dropped::Target) => Report { fallback_reason: Some(error.word.clone()), ..report },
        };
        (report, dropped)
    }

    /// Whether the settings' target is not the one that `report` goes to.
    fn has_other_target(&self, outlet: &dyn Outlet, report: &Report) -> bool {
        let live = self.editable(report.live.as_ref()).and_then(|(outlet, live)| outlet.target_of(live));
        live.or_else(|| self.target(outlet, report)) != self.defaults_of(outlet).target
    }
}
