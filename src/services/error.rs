//! An error of an API, with the few of Google's error details that tell its cause.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Status;
use crate::text;

/// An error text longer than this many characters is cut: it rides in a message.
pub const ERROR_TEXT: usize = 2_000;
/// A detail longer than this many bytes is dropped.
const DETAIL: usize = 128;

/// An error as an API gave it, or as the call to it failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ApiError {
    /// `google.rpc.Code` of an operation's own error, HTTP status of a refused call, 0 when no answer came.
    pub code: i64,
    /// The code's name.
    #[cfg_attr(test, schemars(with = "String"))]
    #[serde(skip_serializing_if = "Status::is_missing")]
    pub status: Status,
    /// What the API said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// What its details say. An older version does not write it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub info: Option<Box<ErrorInfo>>,
}

/// What the details of Google's errors say
/// (<https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>). An empty text was not given. Each
/// is at most 128 characters that a shell and Slack take as they are, since commands to paste are made of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorInfo {
    /// `ErrorInfo.reason`, such as `SERVICE_DISABLED`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// `ErrorInfo.domain`, such as `googleapis.com`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// The API, such as `datastore.googleapis.com`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Whose quota, billing and settings count, such as `projects/123`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub consumer: String,
    /// The permission that is missing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub permission: String,
    /// The id under which VPC Service Controls logged the refusal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The quota that is used up.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub quota: String,
    /// The type of the first violated precondition, such as `VPC_SERVICE_CONTROLS`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub violation: String,
}

impl ApiError {
    /// An error with its texts cut to what a message may carry.
    pub fn new(code: i64, status: impl Into<Status>, text: &str) -> Self {
        Self { code, status: status.into(), text: text::cut(text, ERROR_TEXT), info: None }
    }

    /// An error in opwatch's words: the API gave none.
    pub fn of_text(text: &str) -> Self {
        Self::new(0, Status::Missing, text)
    }

    /// The same with what the `details` of a `google.rpc.Status` say.
    #[must_use]
    pub fn with_details(self, details: &[Value]) -> Self {
        Self { info: ErrorInfo::of(details).map(Box::new), ..self }
    }

    /// Whether it refuses a start because something was written to its output path before, in the words that people report
    /// (<https://github.com/htsuruo/firebase-extensions/pull/8>).
    pub fn is_path_taken(&self) -> bool {
        matches!(self.status, Status::InvalidArgument | Status::FailedPrecondition | Status::AlreadyExists)
            && self.text.to_lowercase().contains("path already exists")
    }

    /// Cuts its texts to their limits: for an error that comes from a message.
    #[must_use]
    pub(crate) fn cut(self) -> Self {
        let info = self.info.and_then(|info| info.cleaned()).map(Box::new);
        Self { info, ..Self::new(self.code, self.status, &self.text) }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.status.word()) {
            (0, "") => write!(f, "{}", self.text),
            (code, "") if self.text.is_empty() => write!(f, "{code}"),
            (code, "") => write!(f, "{code}: {}", self.text),
            (0, status) => write!(f, "{status}: {}", self.text),
            (code, status) => write!(f, "{code} {status}: {}", self.text),
        }
    }
}

impl ErrorInfo {
    /// What `details` say; `None` when that is nothing of use here.
    fn of(details: &[Value]) -> Option<Self> {
        let mut info = Self::default();
        for detail in details {
            let text = |pointer: &str| detail.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let first = |slot: &mut String, value: &str| {
                if slot.is_empty() {
                    value.clone_into(slot);
                }
            };
            match kind(detail) {
                "ErrorInfo" => {
                    first(&mut info.reason, text("/reason"));
                    first(&mut info.domain, text("/domain"));
                    first(&mut info.service, text("/metadata/service"));
                    first(&mut info.consumer, text("/metadata/consumer"));
                    first(&mut info.permission, text("/metadata/permission"));
                    first(&mut info.uid, text("/metadata/uid"));
                    first(&mut info.quota, text("/metadata/quota_limit"));
                }
                "PreconditionFailure" => {
                    first(&mut info.violation, text("/violations/0/type"));
                    if info.violation == VPC_SERVICE_CONTROLS {
                        first(&mut info.uid, text("/violations/0/description"));
                    }
                }
                "QuotaFailure" => {
                    first(&mut info.quota, text("/violations/0/quotaId"));
                    first(&mut info.quota, text("/violations/0/quotaMetric"));
                }
                _ => {}
            }
        }
        info.cleaned()
    }

    /// Without the texts that a command could not hold; `None` when none is left.
    fn cleaned(mut self) -> Option<Self> {
        let texts = [
            &mut self.reason,
            &mut self.domain,
            &mut self.service,
            &mut self.consumer,
            &mut self.permission,
            &mut self.uid,
            &mut self.quota,
            &mut self.violation,
        ];
        for text in texts {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-/@".contains(&byte);
            if text.len() > DETAIL || !text.bytes().all(is_plain) {
                text.clear();
            }
        }
        (self != Self::default()).then_some(self)
    }
}

/// The violation that a perimeter reports (<https://cloud.google.com/vpc-service-controls/docs/troubleshooting>).
pub(super) const VPC_SERVICE_CONTROLS: &str = "VPC_SERVICE_CONTROLS";

/// A longer delay is taken for this, in seconds.
const MAX_DELAY_SECONDS: f64 = 86_400.0;

/// How long `details` ask to wait (`google.rpc.RetryInfo`).
pub fn retry_delay(details: &[Value]) -> Option<Duration> {
    let retry = details.iter().find(|detail| kind(detail) == "RetryInfo")?;
    let seconds: f64 = retry.get("retryDelay")?.as_str()?.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds.ceil().min(MAX_DELAY_SECONDS)).ok()
}

/// `type.googleapis.com/google.rpc.ErrorInfo` is `ErrorInfo`.
fn kind(detail: &Value) -> &str {
    let name = detail.get("@type").and_then(Value::as_str).unwrap_or_default();
    name.strip_prefix("type.googleapis.com/google.rpc.").unwrap_or_default()
}

/// What can't be read counts as missing: a newer version may have written it.
pub(super) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_details_that_tell_a_cause_are_kept() {
        let uid = "eYhDkfYCu-dOCjuj8X4Am9-spkxs0-kX5YnhAJmc3PZ7pmNNfSsqtQ";
        // https://github.com/cloudquery/cloudquery/issues/1062
        let error = ApiError::new(403, "PERMISSION_DENIED", "").with_details(&[
            json!({"@type": "type.googleapis.com/google.rpc.PreconditionFailure",
                "violations": [{"type": "VPC_SERVICE_CONTROLS", "description": uid}]}),
            json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SECURITY_POLICY_VIOLATED",
                "domain": "googleapis.com",
                "metadata": {"service": "firestore.googleapis.com", "uid": uid, "consumer": "projects/p"}}),
        ]);
        let info = error.info.as_ref().unwrap();
        assert_eq!((info.reason.as_str(), info.uid.as_str()), ("SECURITY_POLICY_VIOLATED", uid));
        assert_eq!((info.consumer.as_str(), info.violation.as_str()), ("projects/p", VPC_SERVICE_CONTROLS));
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<ApiError>(&json).unwrap().cut(), error);
    }

    #[test]
    fn a_detail_that_no_command_could_hold_is_dropped() {
        let of = |reason: &str, service: &str| {
            let info = json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                "metadata": {"service": service}});
            ApiError::new(403, "", "").with_details(&[info]).info.map(|info| (info.reason, info.service))
        };
        assert_eq!(of("X", "a; rm -rf ~"), Some(("X".to_owned(), String::new())));
        assert_eq!(of("'", "$(x)"), None);
        assert_eq!(of("X", &"a".repeat(129)), Some(("X".to_owned(), String::new())));
        for details in [json!([]), json!([1, null, {}, {"@type": 7}, {"@type": "x.y/ErrorInfo"}])] {
            assert_eq!(ApiError::default().with_details(details.as_array().unwrap()).info, None);
        }
    }

    #[test]
    fn an_error_of_another_version_is_read_without_what_is_unknown() {
        for (json, reason) in [
            (r#"{"code": 403}"#, None),
            (r#"{"code": 403, "info": 7}"#, None),
            (r#"{"code": 403, "info": {"reason": "X", "new": 1}}"#, Some("X")),
        ] {
            let error: ApiError = serde_json::from_str(json).unwrap();
            assert_eq!((error.code, error.info.as_ref().map(|info| info.reason.as_str())), (403, reason));
        }
    }

    fn detail(kind: &str, fields: &Value) -> Value {
        let mut detail = fields.clone();
        detail["@type"] = json!(format!("type.googleapis.com/google.rpc.{kind}"));
        detail
    }

    #[test]
    fn each_kind_of_detail_tells_its_own_and_the_first_counts() {
        let info = |details: &[Value]| *ApiError::default().with_details(details).info.unwrap();
        let metadata =
            json!({"service": "s", "consumer": "c", "permission": "p", "uid": "u", "quota_limit": "q"});
        let whole = detail("ErrorInfo", &json!({"reason": "R", "domain": "d", "metadata": metadata}));
        let other = detail("ErrorInfo", &json!({"reason": "X", "domain": "x", "metadata": {"uid": "x"}}));
        let violations =
            |kind: &str| json!({"violations": [{"type": kind, "description": "D"}, {"type": "Z"}]});
        let perimeter = detail("PreconditionFailure", &violations(VPC_SERVICE_CONTROLS));
        let quota = |quota: &Value| detail("QuotaFailure", &json!({"violations": [quota]}));
        let expected = ErrorInfo {
            reason: "R".to_owned(),
            domain: "d".to_owned(),
            service: "s".to_owned(),
            consumer: "c".to_owned(),
            permission: "p".to_owned(),
            uid: "u".to_owned(),
            quota: "q".to_owned(),
            violation: String::new(),
        };
        assert_eq!(info(&[whole.clone(), other]), expected);
        let found = info(&[whole, perimeter.clone(), quota(&json!({"quotaId": "Q"}))]);
        assert_eq!(found, ErrorInfo { violation: VPC_SERVICE_CONTROLS.to_owned(), ..expected });
        assert_eq!(info(&[perimeter]).uid, "D");
        let terms = info(&[detail("PreconditionFailure", &violations("TOS"))]);
        assert_eq!((terms.violation.as_str(), terms.uid.as_str()), ("TOS", ""));
        assert_eq!(info(&[quota(&json!({"quotaId": "Q", "quotaMetric": "M"}))]).quota, "Q");
        assert_eq!(info(&[quota(&json!({"quotaMetric": "M"}))]).quota, "M");
        let longest = detail("ErrorInfo", &json!({"reason": "a".repeat(128)}));
        assert_eq!(info(&[longest]).reason.len(), 128);
    }

    #[test]
    fn an_error_is_told_with_what_is_known() {
        for (code, status, text, told) in [
            (0, "", "x", "x"),
            (0, "", "", ""),
            (503, "", "", "503"),
            (503, "", "x", "503: x"),
            (0, "ABORTED", "x", "ABORTED: x"),
            (409, "ABORTED", "x", "409 ABORTED: x"),
        ] {
            assert_eq!(ApiError::new(code, status, text).to_string(), told);
        }
    }

    #[test]
    fn a_path_is_taken_by_its_words_and_status() {
        let is_taken = |status, text| ApiError::new(400, status, text).is_path_taken();
        for status in [Status::InvalidArgument, Status::FailedPrecondition, Status::AlreadyExists] {
            assert!(is_taken(status.clone(), "Path already exists: gs://b/x"));
            assert!(!is_taken(status, "Bucket already exists"));
        }
        assert!(!is_taken(Status::Internal, "Path already exists"));
    }

    #[test]
    fn a_delay_is_whole_seconds_rounded_up() {
        let delay = |text: &str| {
            let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": text});
            retry_delay(&[retry]).map(|delay| delay.as_secs())
        };
        assert_eq!((delay("12s"), delay("0.5s"), delay("1.000000001s")), (Some(12), Some(1), Some(2)));
        assert_eq!(delay("1e400s"), Some(86_400));
        for text in ["", "s", "-1s", "12", "xs"] {
            assert_eq!(delay(text), None, "{text}");
        }
        assert_eq!(retry_delay(&[]), None);
    }
}
