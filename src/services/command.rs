//! The gcloud command of an operation.

use super::Operation;
use super::name::matches;
use crate::text::shell_word;

/// Names for which gcloud has no command, or one that asks for something else: of most without saying so, because it puts the
/// default project in the place of what it has no flag for. `tests/row_commands.rs` has what gcloud asks for.
const WITHOUT: &[(&str, &[&str])] = &[
    ("aiplatform", &["operations/{}", "projects/{project}/locations/{}/ragEngineConfig/operations/{}"]),
    (
        "aiplatform",
        &[
            "projects/{project}/locations/{}/tensorboards/{}/experiments/{}/runs/{}/timeSeries/{}/operations/{}",
        ],
    ),
    (
        "auditmanager",
        &["organizations/{rest**}", "folders/{rest**}", "projects/{project}/locations/{}/operations/{}"],
    ),
    ("auditmanager", &["projects/{project}/locations/{}/operationIds/{}"]),
    ("beyondcorp", &["organizations/{rest**}"]),
    ("compute", &["locations/global/operations/{}"]),
    ("dataproc", &["projects/{project}/locations/{}/operations/{}"]),
    ("dlp.dlpJobs", &["projects/{project}/locations/{}/dlpJobs/{}"]),
    ("dns", &["projects/{project}/locations/{}/operations/{}"]),
    (
        "iam",
        &[
            "locations/{rest**}",
            "projects/{project}/locations/{}/workloadIdentityPools/{}/namespaces/{rest**}",
        ],
    ),
    ("logging", &["organizations/{rest**}", "folders/{rest**}", "billingAccounts/{rest**}"]),
    ("networkmanagement", &["organizations/{rest**}"]),
    ("spanner", &["projects/{project}/instanceConfigs/{}/ssdCaches/{}/operations/{}"]),
    ("speech", &["projects/{project}/locations/{}/operations/{}"]),
];

impl Operation {
    /// The gcloud command that shows (`describe`) or cancels (`cancel`) it.
    pub fn gcloud(&self, verb: &str) -> Option<String> {
        let row = self.service().row();
        let own = row.cancel.filter(|_| verb == "cancel");
        let command = own.or(row.gcloud.filter(|_| verb == "describe" || row.cancels))?;
        self.has_command().then(|| self.fill(&command.replace("VERB", verb), shell_word))
    }

    fn has_command(&self) -> bool {
        let of_service = WITHOUT.iter().filter(|(id, _)| *id == self.service().id());
        let mut forms = of_service.flat_map(|(_, forms)| forms.iter());
        // Which names have a part of any kind before `operations` is not documented, and gcloud takes none of them.
        !forms.any(|form| matches(self.name(), form)) && self.part("kind").is_none()
    }
}
