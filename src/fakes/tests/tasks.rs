//! Cloud Tasks: names, order, retry, validation.

use super::*;

#[tokio::test]
async fn tasks_are_dispatched_in_the_order_of_their_time() {
    let world = instant().await;
    let endpoint = subscribed(&world, &[200]).await;
    world.pause();
    let begin = world.time.now();
    for (id, ahead) in [("c", 7_200), ("a", -5), ("b", 3_600)] {
        let (status, answer) =
            post(&world, &tasks_url(&world), &task(&world, id, ahead, &json!({"id": id}))).await;
        assert_eq!((status, &answer["view"]), (200, &json!("BASIC")), "{answer}");
    }
    assert!(endpoint.pushes().is_empty());
    world.resume();
    world.settled().await;

    let data =
        |push: &RecordedRequest| STANDARD.decode(push.json()["message"]["data"].as_str().unwrap()).unwrap();
    let pushed: Vec<_> = endpoint.pushes().iter().map(data).collect();
    assert_eq!(pushed, [br#"{"id":"a"}"#, br#"{"id":"b"}"#, br#"{"id":"c"}"#]);
    assert!(world.time.now() - begin >= chrono::TimeDelta::hours(2));
    let created = world.tasks.created();
    assert_eq!(
        (created[0].data.clone(), created[0].dispatches.clone()),
        (json!({"id": "c"}), vec![Some(200)])
    );
    let publish = &world.pubsub.requests()[0];
    let token = "Bearer task-token-of-tasks@demo.iam.gserviceaccount.com";
    assert_eq!(publish.header("authorization"), Some(token));
    assert_eq!(publish.header("x-cloudtasks-taskname"), Some("a"));
    assert_eq!(publish.header("x-cloudtasks-queuename"), Some("later"));
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let world = instant().await;
    subscribed(&world, &[200]).await;
    world.pause();
    let body = task(&world, "same", 60, &json!({}));
    let url = tasks_url(&world);
    assert_eq!(post(&world, &url, &body).await.0, 200);
    world.tasks.free_names();
    let (status, answer) = post(&world, &url, &body).await;
    assert_eq!((status, &answer["error"]["status"]), (409, &json!("ALREADY_EXISTS")), "it waits");
    world.resume();
    world.settled().await;
    assert_eq!(post(&world, &url, &body).await.0, 409, "it was executed");
    world.tasks.free_names();
    assert_eq!(post(&world, &url, &body).await.0, 200);
    assert_eq!((world.tasks.created().len(), world.tasks.duplicates()), (2, 2));
    let name = format!("{QUEUE}/tasks/same");
    let refused = Event::TaskRefusedAsDuplicate { name };
    world.events().wait_for("the refusal", |event| *event == refused).await.unwrap();
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_failed_dispatch_is_repeated() {
    let world = instant().await;
    subscribed(&world, &[200]).await;
    world.pubsub.fail_next(Fault::answer(503, "busy"));
    world.pubsub.fail_next(Fault::Reset);
    post(&world, &tasks_url(&world), &task(&world, "t", 0, &json!({}))).await;
    world.settled().await;
    assert_eq!(world.tasks.created()[0].dispatches, [Some(503), None, Some(200)]);
    let retries: Vec<_> = world
        .pubsub
        .requests()
        .iter()
        .map(|it| it.header("x-cloudtasks-taskretrycount").map(str::to_owned))
        .collect();
    assert_eq!(retries, [Some("0".to_owned()), Some("1".to_owned()), Some("2".to_owned())]);
    assert_eq!(world.pubsub.messages().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn in_real_time_a_task_waits_until_the_clock_says_so() {
    let world = World::start(Options::default()).await.unwrap();
    subscribed(&world, &[200]).await;
    let mut events = world.events();
    post(&world, &tasks_url(&world), &task(&world, "t", 3_600, &json!({}))).await;
    world.time.advance(Duration::from_secs(3_500));
    assert!(world.tasks.created()[0].dispatches.is_empty());
    world.time.advance(Duration::from_secs(200));
    events.wait_for("the delivery", |event| matches!(event, Event::Delivered { .. })).await.unwrap();
    world.settled().await;
    world.stop().await;
}

#[tokio::test]
async fn creating_is_strict() {
    let options = Options { require_token: Some("secret".to_owned()), ..Options::default() };
    let world = World::start(options).await.unwrap();
    let good = task(&world, "t", 60, &json!({}));
    let with = |pointer: &str, value: Value| {
        let mut body = good.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[field] = value;
        body
    };
    let two = json!({"messages": [{"data": "aGk="}, {"data": "aGk="}]}).to_string();
    let cases = [
        with("/task/name", json!("projects/demo/locations/us/queues/other/tasks/t")),
        with("/task/name", json!(format!("{QUEUE}/tasks/a.b"))),
        with("/task/name", json!(format!("{QUEUE}/tasks/{}", "a".repeat(501)))),
        with("/task/scheduleTime", json!("tomorrow")),
        with("/task/scheduleTime", json!((world.time.now() + chrono::TimeDelta::days(31)).to_rfc3339())),
        with("/task/dispatchDeadline", json!("3600s")),
        with("/task/view", json!("FULL")),
        with("/task/httpRequest/url", json!("http://127.0.0.1:1/v1/projects/demo/topics/watch:publish")),
        with("/task/httpRequest/url", json!(format!("{}/v1/{TOPIC}", world.pubsub.url()))),
        with("/task/httpRequest/httpMethod", json!("PUT")),
        with("/task/httpRequest/headers", json!({})),
        with("/task/httpRequest/body", json!("no base64")),
        with("/task/httpRequest/body", json!(STANDARD.encode("{}"))),
        with("/task/httpRequest/body", json!(STANDARD.encode(two))),
        with("/task/httpRequest/body", json!("A".repeat(100_000))),
        with("/task/httpRequest/oauthToken/scope", json!("https://www.googleapis.com/auth/datastore")),
        with("/responseView", json!("ALL")),
    ];
    for body in &cases {
        let request = post_request(&world, &tasks_url(&world), body).bearer_auth("secret");
        let (status, answer) = call(request).await.unwrap();
        assert_eq!((status, &answer["error"]["status"]), (400, &json!("INVALID_ARGUMENT")), "{body}");
    }
    assert_eq!(world.violations().len(), cases.len());
    assert_eq!(post(&world, &tasks_url(&world), &good).await.0, 401);
    let get = world.shared.client.get(tasks_url(&world)).bearer_auth("secret");
    assert_eq!(call(get).await.unwrap().0, 404);
    let request = post_request(&world, &tasks_url(&world), &good).bearer_auth("secret");
    assert_eq!(call(request).await.unwrap().0, 200);
    assert_eq!(world.tasks.created().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_waiting_task_is_read_and_deleted() {
    let world = instant().await;
    let endpoint = subscribed(&world, &[200]).await;
    world.pause();
    let body = task(&world, "t", 60, &json!({"a": 1}));
    let (tasks, url) = (tasks_url(&world), format!("{}/t", tasks_url(&world)));
    post(&world, &tasks, &body).await;
    let (status, basic) = get(&world, &url).await;
    assert_eq!((status, &basic["view"], basic["httpRequest"].get("body")), (200, &json!("BASIC"), None));
    let (status, full) = get(&world, &format!("{url}?responseView=FULL")).await;
    assert_eq!((status, &full["view"]), (200, &json!("FULL")));
    assert_eq!(full["httpRequest"]["body"], body["task"]["httpRequest"]["body"]);
    assert_eq!(get(&world, &format!("{tasks}/other")).await.0, 404);
    let delete = async || call(world.shared.client.delete(&url)).await.unwrap();
    world.tasks.revoke("cloudtasks.tasks.fullView");
    assert_eq!(get(&world, &format!("{url}?responseView=FULL")).await.0, 403);
    assert_eq!(get(&world, &url).await.0, 200, "the basic view needs no more than get");
    assert_eq!(delete().await, (200, json!({})));
    assert_eq!((delete().await.0, get(&world, &url).await.0), (404, 404));
    assert_eq!(post(&world, &tasks, &body).await.0, 409, "its name stays taken");
    world.resume();
    world.settled().await;
    assert!(endpoint.pushes().is_empty() && world.tasks.created()[0].deleted);
    world.tasks.free_names();
    assert_eq!(post(&world, &tasks, &body).await.0, 200);
    world.settled().await;
    assert_eq!((delete().await.0, endpoint.pushes().len()), (404, 1), "it was executed");
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}
