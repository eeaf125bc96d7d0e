//! Where logins are found.

use std::path::PathBuf;

/// Where to look for a login. What is missing is not looked at.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The file that `GOOGLE_APPLICATION_CREDENTIALS` names.
    pub named: Option<PathBuf>,
    /// The file that `gcloud auth application-default login` writes.
    pub well_known: Option<PathBuf>,
    /// The project of `GOOGLE_CLOUD_QUOTA_PROJECT`, whose quota counts instead of the one that the login names.
    pub quota_project: Option<String>,
    /// Whether the gcloud command may be asked, too.
    pub gcloud: bool,
}
