//! Where a service's operations are in Google Cloud's resource hierarchy, which is where access to them is granted
//! (<https://cloud.google.com/iam/docs/resource-hierarchy-access-control>).

use super::Service;

/// Where the operations of a service are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In projects: a role in the project is enough.
    Project,
    /// In projects, and in folders and organizations: the latter need a role there.
    ProjectAndAbove,
    /// Only in folders and organizations: a role in a project gives no access.
    AboveProject,
}

impl Service {
    /// Where its operations are.
    pub fn place(self) -> Place {
        if self.id() == APIGEE {
            return Place::Project;
        }
        let above = self.forms().filter(|form| is_above_projects(form)).count();
        match above {
            0 => Place::Project,
            _ if above == self.forms().count() => Place::AboveProject,
            _ => Place::ProjectAndAbove,
        }
    }
}

/// Its organizations are not those of the hierarchy: each belongs to one project
/// (<https://cloud.google.com/apigee/docs/api-platform/fundamentals/organization-structure>).
const APIGEE: &str = "apigee";

/// A workforce pool belongs to an organization, which its name doesn't mention
/// (<https://cloud.google.com/iam/docs/workforce-identity-federation>).
fn is_above_projects(form: &str) -> bool {
    let parents = ["organizations/", "folders/", "billingAccounts/"];
    parents.iter().any(|parent| form.starts_with(parent)) || form.contains("/workforcePools/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_where_the_names_of_its_operations_say() {
        let place = |id: &str| id.parse::<Service>().unwrap().place();
        for id in ["datastore", "spanner", "serviceusage", "compute", "apigee"] {
            assert_eq!(place(id), Place::Project, "{id}");
        }
        for id in ["logging", "iam", "networkmanagement"] {
            assert_eq!(place(id), Place::ProjectAndAbove, "{id}");
        }
        for id in ["assuredworkloads", "securitycenter", "securityposture"] {
            assert_eq!(place(id), Place::AboveProject, "{id}");
        }
    }
}
