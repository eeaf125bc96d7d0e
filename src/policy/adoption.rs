//! What is watched without anybody asking for it: operations that a signal tells of.

use crate::services::{Operation, Service};

/// `ADOPT` and `ADOPT_EXCEPT`: which operations become watches when a signal says that they were started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// What is adopted; empty adopts nothing.
    pub of: Vec<Adopted>,
    /// Whose operations are not.
    pub except: Vec<Principal>,
}

/// A service whose operations are adopted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The service.
    pub service: Service,
    /// The only method of it that counts, as the audit log calls it or by its last words, such as `ExportEntities`.
    pub method: Option<String>,
}

/// An account, or all accounts whose address ends in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// This account.
    Account(String),
    /// `*.gserviceaccount.com`: those that end like this.
    EndsWith(String),
}

impl Adoption {
    /// Whether `operation`, which `principal` started by `method`, may become a watch. Signals that don't say which method it was
    /// fit only a service that is adopted as a whole.
    pub fn permits(&self, operation: &Operation, method: Option<&str>, principal: Option<&str>) -> bool {
        !self.covers(principal) && self.is_of(operation, method)
    }

    /// Whether it might, but for `principal`.
    pub fn excepts(&self, operation: &Operation, method: Option<&str>, principal: Option<&str>) -> bool {
        self.covers(principal) && self.is_of(operation, method)
    }

    /// Whether `principal` is one whose operations are left out.
    fn covers(&self, principal: Option<&str>) -> bool {
        principal.is_some_and(|account| self.except.iter().any(|except| except.covers(account)))
    }

    fn is_of(&self, operation: &Operation, method: Option<&str>) -> bool {
        self.of.iter().any(|adopted| adopted.covers(operation.service(), method))
    }
}

impl Adopted {
    fn covers(&self, service: Service, method: Option<&str>) -> bool {
        self.service == service
            && self.method.as_deref().is_none_or(|own| method.is_some_and(|method| is_called(method, own)))
    }
}

impl Principal {
    /// Accounts are compared as Google does, without regard to upper and lower case.
    fn covers(&self, account: &str) -> bool {
        let account = account.to_ascii_lowercase();
        match self {
            Self::Account(own) => own.eq_ignore_ascii_case(&account),
            Self::EndsWith(end) => account.ends_with(&end.to_ascii_lowercase()),
        }
    }
}

/// Whether `method` is `name`, or ends in it behind a dot.
fn is_called(method: &str, name: &str) -> bool {
    method.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORT: &str = "google.datastore.admin.v1.DatastoreAdmin.ExportEntities";

    fn operation(service: Service) -> Operation {
        Operation::new(service, &service.name_example()).unwrap()
    }

    fn adoption(method: Option<&str>, except: Vec<Principal>) -> Adoption {
        let of = vec![Adopted { service: Service::DATASTORE, method: method.map(str::to_owned) }];
        Adoption { of, except }
    }

    #[test]
    fn only_what_was_asked_for_is_adopted() {
        let own = operation(Service::DATASTORE);
        assert!(!Adoption::default().permits(&own, Some(EXPORT), None), "nothing by default");
        let whole = adoption(None, Vec::new());
        assert!(whole.permits(&own, Some(EXPORT), None) && whole.permits(&own, None, None));
        assert!(!whole.permits(&operation(Service::FIRESTORE), Some(EXPORT), None));
        for (name, fits) in [
            ("ExportEntities", true),
            ("DatastoreAdmin.ExportEntities", true),
            (EXPORT, true),
            ("Entities", false),
            ("exportentities", false),
            ("ImportEntities", false),
        ] {
            let one = adoption(Some(name), Vec::new());
            assert_eq!(one.permits(&own, Some(EXPORT), None), fits, "{name}");
            assert!(!one.permits(&own, None, None), "{name}: a signal that names no method");
        }
    }

    #[test]
    fn what_an_excepted_account_starts_is_not_adopted() {
        let except = vec![
            Principal::Account("Opwatch-Run@p.iam.gserviceaccount.com".to_owned()),
            Principal::EndsWith("@cloudservices.gserviceaccount.com".to_owned()),
        ];
        let adoption = adoption(None, except);
        let permits = |account| adoption.permits(&operation(Service::DATASTORE), Some(EXPORT), account);
        assert!(permits(Some("user@example.com")) && permits(None));
        assert!(!permits(Some("opwatch-run@p.iam.gserviceaccount.com")));
        assert!(!permits(Some("123@CloudServices.gserviceaccount.com")));
        assert!(permits(Some("x@p.iam.gserviceaccount.com")));
        let excepts = |service, account| adoption.excepts(&operation(service), Some(EXPORT), account);
        assert!(excepts(Service::DATASTORE, Some("1@cloudservices.gserviceaccount.com")));
        assert!(
            !excepts(Service::FIRESTORE, Some("1@cloudservices.gserviceaccount.com")),
            "not adopted anyway"
        );
        assert!(!excepts(Service::DATASTORE, Some("user@example.com")) && !excepts(Service::DATASTORE, None));
    }
}
