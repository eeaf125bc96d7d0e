//! Where the token of the other identity provider is: a file or a URL, as text or in a field of JSON.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::net::endpoints::is_loopback;
use crate::net::transport::{Headers, MAX_ANSWER_BYTES};

/// The address of the metadata server in Azure, which speaks plain http
/// (<https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service>).
const AZURE: Host<&str> = Host::Ipv4(std::net::Ipv4Addr::new(169, 254, 169, 254));

/// The token of another identity provider.
pub(super) struct Subject {
    pub place: Place,
    /// The field that has it, if it is in JSON.
    field: Option<String>,
}

/// Where it is.
pub(super) enum Place {
    /// In a file.
    File(PathBuf),
    /// At a URL, which takes these headers. Both are secret.
    Url(SecretString, Headers),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    file: Option<PathBuf>,
    url: Option<String>,
    headers: Map<String, Value>,
    format: Format,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Format {
    #[serde(rename = "type")]
    kind: Option<String>,
    subject_token_field_name: Option<String>,
}

impl Subject {
    /// Reads `credential_source`. A relative file is one in `folder`.
    pub(super) fn of(source: &Value, folder: &Path) -> Result<Self, String> {
        let written: Option<Written> = serde_json::from_value(source.clone()).ok();
        let Written { file, url, headers, format } =
            written.ok_or("credential_source: must be an object with `file` or `url`")?;
        let field = match format.kind.as_deref().unwrap_or("text") {
            "text" => None,
            "json" => Some(format.subject_token_field_name.ok_or(
                "credential_source.format.subject_token_field_name: must name the field that has the token",
            )?),
            other => {
                return Err(format!("credential_source.format.type: {other:?} is neither text nor json"));
            }
        };
        let place = match (file, url) {
            (Some(file), None) => Place::File(folder.join(file)),
            (None, Some(url)) => Place::Url(checked(&url)?, written_headers(headers)?),
            (Some(_), Some(_)) => return Err("credential_source: has both `file` and `url`".to_owned()),
            (None, None) => return Err("credential_source: needs `file` or `url`".to_owned()),
        };
        Ok(Self { place, field })
    }

    /// The token in what the file or the URL has.
    pub(super) fn token(&self, text: &[u8]) -> Result<SecretString, String> {
        let token = match &self.field {
            None => String::from_utf8(text.to_vec()).ok(),
            Some(field) => serde_json::from_slice::<Value>(text)
                .ok()
                .and_then(|json| json.get(field).and_then(Value::as_str).map(str::to_owned)),
        };
        let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        let what = self
            .field
            .as_ref()
            .map_or("no text".to_owned(), |field| format!("no field {field:?} with a text"));
        token.map(SecretString::from).ok_or_else(|| format!("credential_source: there is {what}"))
    }
}

/// Reads a token's file.
pub(super) fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MAX_ANSWER_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The headers hold a secret, so without TLS they are sent to this machine and its metadata server only.
fn checked(text: &str) -> Result<SecretString, String> {
    let url = Url::parse(text).ok();
    let is_safe = |url: &Url| match url.scheme() {
        "https" => url.host().is_some(),
        "http" => url.host().is_some_and(|host| host == AZURE || is_loopback(&host)),
        _ => false,
    };
    let is_safe = url.as_ref().is_some_and(is_safe);
    is_safe.then(|| text.into()).ok_or_else(|| "credential_source.url: must be an https URL".to_owned())
}

fn written_headers(headers: Map<String, Value>) -> Result<Headers, String> {
    let headers = headers.into_iter().map(|(name, value)| {
        let fits = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let value = value.as_str().filter(|value| fits(value)).map(str::to_owned);
        let is_name = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let header = value.filter(|_| is_name).map(|value| (name.to_ascii_lowercase().into(), value));
        header.ok_or_else(|| format!("credential_source.headers: {name:?} can't be sent"))
    });
    headers.collect()
}
