//! What a Chat app or a webhook of Chat asks for, and what they make of the answers.

use super::*;

/// What the app asks Chat for when it is told to do this, and what comes of it.
async fn asked<T>(
    answer: Result<Answer, Failure>,
    told: impl AsyncFnOnce(&dyn Outlet) -> Result<T, PostError>,
) -> (Vec<(String, Json)>, Result<T, PostError>) {
    let transport = Played::new([answer.clone(), answer]);
    let app = others(&["--chat-space=spaces/A"]).remove(0).open(&tools(&transport));
    let result = told(app.as_ref()).await;
    (transport.asked(), result)
}

/// Whether a message goes to the thread of its watch.
async fn is_in_thread(to: To<'_>, content: Content<'_>) -> bool {
    let (asked, result) = asked(named(), async |app| app.post(to, content, call(0)).await).await;
    result.unwrap();
    let [(url, body)] = asked.as_slice() else { panic!("one call: {asked:?}") };
    let is_reply = url.ends_with("&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD");
    let thread = body["thread"]["threadKey"].as_str();
    assert_eq!(thread.is_some(), is_reply, "{url} {body}");
    assert!(thread.is_none_or(|key| key == content.about.thread()));
    is_reply
}

#[tokio::test]
async fn what_everyone_should_see_is_no_reply() {
    let (plain, all, person) = (notice(), mentioning("users/all"), mentioning("users/7"));
    let target = To::Target(None);
    for (outcome, words, expected) in [
        (Outcome::Succeeded, &plain, true),
        (Outcome::Succeeded, &person, true),
        (Outcome::Succeeded, &all, false),
        (Outcome::Failed, &plain, false),
    ] {
        let report = report(outcome);
        assert_eq!(is_in_thread(target, content(words, about(&report))).await, expected, "{outcome:?}");
    }
    let progress = About { topic: TOPIC, watch: "w", operation: "o", ..About::default() };
    assert!(is_in_thread(target, content(&plain, progress)).await);
    assert!(!is_in_thread(target, content(&all, progress)).await);
    assert!(!is_in_thread(target, content(&plain, About::digest(TOPIC, "d"))).await);
    let (failed, of) = (report(Outcome::Failed), of_chat("spaces/A"));
    for (reach, words, expected) in [
        (Reach::Thread, &all, true),
        (Reach::Mentioned, &plain, true),
        (Reach::Mentioned, &person, true),
        (Reach::Mentioned, &all, false),
        (Reach::Everyone, &plain, false),
    ] {
        let to = To::Reply { of: &of, reach };
        assert_eq!(is_in_thread(to, content(words, about(&failed))).await, expected, "{reach:?}");
    }
}

#[tokio::test]
async fn a_message_is_posted_under_an_id_that_its_repetitions_share() {
    let (notice, end) = (notice(), report(Outcome::Succeeded));
    let post = async || {
        asked(named(), async |app| app.post(To::Target(None), content(&notice, about(&end)), call(0)).await)
            .await
    };
    let ((first, receipt), (again, _)) = (post().await, post().await);
    assert_eq!(first, again);
    let receipt = receipt.unwrap().unwrap();
    let (url, body) = &first[0];
    let id = receipt.text("message");
    let start = format!("https://chat.googleapis.com/v1/spaces/A/messages?messageId={id}&requestId=");
    let request = url.strip_prefix(&start).and_then(|rest| rest.split('&').next()).unwrap();
    assert!(!request.is_empty() && request != id, "{url}");
    assert_eq!(receipt.fields().get("unconfirmed"), None, "Chat said that it has it");
    assert_eq!(body["text"], "Title · 10 s");
}

/// Only the message that follows a watch may be edited into being: a report is tried again instead.
#[tokio::test]
async fn a_message_that_may_be_there_is_followed_or_tried_again() {
    let notice = notice();
    let end = report(Outcome::Succeeded);
    let progress = About { topic: TOPIC, watch: "w", operation: "o", ..About::default() };
    let of = of_chat("spaces/A");
    let reply = To::Reply { of: &of, reach: Reach::Thread };
    let target = To::Target(None);
    let (lost, refused) = (Ok(answer(503, "")), Ok(answer(429, "")));
    for (answer, to, about, expected) in [
        (lost.clone(), target, progress, Some("true")),
        (refused, target, progress, None),
        (lost.clone(), reply, progress, None),
        (lost.clone(), target, about(&end), None),
        (lost, target, About::digest(TOPIC, "d"), None),
    ] {
        let (_, posted) =
            asked(answer, async |app| app.post(to, content(&notice, about), call(0)).await).await;
        let unconfirmed = posted.as_ref().ok().map(|receipt| receipt.as_ref().unwrap().text("unconfirmed"));
        assert_eq!(unconfirmed, expected, "{to:?} {about:?}: {posted:?}");
    }
}

#[tokio::test]
async fn an_edit_makes_a_message_only_where_it_may_be_missing() {
    let (notice, end) = (notice(), report(Outcome::Succeeded));
    let mut unconfirmed = of_chat("spaces/A").fields().clone();
    unconfirmed.insert("unconfirmed".to_owned(), "true".into());
    let unconfirmed = (ADDRESSING.receipt)(&unconfirmed).unwrap();
    for (at, is_missing) in [(of_chat("spaces/A"), false), (unconfirmed, true)] {
        let (asked, edited) =
            asked(named(), async |app| app.edit(&at, content(&notice, about(&end)), call(0)).await).await;
        assert_eq!(edited, Ok(()));
        let (url, body) = &asked[0];
        let path = format!("/v1/spaces/A/messages/{}?updateMask=text,cardsV2", at.text("message"));
        let more = if is_missing { "&allowMissing=true" } else { "" };
        assert_eq!(url, &format!("https://chat.googleapis.com{path}{more}"));
        assert_eq!(body.get("thread").is_some(), is_missing);
        assert_eq!(body["cardsV2"], json!([]), "an older card does not stay");
    }
    let gone = Ok(answer(404, json!({"error": {"message": "Not found"}}).to_string()));
    let at = of_chat("spaces/A");
    let (_, edited) =
        asked(gone, async |app| app.edit(&at, content(&notice, about(&end)), call(0)).await).await;
    assert_eq!(edited.unwrap_err().fault, Fault::Gone);
}

#[tokio::test]
async fn a_copy_of_a_message_is_not_deleted() {
    let at = of_chat("spaces/A");
    let (asked, retracted) = asked(named(), async |app| app.retract(&at, call(0)).await).await;
    assert_eq!((asked, retracted), (Vec::new(), Ok(())));
}

#[tokio::test]
async fn a_probe_asks_for_the_space() {
    let limit = Duration::from_secs(8);
    let space = Ok(answer(200, json!({"name": "spaces/A"}).to_string()));
    let (asked_for, probed) = asked(space, async |app| app.probe(limit).await).await;
    assert_eq!((asked_for[0].0.as_str(), probed), ("https://chat.googleapis.com/v1/spaces/A", Ok(())));
    for (status, fault) in [(200, Fault::Unclear), (302, Fault::Foreign), (403, Fault::Foreign)] {
        let (_, probed) = asked(Ok(answer(status, "<html>")), async |app| app.probe(limit).await).await;
        assert_eq!(probed.unwrap_err().fault, fault, "{status}");
    }
}

#[tokio::test]
async fn after_a_limit_less_is_written_and_nothing_in_vain() {
    let limited = Answer { retry_after: Some(Duration::from_secs(30)), ..answer(429, "{}") };
    let transport = Played::new([Ok(limited)]);
    let app = others(&["--chat-space=spaces/A"]).remove(0).open(&tools(&transport));
    let (notice, end) = (notice(), report(Outcome::Succeeded));
    let post = async |second| app.post(To::Target(None), content(&notice, about(&end)), call(second)).await;
    assert_eq!(post(0).await.unwrap_err().retry_after, Some(Duration::from_secs(30)));
    let place = Place::Target(None);
    assert!(!app.admits(place, at(10)) && app.resting(place, at(10)).is_some());
    let held = post(10).await.unwrap_err();
    assert!(held.retry_after.is_some_and(|wait| wait > Duration::from_secs(15)), "{held:?}");
    assert_eq!(transport.asked().len(), 1);
    assert!(app.admits(place, at(32)) && app.resting(place, at(32)).is_none());
    assert!(!app.admits(place, at(33)), "no more than one at a time");
}

#[tokio::test]
async fn a_webhook_posts_all_messages_of_a_watch_to_one_thread() {
    let (notice, end) = (notice(), report(Outcome::Failed));
    let url = "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t";
    let failed = Ok(answer(404, json!({"error": {"message": "Not found"}}).to_string()));
    let lost = Err(Failure::Broken(String::new()));
    for (answer, fault) in [(named(), None), (failed, Some(Fault::Access)), (lost, Some(Fault::Passing))] {
        let transport = Played::new([answer]);
        let webhook = others(&[WEBHOOK]).remove(0).open(&tools(&transport));
        let posted = webhook.post(To::Target(None), content(&notice, about(&end)), call(0)).await;
        assert_eq!(posted.as_ref().ok(), fault.is_none().then_some(&None));
        assert_eq!(posted.err().map(|error| error.fault), fault);
        let body = json!({"text": "Title · 10 s", "thread": {"threadKey": about(&end).thread()}});
        let url = format!("{url}&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD");
        assert_eq!(transport.asked(), [(url, body)]);
    }
    let empty = json!({"error": {"code": 400, "message": "Message cannot be empty", "status": "X"}});
    let transport = Played::new([Ok(answer(400, empty.to_string()))]);
    let webhook = others(&[WEBHOOK]).remove(0).open(&tools(&transport));
    assert_eq!(webhook.probe(Duration::from_secs(8)).await, Ok(()));
    assert_eq!(transport.asked(), [(url.to_owned(), json!({}))]);
}

#[tokio::test]
async fn a_webhook_that_was_asked_to_wait_rests() {
    let limited = Answer { retry_after: Some(Duration::from_secs(30)), ..answer(429, "{}") };
    let transport = Played::new([Ok(limited)]);
    let webhook = others(&[WEBHOOK]).remove(0).open(&tools(&transport));
    let (notice, end) = (notice(), report(Outcome::Failed));
    let posted = webhook.post(To::Target(None), content(&notice, about(&end)), call(0)).await;
    assert!(posted.is_err() && webhook.resting(Place::Target(None), at(1)).is_some());
    assert!(webhook.resting(Place::Target(None), at(40)).is_none());
}
