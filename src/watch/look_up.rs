//! How far a start has looked for what may run already.

use serde::{Deserialize, Serialize};

use super::StartRequest;
use crate::services::Operation;

/// The longest page token that rides in a message, in bytes.
const MAX_TOKEN_BYTES: usize = 1_024;

/// Where the look-up of a start goes on, when one push had no time for the whole list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct LookUp {
    /// The number of the query that is being read, from 0. After the last one, all are read.
    pub query: u32,
    /// The token of its next page; empty for its first page.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// The service refused a filter, so that another way is taken.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// The name of an operation that was found by its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl LookUp {
    /// Whether anything was read before.
    pub fn has_begun(&self) -> bool {
        self.query > 0 || !self.token.is_empty()
    }

    /// What of it may ride in a message: a token that is too long, or that would grow as JSON, is left out, and its query is
    /// read again from its beginning.
    #[must_use]
    pub fn bounded(mut self, request: &StartRequest) -> Self {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if self.token.len() > MAX_TOKEN_BYTES || !self.token.bytes().all(is_plain) {
            self.token = String::new();
        }
        self.found = self.found.filter(|name| is_beside(name, request));
        self
    }
}

/// Whether `name` is of an operation on the resource of `request`.
fn is_beside(name: &str, request: &StartRequest) -> bool {
    let of_resource =
        name.strip_prefix(request.resource()).is_some_and(|rest| rest.starts_with("/operations/"));
    of_resource && Operation::new(request.service(), name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{Service, StartMethod};

    fn request() -> StartRequest {
        let method = StartMethod::find(Service::DATASTORE, "export").unwrap();
        let (path, body) = ("projects/p:export".to_owned(), serde_json::Map::new());
        StartRequest { method, path, body, template: None }
    }

    #[test]
    fn it_has_begun_once_a_page_or_a_query_is_behind_it() {
        let of =
            |query, token: &str| LookUp { query, token: token.to_owned(), ..LookUp::default() }.has_begun();
        assert_eq!([of(0, ""), of(0, "a"), of(1, ""), of(1, "a")], [false, true, true, true]);
    }

    #[test]
    fn only_a_short_plain_token_and_a_name_of_the_resource_ride_in_a_message() {
        let token =
            |token: &str| LookUp { token: token.to_owned(), ..LookUp::default() }.bounded(&request()).token;
        let longest = "a".repeat(MAX_TOKEN_BYTES);
        assert_eq!((token("CAo_-="), token(&longest)), ("CAo_-=".to_owned(), longest.clone()));
        for bad in [&*format!("{longest}a"), "a b", "a\"b", "a\\b", "é"] {
            assert_eq!(token(bad), "", "{bad}");
        }
        let found = |name: &str| {
            LookUp { found: Some(name.to_owned()), ..LookUp::default() }.bounded(&request()).found
        };
        assert_eq!(found("projects/p/operations/x").as_deref(), Some("projects/p/operations/x"));
        for other in
            ["projects/q/operations/x", "projects/p/databases/d/operations/x", "projects/p/operations/", "x"]
        {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
