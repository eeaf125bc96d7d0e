//! Nothing is sent when its time is over.

use std::sync::Arc;
use std::time::Duration;

use super::transport::{Failure, Request, Sending, Transport};

/// A transport that sends nothing without time for it.
///
/// An instance may stand still in the middle of a push, since Cloud Run gives it no CPU once the caller hung up
/// (<https://cloud.google.com/run/docs/configuring/billing-settings>). It goes on with what it saw hours ago, while another
/// instance has handled the push since: what it would send then is out of date.
pub struct InTime(Arc<dyn Transport>);

impl InTime {
    /// Sends by `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self(transport)
    }
}

impl Transport for InTime {
    fn send(&self, request: Request, limit: Duration) -> Sending<'_> {
        if limit.is_zero() {
            let late = Failure::NotConnected("no time was left to send it".to_owned());
            return Box::pin(std::future::ready(Err(late)));
        }
        self.0.send(request, limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::net::transport::Method;
    use crate::testing::answer;

    /// The limits of what was sent.
    #[derive(Default)]
    struct Sent(Mutex<Vec<Duration>>);

    impl Transport for Sent {
        fn send(&self, _: Request, limit: Duration) -> Sending<'_> {
            self.0.lock().unwrap().push(limit);
            Box::pin(std::future::ready(Ok(answer(200, "{}"))))
        }
    }

    fn request() -> Request {
        Request {
            method: Method::Get,
            url: "https://example.com".into(),
            token: None,
            headers: Vec::new(),
            body: Vec::new(),
            longest: None,
        }
    }

    #[tokio::test]
    async fn what_has_no_time_left_is_not_sent() {
        let sent = Arc::new(Sent::default());
        let transport = InTime::new(Arc::<Sent>::clone(&sent));
        let late = transport.send(request(), Duration::ZERO).await.unwrap_err();
        assert_eq!(late.to_string(), "connection failed: no time was left to send it");
        assert!(transport.send(request(), Duration::from_millis(1)).await.is_ok());
        assert_eq!(*sent.0.lock().unwrap(), [Duration::from_millis(1)]);
    }
}
