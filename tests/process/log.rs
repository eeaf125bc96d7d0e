//! Nobody reads the log for a while.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use crate::support::opwatch::{NAME, client, send};
use crate::support::process::{Process, read};
use crate::support::pushes::push_of;
use crate::support::stub::Stub;

/// Their lines are more than a pipe and the process together keep.
const PUSHES: usize = 5_000;
const AT_A_TIME: usize = 50;
const LIMIT: Duration = Duration::from_secs(60);

/// A second signal must not make the last line wait for a reader.
#[tokio::test]
async fn a_log_that_nobody_reads_holds_up_no_end_however_often_it_is_asked_for() {
    let stub = Stub::open().await;
    let process = Process::start(&stub.variables()).await;
    let unread = process.leave_log_unread().await;
    let client = client();
    // Many times what a pipe holds.
    for number in 0..1_000 {
        let message = json!({"name": format!("{NAME}{number}")});
        let push = client.post(process.url()).body(push_of(&number.to_string(), &message));
        assert_eq!(send(push).await.0, 204);
    }
    let ended = tokio::time::timeout(Duration::from_secs(15), async {
        while process.is_running() {
            process.signal("TERM").await;
        }
    });
    ended.await.expect("it ends though nobody reads its last line");
    drop(unread);
    assert_eq!(process.ended().await.0, Some(0));
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_up_no_push_and_tells_what_it_left_out() {
    let stub = Stub::open().await;
    let process = Process::start(&stub.variables()).await;
    let client = client();
    let push = |number: usize| {
        let message = json!({"name": format!("{NAME}{number}")});
        send(client.post(process.url()).body(push_of(&number.to_string(), &message)))
    };
    let unread = process.leave_log_unread().await;
    let answered = tokio::time::timeout(LIMIT, async {
        let mut pushes = JoinSet::<(u16, String)>::new();
        for number in 0..PUSHES {
            if pushes.len() == AT_A_TIME {
                assert_eq!(pushes.join_next().await.unwrap().unwrap().0, 204);
            }
            pushes.spawn(push(number));
        }
        pushes.join_all().await
    });
    let last = answered.await.expect("every push is answered though nobody reads the log");
    assert!(last.iter().all(|(status, _)| *status == 204), "{last:?}");
    assert_eq!(stub.tasks(), 2 * PUSHES, "checks and sentinels");

    drop(unread);
    let next = push(PUSHES);
    assert_eq!(next.await.0, 204);
    let lines = read(&process.stop().await);
    let told = lines.iter().filter_map(|line| {
        let (_, after) = line["message"].as_str()?.split_once("nobody read the log for a while: ")?;
        after.split(' ').next()?.parse::<usize>().ok()
    });
    let [left_out] = told.collect::<Vec<_>>()[..] else { panic!("it is told once") };
    let whole = lines.iter().filter(|line| line["decision"] == "check-again").count();
    assert!(left_out > 0 && whole > 1_000);
    assert_eq!(whole + left_out, PUSHES + 1);
}
