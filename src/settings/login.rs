//! Where the environment says that a login is.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::google::Places;

/// Where Google's own tools look for a login: the variables are theirs.
#[expect(clippy::disallowed_methods, reason = "settings read the environment")]
pub(crate) fn places() -> Places {
    let of = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let gcloud = of("CLOUDSDK_CONFIG").map(PathBuf::from);
    let gcloud = gcloud.or_else(|| Some(PathBuf::from(of("HOME")?).join(".config/gcloud")));
    Places {
        named: of("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from),
        well_known: gcloud.map(|folder| folder.join("application_default_credentials.json")),
        quota_project: of("GOOGLE_CLOUD_QUOTA_PROJECT").and_then(|project| project.into_string().ok()),
        gcloud: true,
    }
}
