//! Reads lists of operations of any service, for a person.

use std::time::Duration;

use super::{Call, CallError, Google};
use crate::net::endpoints::{Api, Endpoint};
use crate::services::{ApiError, OperationList, OperationPage};

impl Google {
    /// Reads the page of `list` with this token; an empty one is that of the first page.
    ///
    /// # Errors
    /// When the page can't be had in time or can't be read.
    pub async fn page(
        &self,
        list: &OperationList,
        token: &str,
        size: u32,
        limit: Duration,
    ) -> Result<OperationPage, CallError> {
        let api = Api::Operations(list.service());
        let default = || Endpoint { base: list.base.clone(), loopback: false };
        let endpoint = self.endpoints.replaced(api).unwrap_or_else(default);
        let path = list.page(token, size);
        let success = self.call_at(endpoint, Call::get(api, &path), limit).await?;
        let date = success.date;
        let page = list.read(&success.body).map_err(|error| CallError::Unreadable { error, date })?;
        if page.next.as_deref() == Some(token) {
            let error = ApiError::of_text("the list of operations repeats a page");
            return Err(CallError::Unreadable { error, date });
        }
        Ok(page)
    }
}
