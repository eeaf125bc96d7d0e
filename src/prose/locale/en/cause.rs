//! The causes of errors, and what to do about each.

use super::super::words::Scene;
use crate::services::{Cause, Service};

pub(super) fn cause(cause: &Cause, scene: Scene<'_>) -> String {
    let service = scene.service;
    match cause {
        Cause::ApiDisabled { api, project } => {
            format!("The API {api} is disabled in project {project}. Enable it, and allow a few minutes for it to take effect.")
        }
        Cause::NoBilling { project } => format!(
            "Project {project} has no active billing account, and {service} exports and imports need one. Link one to the project."
        ),
        Cause::Perimeter { id, .. } => {
            let id = id.as_ref().map(|id| format!(" (unique ID {id})")).unwrap_or_default();
            format!(
                "A VPC Service Controls perimeter blocked the call{id}. Give the unique ID to the administrator of the \
                 perimeter, who can add an ingress or egress rule. Granting an IAM role does not help."
            )
        }
        Cause::WrongProject { project } => format!(
            "Project {project} does not exist or was deleted. Use the project's ID, not its name, and check the spelling."
        ),
        Cause::CallerLacks { permission, project, .. } => {
            let who = if scene.is_service { "opwatch's service account" } else { "The account that ran the command" };
            let what = permission.as_ref().map_or("a permission".to_owned(), |name| format!("the permission {name}"));
            format!(
                "{who} lacks {what} in project {project}. Grant it a role with only the permissions that opwatch \
                 needs. If the role already exists, run the first command with update in place of create, and \
                 --add-permissions in place of --permissions."
            )
        }
        Cause::AgentLacks { bucket, .. } => format!(
            "{service} reads and writes files as its service agent, which has no access to {}. Grant it access.",
            the_bucket(bucket.as_deref())
        ),
        Cause::NoBucket { bucket, .. } => format!(
            "{} does not exist. Correct the name, or create the bucket in the database's location.",
            bucket.as_ref().map_or("The bucket".to_owned(), |bucket| format!("The bucket {bucket}"))
        ),
        Cause::BucketElsewhere { bucket, database, .. } => format!(
            "The location of {} does not match that of the database {database}. Use a bucket in the database's location.",
            the_bucket(bucket.as_deref())
        ),
        Cause::NoDatabase { database, project } => format!(
            "Project {project} has no database {database}, or the project does not exist. Correct the name, or create the \
             database."
        ),
        Cause::NotFound => {
            "The project, the database or the bucket does not exist. Fix the kickoff, or create what is missing."
                .to_owned()
        }
        Cause::OtherMode { use_service } => {
            let mode = if *use_service == Service::DATASTORE { "Datastore mode" } else { "Native mode" };
            format!(
                "The database is in {mode}, which the {service} API does not support. Use \"service\": \"{use_service}\" with \
                 that API's path and field names."
            )
        }
        Cause::PathExists { field } => format!(
            "An earlier export already used this path, and each export needs a new one. Put ${{datetime}} into {field}, for \
             example gs://my-backups/${{datetime}}."
        ),
        Cause::Quota { quota, starts } => {
            let quota = quota.as_ref().map(|quota| format!(" ({quota})")).unwrap_or_default();
            let limits = match starts {
                true => {
                    " A project can start 20 exports and imports per minute and run 50 at a time. Spread them out."
                }
                false => "",
            };
            format!("A quota or limit of {service} is exhausted{quota}.{limits}")
        }
        Cause::Invalid => {
            format!("{service} rejected the request as invalid. Fix the kickoff's body and publish it again.")
        }
        Cause::Gone => {
            "The operation no longer exists. Finished operations are kept for a limited time; check the output to see how \
             it ended."
                .to_owned()
        }
    }
}

fn the_bucket(bucket: Option<&str>) -> String {
    bucket.map_or("the bucket".to_owned(), |bucket| format!("the bucket {bucket}"))
}
