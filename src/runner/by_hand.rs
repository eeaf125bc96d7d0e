//! A start from a terminal: the tries of the service, with a sleep between them where the service has a task.

use std::sync::Arc;

use super::starter::{Starter, Turn};
use crate::clock::{Clock, Deadline};
use crate::decision::Decision;
use crate::google::Google;
use crate::policy::Policy;
use crate::services::Operation;
use crate::watch::{Adopted, Report, Start};

/// Starts operations for a person.
pub struct ByHand {
    starter: Starter,
    clock: Arc<dyn Clock>,
}

/// What a start came to.
#[derive(Debug)]
pub enum Begun {
    /// The operation runs, or has ended already; how it was recognised, when something else had started it.
    Operation(Operation, Option<Adopted>),
    /// Why nothing was started, or nothing is known of it.
    Not(Box<Report>),
}

impl ByHand {
    /// What `policy` allows is started through `google`.
    pub fn new(policy: Policy, google: Arc<Google>, clock: Arc<dyn Clock>) -> Self {
        Self { starter: Starter::new(policy, google), clock }
    }

    /// Starts what `start` asks for, unless it runs already. `say` is told why a try is repeated, and in how many seconds.
    pub async fn start(&self, start: Start, mut say: impl FnMut(&str, u64)) -> Begun {
        let mut start = start;
        loop {
            let now = self.clock.now();
            let turn = self.starter.look_up_and_start(&start, None, now, Deadline::start()).await;
            let Turn { decision, error, .. } = turn;
            match decision {
                Decision::Check(check, _) => return Begun::Operation(check.operation, check.adopted),
                Decision::Report(report) => {
                    // It was there, or ended at once.
                    let operation = report.operation.clone().filter(|_| report.reason.is_none());
                    let adopted = report.adopted;
                    return operation
                        .map_or(Begun::Not(report), |operation| Begun::Operation(operation, adopted));
                }
                Decision::Start(next, due) => {
                    let wait = (due - self.clock.now()).to_std().unwrap_or_default();
                    say(error.as_deref().unwrap_or_default(), wait.as_secs());
                    tokio::time::sleep(wait).await;
                    start = *next;
                }
                Decision::ReportAgain(report, _) => return Begun::Not(report),
                Decision::Test(test) => return Begun::Not(Box::new(Report::of_test(test.watch, now))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::google::Tokens;
    use crate::message::{Defaults, Received, read};
    use crate::net::endpoints::Endpoints;
    use crate::net::transport::{Failure, Method, Request, Sending, Transport};
    use crate::outlets;
    use crate::testing::{Fixed, answer, at, policy};
    use crate::trust::Origin;
    use crate::watch::{Message, Outcome, Powers};

    /// Answers each start in turn, and lists nothing.
    struct Starts(Mutex<Vec<(u16, &'static str)>>);

    impl Transport for Starts {
        fn send(&self, request: Request, _: Duration) -> Sending<'_> {
            let (status, body) = match request.method {
                Method::Get | Method::Delete => (200, "{}"),
                Method::Post | Method::Patch => self.0.lock().unwrap().remove(0),
            };
            assert!(request.url.expose_secret().contains("datastore.googleapis.com/v1/projects/demo"));
            Box::pin(async move { Ok::<_, Failure>(answer(status, body)) })
        }
    }

    async fn begun(answers: &[(u16, &'static str)]) -> (Begun, Vec<u64>) {
        let kickoff = br#"{"start": {"service": "datastore", "path": "projects/demo:export",
            "body": {"outputUrlPrefix": "gs://b"}}}"#;
        let received = Received { message_id: "m".to_owned(), published: at(0), origin: Origin::Public };
        let message = read(kickoff, &received, &Defaults::new(outlets::ADDRESSING)).unwrap();
        let Message::Start(start) = message else { panic!("no start") };
        let transport = Arc::new(Starts(Mutex::new(answers.to_vec())));
        let google = Google::new(transport, Tokens::new(Some("t".into())), Endpoints::default());
        let by_hand = ByHand::new(policy(Powers::default()), Arc::new(google), Arc::new(Fixed(at(0))));
        let mut waits = Vec::new();
        let begun = by_hand.start(*start, |_, seconds| waits.push(seconds)).await;
        (begun, waits)
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_fails_in_passing_is_repeated_and_a_refusal_is_not() {
        let started = (200, r#"{"name": "projects/demo/operations/x", "metadata": {}}"#);
        let (begun_at_last, waits) = begun(&[(503, "{}"), (429, "{}"), started]).await;
        assert!(
            matches!(&begun_at_last, Begun::Operation(operation, None) if operation.name().ends_with("/x"))
        );
        assert_eq!(waits.len(), 2, "{waits:?}");
        assert!(waits.iter().all(|seconds| (5..60).contains(seconds)), "{waits:?}");
        let (refused, waits) = begun(&[(403, "{}")]).await;
        let Begun::Not(report) = refused else { panic!("{refused:?}") };
        assert_eq!((report.outcome, waits), (Outcome::NotStarted, Vec::new()));
    }
}
