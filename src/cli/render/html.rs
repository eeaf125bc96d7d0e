//! The page that shows what would be told as Slack or Google Chat does.

use super::scene::Rendered;
use super::{Place, RenderArgs, Which};
use crate::fakes::chat::page as chat_page;
use crate::fakes::{ChannelMessage, Reader, page};
use crate::outlets::Part;
use crate::watch::Outcome;

pub(super) fn page_of(args: &RenderArgs, told: &Rendered) -> String {
    match args.outlet {
        Place::Slack => of_slack(args.part, told),
        Place::Chat => of_chat(args.part, told),
    }
}

fn of_chat(which: Which, told: &Rendered) -> String {
    let follows = told.outcome == Outcome::Running || which != Which::Whole;
    let message = |part: &Part| {
        let is_edited = *part == Part::Edit || (*part == Part::Whole && follows);
        chat_page::Shown {
            payload: Place::Chat.payload(&told.notice, *part),
            at: if is_edited { told.since } else { told.now },
            is_edited,
            // A failure is a message by itself.
            is_reply: which == Which::Thread && *part == Part::Reply && !told.outcome.is_trouble(),
        }
    };
    let messages: Vec<_> = which.parts().iter().map(message).collect();
    chat_page::page(&messages, Reader { locale: told.locale, zone: told.zone })
}

fn of_slack(which: Which, told: &Rendered) -> String {
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
            payload: Place::Slack.payload(&told.notice, *part),
            edits: usize::from(is_edited),
            deleted: false,
        }
    };
    let messages: Vec<_> =
        which.parts().iter().enumerate().map(|(index, part)| message(index, part)).collect();
    page(&messages, Reader { locale: told.locale, zone: told.zone })
}
