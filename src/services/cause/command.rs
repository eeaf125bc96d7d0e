//! The commands that fix a cause, with everything filled in that is known.

use super::Cause;
use crate::services::Service;
use crate::text::shell_word;

/// The custom role's name, as `deploy/up` has it by default.
const ROLE: &str = "opwatch";

impl Cause {
    /// Whether [`Self::command`] fixes it, and does not only show what is to be fixed.
    pub fn is_fixed_by_command(&self) -> bool {
        matches!(
            self,
            Self::ApiDisabled { .. }
                | Self::NoBilling { .. }
                | Self::CallerLacks { .. }
                | Self::AgentLacks { .. }
                | Self::NoBucket { .. }
        )
    }

    /// The commands to paste into a shell that fix it, or show what is to be fixed; `None` when no command does. In capital
    /// letters is what nothing here knows. `as_service` tells whether opwatch's service account made the call, and not a
    /// person's own login.
    pub fn command(&self, as_service: bool) -> Option<String> {
        Some(match self {
            Self::ApiDisabled { api, project } => {
                format!("gcloud services enable {api} --project={}", shell_word(project))
            }
            Self::NoBilling { project } => {
                let project = shell_word(project);
                format!(
                    "gcloud billing projects describe {project}\n\
                     gcloud billing projects link {project} --billing-account=BILLING_ACCOUNT"
                )
            }
            // https://cloud.google.com/vpc-service-controls/docs/troubleshooting#unique-id
            Self::Perimeter { project, id: Some(id) } => format!(
                "gcloud logging read 'log_id(\"cloudaudit.googleapis.com/policy\") AND \
                 protoPayload.metadata.vpcServiceControlsUniqueId=\"{id}\"' --project={}",
                shell_word(project)
            ),
            Self::WrongProject { project } => format!("gcloud projects describe {}", shell_word(project)),
            Self::CallerLacks { project, service, imports, .. } => {
                grant_role(project, *service, *imports, as_service)
            }
            // The role that the documentation asks for:
            // https://firebase.google.com/docs/firestore/manage-data/export-import#assign_roles_to_the_service_agent
            Self::AgentLacks { agent, bucket, project } => format!(
                "gcloud storage buckets add-iam-policy-binding gs://{} --role=roles/storage.admin --member={}",
                bucket.as_deref().unwrap_or("BUCKET"),
                member_of_agent(agent.as_deref(), project)
            ),
            Self::NoBucket { bucket, project } => format!(
                "gcloud storage buckets create gs://{} --location=LOCATION_OF_THE_DATABASE --project={}",
                bucket.as_deref().unwrap_or("BUCKET"),
                shell_word(project)
            ),
            Self::BucketElsewhere { bucket, project, database } => format!(
                "gcloud storage buckets describe gs://{} --format='value(location)'\n\
                 gcloud firestore databases describe --database={} --project={} --format='value(locationId)'",
                bucket.as_deref().unwrap_or("BUCKET"),
                shell_word(database),
                shell_word(project)
            ),
            Self::NoDatabase { project, .. } => {
                format!("gcloud firestore databases list --project={}", shell_word(project))
            }
            Self::Perimeter { id: None, .. }
            | Self::NotFound
            | Self::OtherMode { .. }
            | Self::PathExists { .. }
            | Self::Quota { .. }
            | Self::Invalid
            | Self::Gone => return None,
        })
    }
}

/// Makes a role of what opwatch needs and no more, as `deploy/up` does, and grants it.
fn grant_role(project: &str, service: Service, imports: bool, as_service: bool) -> String {
    let member = if as_service { "serviceAccount:OPWATCH_RUNTIME_ACCOUNT" } else { "user:YOUR_ACCOUNT" };
    let project = shell_word(project);
    format!(
        "gcloud iam roles create {ROLE} --project={project} --stage=GA \
         --permissions={}\n\
         gcloud projects add-iam-policy-binding {project} --condition=None --member={member} \
         --role=projects/{project}/roles/{ROLE}",
        service.role_permissions(imports)
    )
}

/// The agent, whose address has the project's number
/// (<https://cloud.google.com/firestore/docs/manage-data/export-import#service_agent_permissions>).
fn member_of_agent(agent: Option<&str>, project: &str) -> String {
    match agent {
        Some(agent) => format!("serviceAccount:{agent}"),
        None => format!(
            "serviceAccount:service-$(gcloud projects describe {} \
             --format='value(projectNumber)')@gcp-sa-firestore.iam.gserviceaccount.com",
            shell_word(project)
        ),
    }
}
