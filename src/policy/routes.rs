//! Where watches are reported whose messages name no place.

use crate::services::Service;
use crate::watch::{Mention, Routing, Target};

/// `ROUTES`: the first route that fits counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(pub Vec<Route>);

/// Where the watches of a project or of a service are reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Of which watches.
    pub of: Of,
    /// Where to.
    pub target: Target,
    /// Who is mentioned, if not the default.
    pub mention: Option<Mention>,
}

/// Which watches a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// Those in this project.
    Project(String),
    /// Those of this service.
    Service(Service),
}

impl Routes {
    /// `routing` of a watch in `project` of `service`, with its place if it names none. A place that is named comes with its own
    /// mention or the default one, never with a route's.
    #[must_use]
    pub fn complete(&self, routing: Routing, service: Service, project: &str) -> Routing {
        if routing.target.is_some() {
            return routing;
        }
        let fits = |route: &&Route| match &route.of {
            Of::Project(own) => own == project,
            Of::Service(own) => *own == service,
        };
        match self.0.iter().find(fits) {
            Some(Route { target, mention, .. }) => Routing {
                target: Some(target.clone()),
                mention: routing.mention.or_else(|| mention.clone()),
                ..routing
            },
            None => routing,
        }
    }

    /// Whether a route leads to `target`.
    pub fn leads_to(&self, target: &Target) -> bool {
        self.0.iter().any(|route| route.target == *target)
    }

    /// Whether a route mentions `mention`.
    pub fn mentions(&self, mention: &Mention) -> bool {
        self.0.iter().any(|route| route.mention.as_ref() == Some(mention))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_route_that_fits_says_where() {
        let route = |of, target: &str, mention: Option<&str>| Route {
            of,
            target: Target::new(target),
            mention: mention.map(Mention::new),
        };
        let routes = Routes(vec![
            route(Of::Project("shop".to_owned()), "C1", Some("S1")),
            route(Of::Service(Service::FIRESTORE), "C2", None),
            route(Of::Project("other".to_owned()), "C3", None),
        ]);
        let of = |service, project: &str, routing: Routing| {
            let routing = routes.complete(routing, service, project);
            (
                routing.target.map(|target| target.as_str().to_owned()),
                routing.mention.map(|mention| mention.as_str().to_owned()),
            )
        };
        let none = Routing::default;
        let said = |target: &str, mention: &str| {
            (Some(target.to_owned()), Some(mention.to_owned()).filter(|mention| !mention.is_empty()))
        };
        assert_eq!(of(Service::FIRESTORE, "shop", none()), said("C1", "S1"));
        assert_eq!(of(Service::FIRESTORE, "other", none()), said("C2", ""));
        assert_eq!(of(Service::DATASTORE, "other", none()), said("C3", ""));
        assert_eq!(of(Service::DATASTORE, "third", none()), (None, None));
        let own = Routing { target: Some(Target::new("C9")), ..none() };
        assert_eq!(of(Service::DATASTORE, "shop", own), said("C9", ""), "its own place");
        let own = Routing { mention: Some(Mention::new("here")), ..none() };
        assert_eq!(of(Service::DATASTORE, "shop", own), said("C1", "here"), "its own mention");
        assert!(routes.leads_to(&Target::new("C3")) && !routes.leads_to(&Target::new("C9")));
        assert!(routes.mentions(&Mention::new("S1")) && !routes.mentions(&Mention::new("here")));
    }
}
