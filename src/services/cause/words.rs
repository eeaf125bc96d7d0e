//! The rows that only the words of an error tell apart. Each has the public report of the words next to it.

use super::{Cause, Method, Row};
use crate::services::{Service, Status};

impl Row<'_> {
    /// By words, within what the status allows.
    pub(super) fn by_words(&self) -> Option<Cause> {
        let text = self.error.text.to_lowercase();
        let says = |words: &str| text.contains(words);
        match self.error.status {
            Status::PermissionDenied => self.denied(&says),
            Status::NotFound => self.not_found(&says),
            Status::InvalidArgument | Status::FailedPrecondition | Status::AlreadyExists => self.unfit(&says),
            Status::Missing
            | Status::Ok
            | Status::Cancelled
            | Status::Unknown
            | Status::DeadlineExceeded
            | Status::ResourceExhausted
            | Status::Aborted
            | Status::OutOfRange
            | Status::Unimplemented
            | Status::Internal
            | Status::Unavailable
            | Status::DataLoss
            | Status::Unauthenticated
            | Status::Other(_) => None,
        }
    }

    fn denied(&self, says: &dyn Fn(&str) -> bool) -> Option<Cause> {
        // https://github.com/GoogleCloudPlatform/terraform-google-cloud-functions/issues/109
        if says("vpcservicecontrolsuniqueidentifier") || says("prohibited by organization's policy") {
            return Some(self.perimeter(&perimeter_id(&self.error.text)));
        }
        // https://github.com/firebase/extensions/issues/1544
        if says("api has not been used in project") {
            return Some(self.api_disabled(None));
        }
        // https://github.com/GoogleCloudPlatform/java-docs-samples/issues/276
        if says("billing disabled") || says("billing to be enabled") || says("check billing account") {
            return Some(Cause::NoBilling { project: self.consumer() });
        }
        // https://github.com/dart-archive/gcloud/issues/162
        if says("permission denied on resource project") {
            return Some(Cause::WrongProject { project: self.consumer() });
        }
        // https://github.com/jkomoros/card-web/issues/579
        let starts_or_runs = matches!(self.attempt.method, Method::Start | Method::Run);
        if starts_or_runs && (says("does not have storage.") || says("access to google cloud storage")) {
            return Some(self.agent_lacks());
        }
        // https://github.com/googleapis/nodejs-firestore/issues/911 and
        // https://github.com/googleapis/google-cloud-java/issues/7697: what is not of the bucket is the caller's.
        let of_caller = says("the caller does not have permission") || says("insufficient permissions");
        (self.attempt.method == Method::Start && of_caller).then(|| self.caller_lacks())
    }

    fn not_found(&self, says: &dyn Fn(&str) -> bool) -> Option<Cause> {
        let starts_or_runs = matches!(self.attempt.method, Method::Start | Method::Run);
        // https://cloud.google.com/storage/docs/json_api/v1/status-codes#404-not-found
        if starts_or_runs && says("bucket") {
            return Some(Cause::NoBucket { bucket: self.bucket(), project: self.project() });
        }
        // https://github.com/googleapis/nodejs-firestore/issues/991, and "The database (default) does not exist for project
        // P" since there can be several.
        (says("database") && says("does not"))
            .then(|| Cause::NoDatabase { database: self.database(), project: self.project() })
    }

    fn unfit(&self, says: &dyn Fn(&str) -> bool) -> Option<Cause> {
        if self.error.is_path_taken() {
            let method = self.attempt.start.or_else(|| self.attempt.service.start_method())?;
            return Some(Cause::PathExists { field: method.location_field });
        }
        // https://github.com/googleapis/nodejs-firestore/issues/992, https://github.com/apache/airflow/pull/18569
        if says("can only operate on buckets spanning") {
            let (bucket, project) = (self.bucket(), self.project());
            return Some(Cause::BucketElsewhere { bucket, project, database: self.database() });
        }
        if says("bucket") && (says("does not exist") || says("not found")) {
            return Some(Cause::NoBucket { bucket: self.bucket(), project: self.project() });
        }
        // https://github.com/firebase/codelab-friendlychat-web/issues/534, https://github.com/dbcodeio/public/issues/673
        let service = self.attempt.service;
        if service == Service::FIRESTORE && (says("datastore mode") || says("cloud datastore projects")) {
            return Some(Cause::OtherMode { use_service: Service::DATASTORE });
        }
        // https://cloud.google.com/datastore/docs/firestore-or-datastore: the same the other way round.
        if service == Service::DATASTORE && (says("native mode") || says("cloud firestore projects")) {
            return Some(Cause::OtherMode { use_service: Service::FIRESTORE });
        }
        // https://github.com/firebase/firebase-tools/pull/2715
        if self.error.status == Status::FailedPrecondition && says("billing") {
            return Some(Cause::NoBilling { project: self.consumer() });
        }
        says("invalid project id").then(|| Cause::WrongProject { project: self.project() })
    }
}

/// The id behind `vpcServiceControlsUniqueIdentifier:`; empty without one.
fn perimeter_id(text: &str) -> String {
    let behind = text.split_once("vpcServiceControlsUniqueIdentifier:").map_or("", |(_, behind)| behind);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    behind.trim_start().chars().take_while(|c| is_plain(*c)).take(128).collect()
}

/// The first service account in `text`.
pub(super) fn service_account(text: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    let accounts = text.split(|c| !is_plain(c)).map(|word| word.trim_end_matches('.'));
    accounts
        .filter(|word| word.len() <= 128 && word.matches('@').count() == 1)
        .find(|word| word.ends_with(".gserviceaccount.com"))
        .map(str::to_owned)
}
