//! Events: those that a receiver gets, and those of the topic.

use super::*;

const FLAG: [&str; 1] = ["--events-topic=projects/p/topics/t"];

fn topic(answer: Answer) -> (Arc<Played>, Arc<dyn Outlet>) {
    let transport = Played::new([Ok(answer.clone()), Ok(answer)]);
    let outlet = others(&FLAG).remove(0).open(&tools(&transport));
    (transport, outlet)
}

fn error(status: u16, word: &str) -> Answer {
    answer(status, json!({"error": {"code": status, "message": "no", "status": word}}).to_string())
}

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
#[tokio::test]
async fn only_ends_are_posted_and_signed() {
    let notice = notice();
    for (outcome, status, fault) in [
        (Outcome::Failed, 204, None),
        (Outcome::Doctor, 200, None),
        (Outcome::Failed, 500, Some(Fault::Passing)),
        (Outcome::Running, 500, None),
    ] {
        let transport = Played::new([Ok(answer(status, ""))]);
        let outlet = others(&ALL[..2]).remove(0).open(&tools(&transport));
        let report = report(outcome);
        let posted = outlet.post(To::Target(None), content(&notice, about(&report)), call(0)).await;
        assert_eq!(posted.as_ref().err().map(|error| error.fault), fault, "{posted:?}");
        assert!(posted.is_err() || posted == Ok(None));
        let asked = transport.asked();
        assert_eq!(asked.len(), usize::from(outcome != Outcome::Running));
        let Some((url, body)) = asked.first() else { continue };
        assert_eq!(
            (url.as_str(), body["id"].as_str()),
            ("https://example.com/x", Some(about(&report).id().as_str()))
        );
        let headers: Vec<_> = transport.headers();
        let names = ["content-type", "webhook-timestamp", "webhook-signature", "webhook-id"];
        assert_eq!(headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
        assert_eq!(headers[1].1, at(0).timestamp().to_string());
        assert!(headers[2].1.starts_with("v1,") && headers[3].1 == about(&report).id());
    }
}

#[tokio::test]
async fn only_ends_are_published() {
    let notice = notice();
    for (outcome, is_published) in [(Outcome::Failed, true), (Outcome::Doctor, true), (Outcome::Test, false)]
    {
        let (transport, outlet) = topic(answer(200, json!({"messageIds": ["1"]}).to_string()));
        let report = report(outcome);
        let posted = outlet.post(To::Target(None), content(&notice, about(&report)), call(0)).await;
        assert_eq!(posted, Ok(None));
        let asked = transport.asked();
        assert_eq!(asked.len(), usize::from(is_published), "{outcome:?}");
        for (url, body) in asked {
            assert_eq!(url, "https://pubsub.googleapis.com/v1/projects/p/topics/t:publish");
            assert_eq!(body["messages"][0]["attributes"]["ce-id"], about(&report).id());
        }
    }
}

#[tokio::test]
async fn a_refusal_of_the_topic_says_what_to_do_and_when_to_try_again() {
    let (wait, date) = (Some(Duration::from_secs(7)), Some(at(5)));
    let notice = notice();
    for (status, word, fault, ambiguous, advice) in [
        (403, "PERMISSION_DENIED", Fault::Access, false, "roles/pubsub.publisher"),
        (404, "NOT_FOUND", Fault::Access, false, "create the topic"),
        (429, "RESOURCE_EXHAUSTED", Fault::Passing, false, "retried automatically"),
        (503, "UNAVAILABLE", Fault::Passing, true, "retried automatically"),
    ] {
        let (_, outlet) = topic(Answer { retry_after: wait, date, ..error(status, word) });
        let end = report(Outcome::Failed);
        let posted = outlet.post(To::Target(None), content(&notice, about(&end)), call(0)).await.unwrap_err();
        assert_eq!((posted.outlet, posted.fault, posted.ambiguous), ("EVENTS_TOPIC", fault, ambiguous));
        assert_eq!((posted.word.as_str(), posted.retry_after, posted.date), (word, wait, date));
        assert!(posted.advice.contains(advice), "{word}: {}", posted.advice);
    }
}

#[tokio::test]
async fn a_probe_asks_whether_events_may_be_published() {
    let limit = Duration::from_secs(8);
    for (granted, is_granted) in [
        (json!({"permissions": ["pubsub.topics.publish"]}), true),
        (json!({"permissions": ["pubsub.topics.get", "pubsub.topics.publish"]}), true),
        (json!({"permissions": ["pubsub.topics.get"]}), false),
        (json!({}), false),
    ] {
        let (transport, outlet) = topic(answer(200, granted.to_string()));
        let probed = outlet.probe(limit).await;
        assert_eq!(
            probed.as_ref().map_err(|error| error.fault),
            if is_granted { Ok(&()) } else { Err(Fault::Access) }
        );
        let (url, body) = &transport.asked()[0];
        assert_eq!(url, "https://pubsub.googleapis.com/v1/projects/p/topics/t:testIamPermissions");
        assert_eq!(body, &json!({"permissions": ["pubsub.topics.publish"]}));
    }
    let (_, outlet) = topic(error(403, "PERMISSION_DENIED"));
    assert_eq!(outlet.probe(limit).await.unwrap_err().word, "PERMISSION_DENIED");
}

#[test]
fn a_topic_is_one_of_a_project() {
    let is_topic = |text: &str| {
        let command = OtherOutletArgs::augment_args(Command::new("outlets").no_binary_name(true));
        let matches = command.try_get_matches_from([format!("--events-topic={text}")]).unwrap();
        let args = OtherOutletArgs::from_arg_matches(&matches).unwrap();
        let mut problems = Problems::default();
        let count = args.check(&Endpoints::default(), &mut problems).len();
        assert_eq!(count == 0, problems.to_string().contains("EVENTS_TOPIC"), "{text}: {problems}");
        count == 1
    };
    for good in ["projects/p/topics/t", "projects/example.com:p/topics/a-b_c.d~e+f", "projects/1/topics/0"] {
        assert!(is_topic(good), "{good}");
    }
    for wrong in [
        "t",
        "projects/p/topics/",
        "projects//topics/t",
        "projects/p/topics/..",
        "projects/./topics/t",
        "projects/p/topics/t/u",
        "projects/p/subscriptions/t",
        "topics/p/topics/t",
        "projects/p/topics/t?x",
        "projects/p p/topics/t",
    ] {
        assert!(!is_topic(wrong), "{wrong}");
    }
}
