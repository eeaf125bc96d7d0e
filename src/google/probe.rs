//! Calls that change nothing, for `opwatch doctor`: what is there, and what the caller may do with it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{Call, CallError, Google, NoToken};
use crate::net::endpoints::Api;
use crate::net::transport::Method;
use crate::services::Service;

/// More permissions than this are refused by `testIamPermissions`
/// (<https://github.com/NicholasSpringer/thunder-ctf/blob/master/scripts/test-permissions.py> asks for as many).
pub const PERMISSIONS_PER_CALL: usize = 100;

#[derive(Default, Deserialize)]
struct Granted {
    #[serde(default)]
    permissions: Vec<String>,
}

impl Google {
    /// Gets a token, as every call does.
    ///
    /// # Errors
    /// With the reason why there is none.
    pub async fn probe_token(&self, limit: Duration) -> Result<(), NoToken> {
        let endpoint = self.endpoints.get(Api::CloudTasks);
        let token = tokio::time::timeout(limit, self.tokens.for_endpoint(&endpoint)).await;
        token.unwrap_or_else(|_| Err(NoToken::new(&format!("no response within {limit:?}")))).map(|_| ())
    }

    /// Asks for a list of operations of `service` at `path`; gives the server's time.
    ///
    /// # Errors
    /// When the operations can't be listed.
    pub async fn probe_operations(
        &self,
        service: Service,
        path: &str,
        limit: Duration,
    ) -> Result<Option<DateTime<Utc>>, CallError> {
        self.get(Api::Operations(service), path, limit).await
    }

    /// Looks whether the topic is there.
    ///
    /// # Errors
    /// When it is not, or may not be seen.
    pub async fn probe_topic(&self, topic: &str, limit: Duration) -> Result<(), CallError> {
        self.get(Api::PubSub, &format!("v1/{topic}"), limit).await.map(|_| ())
    }

    /// Which of `permissions` the caller has on `resource`, of which a missing one grants nothing; and the server's time. At
    /// most [`PERMISSIONS_PER_CALL`] may be asked for.
    ///
    /// # Errors
    /// When the API can't be asked.
    pub async fn probe_permissions(
        &self,
        api: Api,
        resource: &str,
        permissions: &[&str],
        limit: Duration,
    ) -> Result<(Vec<String>, Option<DateTime<Utc>>), CallError> {
        let version = if api == Api::CloudTasks { "v2" } else { "v1" };
        let path = format!("{version}/{resource}:testIamPermissions");
        let body = json!({"permissions": permissions}).to_string().into_bytes();
        let call = Call { api, method: Method::Post, path: &path, body, repeatable: true, longest: None };
        let success = self.call(call, limit).await?;
        let granted: Granted = serde_json::from_slice(&success.body).unwrap_or_default();
        Ok((granted.permissions, success.date))
    }

    async fn get(&self, api: Api, path: &str, limit: Duration) -> Result<Option<DateTime<Utc>>, CallError> {
        self.call(Call::get(api, path), limit).await.map(|success| success.date)
    }
}
