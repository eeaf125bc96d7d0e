//! The metadata server: <https://cloud.google.com/compute/docs/metadata/overview>.

use std::time::Duration;

use super::exchange::{Answered, Exchange};
use crate::net::endpoints::Api;
use crate::net::transport::{Method, Request};

const TOKEN: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
/// Elsewhere there is no response, and no command should wait for that.
const LIMIT: Duration = Duration::from_secs(2);

impl Exchange {
    /// Whether this machine has a service account.
    pub(super) async fn is_machine_known(&self) -> bool {
        self.of_machine().await.is_ok()
    }

    /// The token of the machine's service account.
    pub(super) async fn of_machine(&self) -> Result<Answered, String> {
        let endpoint = self.endpoints.get(Api::Metadata);
        let request = Request {
            method: Method::Get,
            url: format!("{}{TOKEN}", endpoint.base).into(),
            token: None,
            headers: vec![("metadata-flavor".into(), "Google".to_owned())],
            body: Vec::new(),
            longest: None,
        };
        self.send(request, endpoint.loopback, &[], LIMIT).await
    }
}
