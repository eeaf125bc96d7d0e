//! What can go wrong at a stand-in, and for which requests it does.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::recorded::RecordedRequest;

/// How a stand-in misbehaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers this instead, without any effect.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Headers such as `Retry-After`.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Never answers; the connection stays open until the world is stopped.
    Hang,
    /// Closes the connection without any effect.
    Reset,
    /// Does what was asked, then closes the connection without an answer.
    DoneButLost,
    /// Does what was asked, then closes the connection in the middle of the answer's body.
    HalfBody,
}

impl Fault {
    /// An answer with this status and body, without further headers.
    pub fn answer(status: u16, body: &str) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.to_owned() }
    }
}

/// A fault and the requests it is for: an empty method or part stands for any.
#[derive(Debug)]
struct Rule {
    method: String,
    path_part: String,
    /// A part of the body.
    body_part: String,
    fault: Fault,
    /// Of this many such requests one meets it: the last.
    every: usize,
    /// How many such requests there were.
    seen: usize,
}

impl Rule {
    fn new(method: &str, path_part: &str, fault: Fault, every: usize) -> Self {
        let (method, path_part) = (method.to_owned(), path_part.to_owned());
        Self { method, path_part, body_part: String::new(), fault, every, seen: 0 }
    }

    /// One for the requests with this part in their body.
    fn with_body(body_part: &str, fault: Fault) -> Self {
        Self { body_part: body_part.to_owned(), ..Self::new("", "", fault, 1) }
    }

    fn is_for(&self, request: &RecordedRequest) -> bool {
        let body = self.body_part.as_bytes();
        (self.method.is_empty() || self.method == request.method)
            && request.path.contains(&self.path_part)
            && (body.is_empty() || request.body.windows(body.len()).any(|part| part == body))
    }
}

/// The faults planned at one stand-in.
#[derive(Debug, Default)]
pub(super) struct Faults {
    next: Vec<Rule>,
    always: Vec<Rule>,
}

impl Faults {
    pub(super) fn next(&mut self, method: &str, path_part: &str, fault: Fault) {
        self.next.push(Rule::new(method, path_part, fault, 1));
    }

    /// None ends what was planned before for the same requests.
    pub(super) fn always(&mut self, method: &str, path_part: &str, fault: Option<Fault>) {
        let is_same =
            |rule: &Rule| rule.method == method && rule.path_part == path_part && rule.body_part.is_empty();
        self.always.retain(|rule| !is_same(rule));
        self.always.extend(fault.map(|fault| Rule::new(method, path_part, fault, 1)));
    }

    pub(super) fn next_with(&mut self, body_part: &str, fault: Fault) {
        self.next.push(Rule::with_body(body_part, fault));
    }

    /// None ends what was planned before for the same part.
    pub(super) fn always_with(&mut self, body_part: &str, fault: Option<Fault>) {
        self.always.retain(|rule| rule.body_part != body_part);
        self.always.extend(fault.map(|fault| Rule::with_body(body_part, fault)));
    }

    /// Of each `every` such requests the last one meets `fault`.
    pub(super) fn every(&mut self, every: usize, method: &str, path_part: &str, fault: Fault) {
        self.always.push(Rule::new(method, path_part, fault, every));
    }

    /// The fault for `request`: the first planned once, else the last planned for good.
    pub(super) fn take(&mut self, request: &RecordedRequest) -> Option<Fault> {
        if let Some(found) = self.next.iter().position(|rule| rule.is_for(request)) {
            return Some(self.next.remove(found).fault);
        }
        let rule = self.always.iter_mut().rev().find(|rule| rule.is_for(request))?;
        rule.seen += 1;
        rule.seen.is_multiple_of(rule.every).then(|| rule.fault.clone())
    }
}

/// A response body that may break off.
#[derive(Debug)]
pub(super) struct Wire {
    data: Option<Bytes>,
    /// What `Content-Length` claims is still to come.
    claimed: u64,
    end: End,
}

#[derive(Debug, PartialEq)]
enum End {
    Whole,
    /// Breaks off, but first lets hyper flush what it has.
    Flush,
    Break,
}

/// The connection was closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
pub(super) struct Closed;

impl Wire {
    /// The whole body.
    pub(super) fn whole(body: String) -> Self {
        Self { claimed: body.len() as u64, data: Some(body.into()), end: End::Whole }
    }

    /// Half of the body, with the length of the whole.
    pub(super) fn half(body: String) -> Self {
        let claimed = body.len() as u64;
        let mut data = Bytes::from(body);
        data.truncate(data.len() / 2);
        Self { data: Some(data), claimed, end: End::Flush }
    }

    /// No answer at all: hyper drops a connection whose body fails, and with it the head it had not flushed.
    pub(super) fn none() -> Self {
        Self { data: None, claimed: 1, end: End::Break }
    }
}

impl Body for Wire {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(data) = self.data.take() {
            self.claimed -= data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            End::Break => Poll::Ready(Some(Err(Closed))),
            End::Flush => {
                self.end = End::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.end == End::Whole && self.claimed == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.claimed)
    }
}
