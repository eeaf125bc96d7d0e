//! The page that shows what would be told as Slack does.

use super::Which;
use super::scene::Rendered;
use crate::fakes::{ChannelMessage, Reader, page};
use crate::outlets::Part;
use crate::outlets::slack::payload;
use crate::watch::Outcome;

pub(super) fn page_of(which: Which, told: &Rendered) -> String {
    let follows = told.outcome == Outcome::Running || which != Which::Whole;
    let message = |index: usize, part: &Part| {
        let is_reply = which == Which::Thread && *part == Part::Reply;
        let is_edited = *part == Part::Edit || (*part == Part::Whole && follows);
        ChannelMessage {
            channel: "C0OPERATIONS".to_owned(),
            ts: format!("{index}.0"),
            thread_ts: is_reply.then(|| "0.0".to_owned()),
            // The channel's copy of the reply would only say it again.
            broadcast: false,
            at: if is_edited { told.since } else { told.now },
            payload: payload(&told.notice, *part),
            edits: usize::from(is_edited),
            deleted: false,
        }
    };
    let messages: Vec<_> =
        which.parts().iter().enumerate().map(|(index, part)| message(index, part)).collect();
    page(&messages, Reader { locale: told.locale, zone: told.zone })
}
