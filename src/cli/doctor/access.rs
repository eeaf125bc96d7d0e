//! Whether the operations of the services may be read whose lists need more than a project: by the permissions alone.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::finding::{Finding, fix};
use crate::clock::CALL_LIMIT;
use crate::google::{CallError, Google, PERMISSIONS_PER_CALL};
use crate::net::endpoints::Api;
use crate::services::{Attempt, Method, Place, Service};
use crate::text::shell_word;

/// A finding names services one by one up to this many, and more of them by their number.
const NAMED: usize = 3;

/// What is known of the permissions that were asked for.
#[derive(Default)]
struct Answers {
    granted: BTreeSet<String>,
    /// Permissions that Resource Manager does not know in projects.
    unknown: BTreeSet<String>,
    date: Option<DateTime<Utc>>,
}

/// A line for each problem with reading the operations of `services` in `project`, or one that says that there is none;
/// and the server's time.
pub(super) async fn check(
    google: &Google,
    services: &[Service],
    project: &str,
) -> (Vec<Finding>, Option<DateTime<Utc>>) {
    let services: Vec<Service> = services.iter().copied().filter(|service| is_checked(*service)).collect();
    let permissions: BTreeSet<&str> = services.iter().flat_map(|service| permissions(*service)).collect();
    let Some(&service) = services.first() else { return (Vec::new(), None) };
    let what = format!("reading operations of {} in {project}", named(&services));
    match ask(google, project, &permissions.into_iter().collect::<Vec<_>>()).await {
        Ok(answers) => (findings(&services, project, &what, &answers), answers.date),
        Err(error) => {
            let attempt = Attempt {
                service,
                method: Method::Other,
                ..Attempt::of_api("cloudresourcemanager", project)
            };
            let fix = fix(&error, "Resource Manager", &attempt, Some(grant_check(project)));
            (vec![Finding::bad(what, error.to_string(), fix)], error.date())
        }
    }
}

/// A line for each reason why access to some of `services` can't be checked.
pub(super) fn unchecked(services: &[Service]) -> Vec<Finding> {
    let (unknown, others): (Vec<Service>, Vec<Service>) =
        services.iter().partition(|service| service.permission().is_none());
    let above = others.into_iter().filter(|service| service.place() == Place::AboveProject).collect();
    let reasons = [
        (
            unknown,
            "not checked, because the required permission is unknown",
            "grant opwatch's account a role that can read their operations, or remove them from SERVICES",
        ),
        (
            above,
            "not checked, because their operations belong to an organization or folder",
            "grant opwatch's account their permission there (`opwatch services --permissions` prints it), or remove them from SERVICES",
        ),
    ];
    let reasons = reasons.into_iter().filter(|(services, ..)| !services.is_empty());
    reasons
        .map(|(services, why, fix)| {
            Finding::unchecked(format!("reading operations of {}", Service::list(services)), why, fix)
        })
        .collect()
}

/// Whether a permission in a project says that its operations can be read.
fn is_checked(service: Service) -> bool {
    service.permission().is_some() && service.place() != Place::AboveProject
}

fn permissions(service: Service) -> impl Iterator<Item = &'static str> {
    service.permission().into_iter().flat_map(|permissions| permissions.split(','))
}

/// Asks for all of them, in as few calls as possible. A call with a permission that the project can't have is refused as a
/// whole, and names one (<https://github.com/carlospolop/Bruteforce-GCP-Permissions/blob/main/bf_my_gcp_perms.py> has
/// the text): it is asked for no more.
async fn ask(google: &Google, project: &str, permissions: &[&str]) -> Result<Answers, CallError> {
    let resource = format!("projects/{project}");
    let mut answers = Answers::default();
    for batch in permissions.chunks(PERMISSIONS_PER_CALL) {
        let mut batch = batch.to_vec();
        while !batch.is_empty() {
            match google.probe_permissions(Api::Projects, &resource, &batch, CALL_LIMIT).await {
                Ok((granted, date)) => {
                    answers.granted.extend(granted);
                    answers.date = answers.date.or(date);
                    break;
                }
                Err(error) => {
                    let at = invalid(&error, &batch).ok_or(error)?;
                    answers.unknown.insert(batch.remove(at).to_owned());
                }
            }
        }
    }
    Ok(answers)
}

/// Which of `permissions` the refusal says is not valid.
fn invalid(error: &CallError, permissions: &[&str]) -> Option<usize> {
    let text = &error.refusal().filter(|refusal| refusal.http == 400)?.error.text;
    let named = text.strip_prefix("Permission ")?.split(" is not valid").next()?;
    permissions.iter().position(|permission| *permission == named)
}

fn findings(services: &[Service], project: &str, what: &str, answers: &Answers) -> Vec<Finding> {
    let is_granted = |permission: &str| answers.granted.contains(permission);
    let is_unknown = |permission: &str| answers.unknown.contains(permission);
    let those = |filter: &dyn Fn(&str) -> bool| -> Vec<Service> {
        services.iter().copied().filter(|service| permissions(*service).any(filter)).collect()
    };
    let denied = those(&|permission| !is_granted(permission) && !is_unknown(permission));
    let unknown = those(&is_unknown);
    let mut findings = Vec::new();
    if !unknown.is_empty() {
        let names: Vec<&str> = answers.unknown.iter().map(String::as_str).collect();
        findings.push(Finding::unchecked(
            format!("reading operations of {} in {project}", Service::list(unknown)),
            format!("not checked, because IAM does not know {} in a project", names.join(", ")),
            "grant opwatch's account a predefined role that can read their operations, or remove them from SERVICES",
        ));
    }
    if denied.is_empty() {
        findings.push(Finding::good(what));
        return findings;
    }
    let missing: BTreeSet<&str> = denied.iter().flat_map(|service| permissions(*service)).collect();
    let missing: Vec<&str> =
        missing.into_iter().filter(|permission| !is_granted(permission) && !is_unknown(permission)).collect();
    let are = if missing.len() == 1 { "the permission is" } else { "these permissions are" };
    findings.push(Finding::bad(
        format!("reading operations of {} in {project}", Service::list(denied)),
        format!("{are} missing in the project: {}", missing.join(", ")),
        grant(project, &missing),
    ));
    findings
}

/// `Spanner, AlloyDB`, or `142 services`.
fn named(services: &[Service]) -> String {
    if services.len() > NAMED {
        return format!("{} services", services.len());
    }
    services.iter().map(|service| service.title()).collect::<Vec<_>>().join(", ")
}

/// How permissions are added to the role that `deploy/up` makes, which may be there already.
fn grant(project: &str, permissions: &[&str]) -> String {
    let (project, permissions) = (shell_word(project), permissions.join(","));
    format!(
        "run deploy/up, which makes the role, or add them to the role of opwatch's account:\n\
         gcloud iam roles update opwatch --project={project} --add-permissions={permissions}\n\
         or, if there is no such role:\n\
         gcloud iam roles create opwatch --project={project} --stage=GA --permissions={permissions}\n\
         gcloud projects add-iam-policy-binding {project} --condition=None \
         --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT --role=projects/{project}/roles/opwatch"
    )
}

/// A project that may not be seen answers as one that is not there.
fn grant_check(project: &str) -> String {
    format!("check that the project {project} exists, and that opwatch's account has a role in it")
}
