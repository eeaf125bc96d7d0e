//! What is done when following is over: cancelling, what is still to be posted, and the command that goes on.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::clock::CALL_LIMIT;
use crate::google::Google;
use crate::services::{Operation, Service};
use crate::text::shell_word;

/// Asks to cancel `operations` and waits for the posts under way; says what could not be done, and what was.
pub(super) async fn leave(
    google: &Arc<Google>,
    operations: Vec<Operation>,
    mut posts: JoinSet<Result<(), String>>,
) -> Vec<String> {
    let mut cancels = JoinSet::new();
    for operation in operations {
        let google = Arc::clone(google);
        cancels.spawn(async move {
            match google.cancel(&operation, CALL_LIMIT).await {
                Ok(()) => format!("asked to cancel {operation}"),
                Err(error) => format!("{operation} could not be cancelled: {error}"),
            }
        });
    }
    let mut notes = Vec::new();
    while let Some(note) = cancels.join_next().await {
        notes.extend(note.ok());
    }
    while let Some(posted) = posts.join_next().await {
        notes.extend(posted.ok().and_then(Result::err));
    }
    notes
}

/// The commands that go on watching `operations`: one for each service, since a name alone does not tell which it belongs to.
pub(super) fn commands(operations: &[Operation]) -> Vec<String> {
    let mut commands: Vec<(Service, String)> = Vec::new();
    for operation in operations {
        let (service, name) = (operation.service(), shell_word(operation.name()));
        match commands.iter_mut().find(|(of, _)| *of == service) {
            Some((_, command)) => *command = format!("{command} {name}"),
            None => commands.push((service, format!("opwatch wait --service {service} {name}"))),
        }
    }
    commands.into_iter().map(|(_, command)| command).collect()
}
