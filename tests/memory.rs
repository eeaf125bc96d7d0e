//! How much memory it takes to read a large answer, by valgrind, which counts the bytes on the heap.

use std::path::PathBuf;
use std::process::Command;

use opwatch::services::{Observation, Operation, read_operation};

const MEBIBYTE: usize = 1024 * 1024;
/// Tells the run under valgrind, and whether it reads.
const COUNTED: &str = "OPWATCH_COUNTED_MEMORY";

/// A stage of a query's plan, with the fields that BigQuery writes of each
/// (<https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#ExplainQueryStage>). Two of them are read.
const STAGE: &str = r#"{"name":"S00: Input","id":"0","startMs":"1795402801000","endMs":"1795402802000","waitRatioAvg":0.01,"waitMsAvg":"1",
"waitRatioMax":0.01,"waitMsMax":"1","readRatioAvg":0.5,"readMsAvg":"70","readRatioMax":1,"readMsMax":"140","computeRatioAvg":0.1,
"computeMsAvg":"14","computeRatioMax":0.2,"computeMsMax":"28","writeRatioAvg":0.03,"writeMsAvg":"4","writeRatioMax":0.06,
"writeMsMax":"8","shuffleOutputBytes":"1234567","shuffleOutputBytesSpilled":"0","recordsRead":"123456","recordsWritten":"1234",
"parallelInputs":"10","completedParallelInputs":"5","status":"RUNNING","slotMs":"4321","computeMode":"BIGQUERY",
"steps":[{"kind":"READ","substeps":["$1:id, $2:name","FROM my-project.shop.orders"]},{"kind":"WRITE","substeps":["TO __stage00_output"]}]}"#;

/// A job of BigQuery's whose query and plan have a mebibyte. Written by hand, so that making it takes no more memory than it has.
fn job() -> String {
    let mut job = String::with_capacity(MEBIBYTE + STAGE.len() + 1024);
    job.push_str(
        r#"{"jobReference":{"jobId":"j"},"status":{"state":"RUNNING"},"configuration":{"query":{"query":""#,
    );
    job.extend(std::iter::repeat_n('x', 10_000));
    job.push_str(r#""}},"statistics":{"query":{"queryPlan":["#);
    while job.len() < MEBIBYTE {
        job.push_str(STAGE);
        job.push(',');
    }
    job.push_str(STAGE);
    job.push_str("]}}}");
    job
}

#[test]
fn a_job_of_a_mebibyte_takes_three_times_that_at_most() {
    if let Ok(what) = std::env::var(COUNTED) {
        let job = job();
        let operation = Operation::new("bigquery.jobs".parse().unwrap(), "projects/p/jobs/j").unwrap();
        if what == "read" {
            let Observation::Running(facts) = read_operation(&operation, job.as_bytes()) else {
                panic!("it runs")
            };
            assert_eq!(facts.overall.and_then(opwatch::services::Progress::percent), Some(50));
        }
        return;
    }
    if std::env::var("OPWATCH_SKIP_VALGRIND").is_ok_and(|value| value == "1") {
        return;
    }
    let (read, held) = (peak("read"), peak("held"));
    assert!(held > MEBIBYTE, "the answer itself is counted: {held}");
    // The answer itself is the third.
    assert!(read - held <= 2 * MEBIBYTE, "{} bytes to read {MEBIBYTE}", read - held);
}

/// The most bytes on the heap at a time.
fn peak(what: &str) -> usize {
    let scratch =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("dhat.{what}.{}", std::process::id()));
    let run = Command::new("valgrind")
        .arg("--tool=dhat")
        .arg(format!("--dhat-out-file={}", scratch.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "memory::a_job_of_a_mebibyte_takes_three_times_that_at_most", "--test-threads=1"])
        .env(COUNTED, what)
        .output()
        .expect("valgrind must be installed (tests/run does it), or OPWATCH_SKIP_VALGRIND=1 be set");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{said}");
    std::fs::remove_file(scratch).unwrap();
    let peak = said.lines().find_map(|line| line.split_once("At t-gmax: ")?.1.split_once(" bytes"));
    peak.and_then(|(bytes, _)| bytes.replace(',', "").parse().ok()).unwrap_or_else(|| panic!("{said}"))
}
