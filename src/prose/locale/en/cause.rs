//! The causes of errors, and what to do about each.

use super::super::words::Scene;
use crate::services::{Cause, Service};

pub(super) fn cause(cause: &Cause, scene: Scene<'_>) -> String {
    let service = scene.service;
    match cause {
        Cause::ApiDisabled { api, project } => {
            format!("The API {api} is disabled in project {project}. Enable it; that takes a few minutes.")
        }
        Cause::NoBilling { project } => format!(
            "Project {project} has no active billing account, and {service} exports and imports need one. Link one to it."
        ),
        Cause::Perimeter { id, .. } => {
            let id = id.as_ref().map(|id| format!(" (unique id {id})")).unwrap_or_default();
            format!(
                "A VPC Service Controls perimeter blocked the call{id}. Give the unique id to the administrator of the \
                 perimeter, who can add an ingress or egress rule. No IAM role helps."
            )
        }
        Cause::WrongProject { project } => format!(
            "Google knows no project {project}, or it was deleted. Use the project's ID, not its name, and check its spelling."
        ),
        Cause::CallerLacks { permission, project, .. } => {
            let who = if scene.is_service { "The service account of opwatch" } else { "The account that asked" };
            let what = permission.as_ref().map_or("a permission".to_owned(), |name| format!("the permission {name}"));
            format!(
                "{who} lacks {what} in project {project}. Grant it a role with what opwatch needs and no more; if the \
                 role exists already, the second command is enough."
            )
        }
        Cause::AgentLacks { bucket, .. } => format!(
            "{service} reads and writes files as its service agent, and the agent has no access to {}. Grant it the access.",
            the_bucket(bucket.as_deref())
        ),
        Cause::NoBucket { bucket, .. } => format!(
            "There is no {}. Correct the name, or create the bucket in the location of the database.",
            bucket.as_ref().map_or("such bucket".to_owned(), |bucket| format!("bucket {bucket}"))
        ),
        Cause::BucketElsewhere { bucket, database, .. } => format!(
            "The location of {} does not fit the database {database}. Use a bucket in the database's location.",
            the_bucket(bucket.as_deref())
        ),
        Cause::NoDatabase { database, project } => format!(
            "Project {project} has no database {database}, or there is no such project. Correct the name, or create the \
             database."
        ),
        Cause::NotFound => {
            "The project, the database or the bucket does not exist. Correct the kickoff, or create what is missing."
                .to_owned()
        }
        Cause::OtherMode { use_service } => {
            let mode = if *use_service == Service::DATASTORE { "Datastore mode" } else { "Native mode" };
            format!(
                "The database is in {mode}, which the {service} API does not serve. Use \"service\": \"{use_service}\" with \
                 the path and the field names of that API."
            )
        }
        Cause::PathExists { field } => format!(
            "This path has been exported to before, and each export needs a new one. Put ${{datetime}} into {field}, for \
             example gs://my-backups/${{datetime}}."
        ),
        Cause::Quota { quota, starts } => {
            let quota = quota.as_ref().map(|quota| format!(" ({quota})")).unwrap_or_default();
            let limits = match starts {
                true => {
                    " A project may start 20 exports and imports a minute and run 50 at a time: spread them over time."
                }
                false => "",
            };
            format!("A quota or limit of {service} is used up{quota}.{limits}")
        }
        Cause::Invalid => {
            "The request is invalid. Fix the kickoff's body and publish it again.".to_owned()
        }
        Cause::Gone => {
            "The operation does not exist any more. Finished operations are kept for a limited time; look at the output \
             to see how it ended."
                .to_owned()
        }
    }
}

fn the_bucket(bucket: Option<&str>) -> String {
    bucket.map_or("the bucket".to_owned(), |bucket| format!("the bucket {bucket}"))
}
