//! Google Chat, as two outlets: an app and an incoming webhook. They share what a notice looks like and what answers mean.

mod access;
mod answer;
mod app;
mod card;
mod ids;
mod pace;
mod settings;
mod webhook;

pub use self::card::{payload, plain_payload};
pub use self::ids::{mention, read_receipt};
pub use self::settings::ChatArgs;

pub(super) const ID: &str = "chat";
/// What people call it.
const TITLE: &str = "Google Chat";
/// Makes a post a reply in the thread that it names, or the first message of it.
const IN_THREAD: &str = "&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD";
