//! Events: each end of a watch is posted to one receiver as a `CloudEvent` in structured mode
//! (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md>), signed as Standard
//! Webhooks says. The URL and the secret are in no error.

mod event;
mod settings;
mod signature;

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "terminal")]
use chrono::{DateTime, Utc};
use secrecy::SecretString;

pub(super) use self::event::Event;
pub use self::settings::EventsArgs;
use self::signature::Key;
use crate::net::transport::{Answer, Failure, Method, Request, Transport};
use crate::outlets::access::{Access, Tools};
use crate::outlets::{About, Call, Content, Fault, Outlet, PostError, Sending, To};
use crate::watch::{Powers, Receipt, Report};

pub(super) const ID: &str = "events";
const TITLE: &str = "EVENTS_URL";

/// What was seen of an operation as an event, on one line; `eta` is when one that runs is expected to end.
#[cfg(feature = "terminal")]
pub fn line(report: &Report, id: &str, source: String, eta: Option<DateTime<Utc>>) -> String {
    serde_json::to_string(&Event::seen(report, id, source, eta)).unwrap_or_default()
}

/// Where events go, and what they are signed with.
#[derive(Clone, Debug)]
struct Receiver {
    url: SecretString,
    key: Key,
}

impl Access for Receiver {
    fn id(&self) -> &'static str {
        ID
    }

    fn powers(&self) -> Powers {
        Powers::default()
    }

    fn open(&self, tools: &Tools) -> Arc<dyn Outlet> {
        Arc::new(Events { transport: Arc::clone(&tools.transport), receiver: self.clone() })
    }
}

/// The outlet.
struct Events {
    transport: Arc<dyn Transport>,
    receiver: Receiver,
}

impl Events {
    async fn send(&self, end: &Report, about: About<'_>, call: Call) -> Result<(), PostError> {
        let id = about.id();
        let body = serde_json::to_vec(&Event::of(end, &id, about.topic)).unwrap_or_default();
        let timestamp = call.now.timestamp();
        let headers = vec![
            ("content-type".into(), "application/cloudevents+json; charset=utf-8".to_owned()),
            ("webhook-timestamp".into(), timestamp.to_string()),
            ("webhook-signature".into(), self.receiver.key.sign(&id, timestamp, &body)),
            ("webhook-id".into(), id),
        ];
        let url = self.receiver.url.clone();
        let request = Request { method: Method::Post, url, token: None, headers, body, longest: None };
        let answer = self.transport.send(request, call.limit).await.map_err(|failure| no_answer(&failure))?;
        judge(&answer)
    }
}

impl Outlet for Events {
    fn id(&self) -> &'static str {
        ID
    }

    fn title(&self) -> &'static str {
        TITLE
    }

    fn powers(&self) -> Powers {
        Powers::default()
    }

    fn post<'a>(&'a self, _: To<'a>, content: Content<'a>, call: Call) -> Sending<'a, Option<Receipt>> {
        Box::pin(async move {
            let Some(end) = content.about.end() else { return Ok(None) };
            self.send(end, content.about, call).await?;
            Ok(None)
        })
    }

    /// Nothing can be asked of a receiver without an event.
    fn probe(&self, _: Duration) -> Sending<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn probed(&self) -> &'static str {
        "EVENTS_URL and EVENTS_SECRET are well-formed; whether the receiver accepts events was not checked"
    }
}

/// A 2xx is a delivery; 410 asks for no more; a redirect is never followed, since the signature is for this receiver.
fn judge(answer: &Answer) -> Result<(), PostError> {
    let fault = match answer.status {
        200..300 => return Ok(()),
        410 => Fault::Closed,
        408 | 425 | 429 | 500.. => Fault::Passing,
        0..200 | 300..400 => Fault::Foreign,
        400..500 => Fault::Access,
    };
    let (retry_after, date) = (answer.retry_after, answer.date);
    Err(PostError { retry_after, date, ..error(fault, format!("the receiver answered {}", answer.status)) })
}

fn no_answer(failure: &Failure) -> PostError {
    let ambiguous = !matches!(failure, Failure::NotConnected(_));
    PostError { ambiguous, ..error(Fault::Passing, failure.to_string()) }
}

fn error(fault: Fault, text: String) -> PostError {
    PostError::new(TITLE, fault, text, advice(fault))
}

fn advice(fault: Fault) -> &'static str {
    match fault {
        Fault::Passing => "none: retried automatically",
        Fault::Closed => {
            "this event is not sent again; unset EVENTS_URL and EVENTS_SECRET if the receiver is gone for good"
        }
        Fault::Foreign => "set EVENTS_URL to the receiver's current address: redirects are not followed",
        Fault::Access => {
            "check the receiver's log: its secret may differ from EVENTS_SECRET, or EVENTS_URL may be wrong"
        }
        Fault::Unclear
        | Fault::Content
        | Fault::Restricted
        | Fault::Target
        | Fault::Gone
        | Fault::Uneditable
        | Fault::Unknown => "please report this as a bug",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_answer_the_event_may_have_been_received_unless_nothing_was_sent() {
        let nowhere = no_answer(&Failure::NotConnected(String::new()));
        assert_eq!((nowhere.fault, nowhere.ambiguous), (Fault::Passing, false));
        let late = no_answer(&Failure::Broken(String::new()));
        assert_eq!((late.fault, late.ambiguous), (Fault::Passing, true));
    }

    #[test]
    fn a_refusal_says_what_to_do_and_when_to_try_again() {
        let (retry_after, date) = (Some(Duration::from_secs(7)), Some(crate::testing::at(5)));
        for (status, advice) in [
            (503, "retried automatically"),
            (410, "not sent again"),
            (302, "redirects are not followed"),
            (401, "may differ from EVENTS_SECRET"),
        ] {
            let answer = Answer { retry_after, date, ..crate::testing::answer(status, "") };
            let error = judge(&answer).unwrap_err();
            assert_eq!((error.outlet, error.retry_after, error.date), ("EVENTS_URL", retry_after, date));
            assert!(error.advice.contains(advice), "{status}: {}", error.advice);
            assert_eq!(error.text, format!("the receiver answered {status}"));
        }
        assert!(advice(Fault::Content).contains("report this as a bug"));
    }

    #[test]
    fn each_status_means_one_thing() {
        for status in 100..600_u16 {
            let answer = crate::testing::answer(status, "ok");
            let expected = match status {
                200..300 => None,
                410 => Some(Fault::Closed),
                408 | 425 | 429 | 500.. => Some(Fault::Passing),
                400..500 => Some(Fault::Access),
                _ => Some(Fault::Foreign),
            };
            let fault = judge(&answer).err().map(|error| error.fault);
            assert_eq!(fault, expected, "{status}");
        }
    }
}
