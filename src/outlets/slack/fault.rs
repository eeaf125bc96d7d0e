//! What can be the matter with a message that was not posted.

/// What is the matter with a message that was not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The same call may succeed later.
    Passing,
    /// A 2xx without Slack's `ok`, as a workflow or a proxy gives it: the message may have been taken.
    Unclear,
    /// Something other than Slack answered: a redirect, a proxy.
    Foreign,
    /// Slack does not like the contents: plain text may pass.
    Content,
    /// The workspace does not allow this message to apps: without its mention it may pass, or in another channel.
    Restricted,
    /// The channel does not take it: another may.
    Channel,
    /// The message to edit is not there, or can't be edited any more.
    Gone,
    /// A person must correct the webhook, the token or the app.
    Access,
    /// Refused with a word that is in none of Slack's references: a message with less in it may pass.
    Unknown,
}
