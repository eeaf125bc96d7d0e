//! Pages of the Cloud Console.

use std::fmt::Write;

use crate::services::Operation;

const CONSOLE: &str = "https://console.cloud.google.com";

/// The page of the folder that `url` (`gs://bucket/folder/file`) is in; none for what is no such URL.
pub(super) fn bucket_page(url: &str) -> Option<String> {
    let path = url.strip_prefix("gs://")?;
    let (bucket, file) = path.split_once('/').unwrap_or((path, ""));
    // The export's metadata file lies in the export's folder; a prefix is a folder itself.
    let folder = if file.ends_with("_metadata") {
        file.rsplit_once('/').map_or("", |(folder, _)| folder)
    } else {
        file
    };
    let page = format!("{CONSOLE}/storage/browser/{}", encoded(&format!("{bucket}/{folder}")));
    (!bucket.is_empty()).then(|| page.trim_end_matches('/').to_owned())
}

/// The page that shows the operation, or what it works on.
pub(super) fn operation_page(operation: &Operation) -> Option<String> {
    // The console writes the default database's name so.
    operation.console(|part| encoded(if part == "(default)" { "-default-" } else { part }))
}

/// The Logs Explorer with the lines of `project` that match `filter`. A timestamp in the filter overrides the page's time range
/// (<https://cloud.google.com/logging/docs/view/logs-explorer-interface>).
pub(super) fn log_page(project: &str, filter: &str) -> String {
    format!("{CONSOLE}/logs/query;query={}?project={}", encoded(filter), encoded(project))
}

/// Percent-encoded but for what means nothing in a path, to a shell or to Slack.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Service;

    #[test]
    fn a_bucket_has_a_page() {
        let page = |url| bucket_page(url).unwrap_or_default().replace(CONSOLE, "");
        assert_eq!(
            page("gs://b/2026-11-23T03:00:00_1/2026-11-23T03:00:00_1.overall_export_metadata"),
            "/storage/browser/b/2026-11-23T03%3A00%3A00_1"
        );
        assert_eq!(page("gs://b"), "/storage/browser/b");
        assert_eq!(page("gs://b/nightly/"), "/storage/browser/b/nightly");
        assert_eq!(page("gs://b/<x>|é"), "/storage/browser/b/%3Cx%3E%7C%C3%A9");
        for none in ["", "gs://", "s3://b", "https://evil.com"] {
            assert_eq!(bucket_page(none), None, "{none}");
        }
    }

    #[test]
    fn the_log_has_a_page() {
        assert_eq!(
            log_page("example.com:p", "a=\"b\"\nc>=\"2026-11-23T03:00:00Z\"").replace(CONSOLE, ""),
            "/logs/query;query=a%3D%22b%22%0Ac%3E%3D%222026-11-23T03%3A00%3A00Z%22?project=example.com%3Ap"
        );
    }

    #[test]
    fn an_operation_has_the_page_of_its_database() {
        let page = |service, name| {
            operation_page(&Operation::new(service, name).unwrap()).unwrap().replace(CONSOLE, "")
        };
        assert_eq!(
            page(Service::DATASTORE, "projects/example.com:p/operations/x"),
            "/datastore/import-export?project=example.com%3Ap"
        );
        assert_eq!(
            page(Service::FIRESTORE, "projects/p/databases/(default)/operations/x"),
            "/firestore/databases/-default-/import-export?project=p"
        );
    }
}
