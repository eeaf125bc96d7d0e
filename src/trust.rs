//! The trust boundary: which deliveries may carry a `state`.
//!
//! Whoever controls a watch's `state` controls the watch. With an internal topic that only the tasks account may publish
//! to, `state` counts on messages of that topic alone, and IAM enforces the rest: no secret is needed. How it compares with a
//! signature is in `docs/design.md`.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::text;

/// The attributes that Pub/Sub adds to a dead letter: the id of the subscription that gave the message up, its project, and
/// when the message was first published. <https://cloud.google.com/pubsub/docs/dead-letter-topics>
const SOURCE: &str = "CloudPubSubDeadLetterSourceSubscription";
const SOURCE_PROJECT: &str = "CloudPubSubDeadLetterSourceSubscriptionProject";
/// When the message was first published, as Pub/Sub notes it in a dead letter.
pub const SOURCE_TIME: &str = "CloudPubSubDeadLetterSourceTopicPublishTime";

/// Who can have written a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Anyone who may publish to the public topic. A `state` is an unknown field.
    Public,
    /// Anyone too, but a `state` counts: there is no internal topic, or the message may be of an earlier deployment.
    Accepted,
    /// Only opwatch. A `state` counts.
    Internal,
}

/// The path that a push was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`: the public topic's subscription.
    Public,
    /// `/internal`: the internal topic's subscription.
    Internal,
    /// `/dead-letter`: what either of them gave up.
    DeadLetter,
    /// `/events`: the topics of signals. No `state` is ever accepted from there.
    Events,
}

/// Which publishers' `state` is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Everyone who may publish to the public topic, as in version 0.1: there is no internal topic.
    Everyone,
    /// The internal topic's alone.
    Internal(Internal),
}

/// The internal topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Internal {
    /// `projects/P/topics/T`. Its push subscription is `projects/P/subscriptions/T`.
    pub topic: String,
    /// What was published to the public topic until then may carry a `state` too: the tasks that an earlier deployment
    /// left waiting publish there.
    pub public_until: Option<DateTime<Utc>>,
}

/// What Pub/Sub says about a push apart from the message's data.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// `projects/P/subscriptions/S`.
    pub subscription: &'a str,
    /// The message's attributes.
    pub attributes: &'a BTreeMap<String, String>,
    /// When the message was published.
    pub published: Option<DateTime<Utc>>,
}

/// A subscription other than the internal topic's pushes to `/internal`. Its messages are refused rather than read without
/// their state, so that nothing is lost while the subscription is corrected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the subscription {found:?} pushes to /internal, which only accepts pushes from {expected} (the internal topic's \
     subscription must have the topic's ID): point it to /, or set INTERNAL_TOPIC to the topic with its ID"
)]
pub struct Misdirected {
    found: String,
    expected: String,
}

impl Trust {
    /// Who can have written a message that came to `route`.
    ///
    /// The internal topic's subscription may push to `/` too: the documented roll-back re-points it while instances with
    /// an internal topic still run.
    ///
    /// # Errors
    /// When another subscription pushes to `/internal`.
    pub fn origin(&self, route: Route, source: &Source<'_>) -> Result<Origin, Misdirected> {
        let Self::Internal(internal) = self else {
            return Ok(if route == Route::Events { Origin::Public } else { Origin::Accepted });
        };
        let is_internal = match route {
            Route::Events => return Ok(Origin::Public),
            Route::DeadLetter => internal.gave_up(source.attributes),
            Route::Public | Route::Internal => internal.is_subscription(source.subscription),
        };
        if is_internal {
            return Ok(Origin::Internal);
        }
        if route == Route::Internal {
            let found = source.subscription.chars().take(300).collect();
            return Err(Misdirected { found, expected: internal.subscription() });
        }
        let first_published = match route {
            Route::DeadLetter => source.attributes.get(SOURCE_TIME).and_then(|time| text::time(time)),
            Route::Public | Route::Internal | Route::Events => None,
        };
        let published = first_published.or(source.published);
        let in_time = internal.public_until.is_some_and(|until| published.is_some_and(|at| at <= until));
        Ok(if in_time { Origin::Accepted } else { Origin::Public })
    }

    /// The topic that opwatch passes its own messages on through; `public` is the public one.
    pub fn topic<'a>(&'a self, public: &'a str) -> &'a str {
        match self {
            Self::Everyone => public,
            Self::Internal(internal) => &internal.topic,
        }
    }

    /// Until when the state of messages from the public topic is accepted, if it still is.
    pub fn public_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Everyone => None,
            Self::Internal(internal) => internal.public_until.filter(|until| now <= *until),
        }
    }

    /// What an operator should know about a boundary that is open, for the log and for `opwatch doctor`.
    pub fn warning(&self, now: DateTime<Utc>) -> Option<String> {
        match (self, self.public_until(now)) {
            (Self::Everyone, _) => Some(
                "INTERNAL_TOPIC is not set: anyone who may publish to TOPIC can silence, delay or forge the reports of \
                 any watch; deploy/up creates the internal topic and sets it"
                    .to_owned(),
            ),
            (_, Some(until)) => Some(format!(
                "ACCEPT_PUBLIC_STATE_UNTIL: state from TOPIC is also accepted until {}, for watches that an earlier \
                 deployment left in flight",
                until.to_rfc3339_opts(SecondsFormat::AutoSi, true)
            )),
            _ => None,
        }
    }
}

impl Internal {
    /// The push subscription's name.
    pub fn subscription(&self) -> String {
        let (project, id) = names(&self.topic);
        format!("projects/{project}/subscriptions/{id}")
    }

    fn is_subscription(&self, subscription: &str) -> bool {
        self.is_ours(names(subscription))
    }

    /// Whether the internal topic's subscription gave the dead letter up.
    fn gave_up(&self, attributes: &BTreeMap<String, String>) -> bool {
        let attribute = |name| attributes.get(name).map_or("", String::as_str);
        // Its id; should it ever be its full name, the last segment.
        let id = attribute(SOURCE).rsplit('/').next().unwrap_or_default();
        self.is_ours((attribute(SOURCE_PROJECT), id))
    }

    /// A project can be named by its id or by its number. If one is a number (without a letter), only the subscription's id is
    /// compared. A subscription of another project can't push with the push account, which must be in its own project.
    fn is_ours(&self, (project, id): (&str, &str)) -> bool {
        let (own_project, own_id) = names(&self.topic);
        let is_number =
            |project: &str| !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_digit());
        id == own_id && (project == own_project || is_number(project) || is_number(own_project))
    }
}

/// The project and the id in `projects/P/topics/T` or `projects/P/subscriptions/S`.
fn names(resource: &str) -> (&str, &str) {
    let (rest, id) = resource.rsplit_once('/').unwrap_or_default();
    let (project, _) = rest.rsplit_once('/').unwrap_or_default();
    (project.strip_prefix("projects/").unwrap_or_default(), id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "projects/p/subscriptions/opwatch-internal";
    const PUBLIC: &str = "projects/p/subscriptions/opwatch-push";

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    fn internal(topic: &str, until: Option<&str>) -> Trust {
        Trust::Internal(Internal { topic: topic.to_owned(), public_until: until.map(at) })
    }

    fn ours() -> Trust {
        internal("projects/p/topics/opwatch-internal", None)
    }

    fn pushed(trust: &Trust, route: Route, subscription: &str, published: &str) -> Option<Origin> {
        let attributes = BTreeMap::new();
        let published = text::time(published);
        trust.origin(route, &Source { subscription, attributes: &attributes, published }).ok()
    }

    fn dead(trust: &Trust, attributes: &[(&str, &str)]) -> Origin {
        let attributes =
            attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let published = Some(at("2026-12-31T00:00:00Z"));
        let source = Source {
            subscription: "projects/p/subscriptions/opwatch-dead",
            attributes: &attributes,
            published,
        };
        trust.origin(Route::DeadLetter, &source).unwrap()
    }

    #[test]
    fn a_push_is_internal_by_its_subscription() {
        const NOW: &str = "2026-11-28T00:00:00Z";
        for (route, subscription, origin) in [
            (Route::Internal, OWN, Some(Origin::Internal)),
            (Route::Public, OWN, Some(Origin::Internal)),
            (Route::Internal, "projects/12345/subscriptions/opwatch-internal", Some(Origin::Internal)),
            (Route::Public, PUBLIC, Some(Origin::Public)),
            (Route::Public, "", Some(Origin::Public)),
            (Route::Public, "opwatch-internal", Some(Origin::Public)),
            (Route::Public, "projects/q/subscriptions/opwatch-internal", Some(Origin::Public)),
            (Route::Public, "projects/p/subscriptions/opwatch-internal2", Some(Origin::Public)),
            (Route::Public, "projects//subscriptions/opwatch-internal", Some(Origin::Public)),
            (Route::Internal, PUBLIC, None),
            (Route::Internal, "", None),
            (Route::Internal, "projects/q/subscriptions/opwatch-internal", None),
        ] {
            assert_eq!(pushed(&ours(), route, subscription, NOW), origin, "{route:?} {subscription}");
            assert_eq!(pushed(&Trust::Everyone, route, subscription, NOW), Some(Origin::Accepted));
        }
        let by_number = internal("projects/12345/topics/opwatch-internal", None);
        assert_eq!(pushed(&by_number, Route::Internal, OWN, NOW), Some(Origin::Internal));
    }

    #[test]
    fn a_dead_letter_is_internal_by_the_subscription_that_gave_it_up() {
        let (id, project) = ((SOURCE, "opwatch-internal"), (SOURCE_PROJECT, "p"));
        assert_eq!(dead(&ours(), &[id, project]), Origin::Internal);
        assert_eq!(dead(&ours(), &[id, (SOURCE_PROJECT, "12345")]), Origin::Internal);
        for attributes in [
            &[][..],
            &[(SOURCE, "opwatch-push"), project],
            &[id],
            &[id, (SOURCE_PROJECT, "q")],
            &[("cloudPubSubDeadLetterSourceSubscription", "opwatch-internal"), project],
        ] {
            assert_eq!(dead(&ours(), attributes), Origin::Public, "{attributes:?}");
            assert_eq!(dead(&Trust::Everyone, attributes), Origin::Accepted);
        }
    }

    #[test]
    fn what_was_published_in_time_is_trusted_whenever_it_comes() {
        let trust = internal("projects/p/topics/opwatch-internal", Some("2026-12-07T00:00:00Z"));
        let public = |published| pushed(&trust, Route::Public, PUBLIC, published);
        assert_eq!(public("2026-12-07T00:00:00Z"), Some(Origin::Accepted));
        assert_eq!(public("2026-12-07T00:00:00.001Z"), Some(Origin::Public));
        assert_eq!(public("no time"), Some(Origin::Public));
        let source = (SOURCE, "opwatch-push");
        assert_eq!(dead(&trust, &[source, (SOURCE_TIME, "2026-12-06T00:00:00Z")]), Origin::Accepted);
        assert_eq!(dead(&trust, &[source, (SOURCE_TIME, "2026-12-08T00:00:00Z")]), Origin::Public);
        assert_eq!(dead(&trust, &[source]), Origin::Public, "the dead letter's own time, without the first");
        assert_eq!(pushed(&trust, Route::Internal, PUBLIC, "2026-12-01T00:00:00Z"), None);
    }

    #[test]
    fn an_open_boundary_is_warned_of() {
        let now = at("2026-12-07T00:00:00Z");
        let until = |until| internal("projects/p/topics/t", Some(until)).warning(now);
        assert!(Trust::Everyone.warning(now).unwrap().contains("INTERNAL_TOPIC is not set"));
        assert!(until("2026-12-08T00:00:00Z").unwrap().contains("until 2026-12-08T00:00:00Z"));
        assert_eq!(until("2026-12-06T00:00:00Z"), None);
        assert_eq!(ours().warning(now), None);
    }
}
