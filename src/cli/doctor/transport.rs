//! Whether messages can be published, and tasks created.

use super::finding::{Finding, fix, permission};
use crate::clock::CALL_LIMIT;
use crate::config::Digests;
use crate::google::Google;
use crate::net::endpoints::Api;
use crate::services::{Attempt, project_of};

pub(super) async fn topic(google: &Google, topic: &str) -> Finding {
    let what = format!("topic {topic}");
    match google.probe_topic(topic, CALL_LIMIT).await {
        Ok(()) => Finding::good(what),
        Err(error) if error.http() == Some(404) => {
            Finding::bad(what, error.to_string(), format!("gcloud pubsub topics create {topic}"))
        }
        Err(error) => Finding::bad(
            what,
            error.to_string(),
            fix(
                &error,
                "Pub/Sub",
                &Attempt::of_api("pubsub", project_of(topic)),
                Some(format!(
                    "gcloud pubsub topics add-iam-policy-binding {topic} --role=roles/pubsub.viewer \
                     --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT"
                )),
            ),
        ),
    }
}

/// Whether reports can be put into the buffer of digests, and taken out of it. Both are asked for by permission, which needs none.
pub(super) async fn buffer(google: &Google, digests: &Digests) -> [Finding; 2] {
    let Digests { topic, subscription, .. } = digests;
    let publishing = pubsub(
        google,
        (topic, "pubsub.topics.publish"),
        format!("publishing to DIGEST_TOPIC {topic}"),
        format!(
            "deploy/up creates it and grants the role\nif the topic does not exist: gcloud pubsub topics create {topic}\n\
             otherwise: gcloud pubsub topics add-iam-policy-binding {topic} --role=roles/pubsub.publisher \
             --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT"
        ),
    );
    let pulling = pubsub(
        google,
        (subscription, "pubsub.subscriptions.consume"),
        format!("pulling from DIGEST_SUBSCRIPTION {subscription}"),
        format!(
            "deploy/up creates it and grants the role\nif the subscription does not exist, reports in digests are lost: gcloud pubsub \
             subscriptions create {subscription} --topic={topic} --enable-exactly-once-delivery --ack-deadline=60 \
             --message-retention-duration=31d --expiration-period=never\notherwise: gcloud pubsub subscriptions \
             add-iam-policy-binding {subscription} --role=roles/pubsub.subscriber --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT"
        ),
    );
    [publishing.await, pulling.await]
}

async fn pubsub(google: &Google, (resource, wanted): (&str, &str), what: String, grant: String) -> Finding {
    let granted = google.probe_permissions(Api::PubSub, resource, &[wanted], CALL_LIMIT).await;
    let granted = granted.map(|(granted, _)| granted.iter().any(|permission| permission == wanted));
    permission(granted, ("Pub/Sub", Attempt::of_api("pubsub", project_of(resource))), what, grant)
}

pub(super) async fn queue(google: &Google, queue: &str) -> Finding {
    let granted =
        google.probe_permissions(Api::CloudTasks, queue, &["cloudtasks.tasks.create"], CALL_LIMIT).await;
    let granted = granted.map(|(granted, _)| !granted.is_empty());
    let mut segments = queue.split('/').skip(1).step_by(2);
    let (project, location, id) = (segments.next(), segments.next(), segments.next());
    let flags = format!(
        "{} --location={} --project={}",
        id.unwrap_or_default(),
        location.unwrap_or_default(),
        project.unwrap_or_default()
    );
    permission(
        granted,
        ("Cloud Tasks", Attempt::of_api("cloudtasks", project_of(queue))),
        format!("creating tasks in {queue}"),
        format!(
            "if the queue does not exist: gcloud tasks queues create {flags}\notherwise: gcloud tasks queues \
             add-iam-policy-binding {flags} --role=roles/cloudtasks.enqueuer --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT"
        ),
    )
}

pub(super) async fn acting_as(google: &Google, account: &str) -> Finding {
    let resource = format!("projects/-/serviceAccounts/{account}");
    let granted =
        google.probe_permissions(Api::Iam, &resource, &["iam.serviceAccounts.actAs"], CALL_LIMIT).await;
    let granted = granted.map(|(granted, _)| !granted.is_empty());
    let project =
        account.split_once('@').and_then(|(_, domain)| domain.split('.').next()).unwrap_or_default();
    permission(
        granted,
        ("IAM", Attempt::of_api("iam", project)),
        format!("acting as {account}"),
        format!(
            "if the account does not exist, create it or correct TASKS_SERVICE_ACCOUNT\notherwise: gcloud iam service-accounts add-iam-policy-binding {account} --role=roles/iam.serviceAccountUser \
             --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT"
        ),
    )
}
