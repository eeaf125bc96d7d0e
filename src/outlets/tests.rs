//! What all outlets have in common, and what their tests do.

mod app;
mod card;
mod slack_calls;
mod topic;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::{Command, FromArgMatches};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::access::Tools;
use super::*;
use crate::google::{Google, Tokens};
use crate::net::transport::{Answer, Failure, Request, Sending as Sent, Transport};
use crate::prose::Colour;
use crate::services::{OperationInfo, Service};
use crate::testing::{Script, TOPIC, answer, at};
use crate::watch::{Routing, Verdict, Watch};

/// Answers as a script says, and keeps what it was asked.
pub(super) struct Played {
    script: Script,
    requests: Mutex<Vec<Request>>,
}

impl Played {
    pub(super) fn new(answers: impl IntoIterator<Item = Result<Answer, Failure>>) -> Arc<Self> {
        Arc::new(Self { script: Script::new(answers), requests: Mutex::default() })
    }

    /// The URLs that were asked, and the bodies.
    pub(super) fn asked(&self) -> Vec<(String, Json)> {
        let of = |request: &Request| {
            let body = serde_json::from_slice(&request.body).unwrap_or_default();
            (request.url.expose_secret().to_owned(), body)
        };
        self.requests.lock().unwrap().iter().map(of).collect()
    }

    /// The headers of all requests.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let requests = self.requests.lock().unwrap();
        let headers = requests.iter().flat_map(|request| &request.headers);
        headers.map(|(name, value)| (name.to_string(), value.clone())).collect()
    }
}

impl Transport for Played {
    fn send(&self, request: Request, _: Duration) -> Sent<'_> {
        self.requests.lock().unwrap().push(request);
        let next = self.script.next();
        Box::pin(async move { next })
    }
}

/// What outlets make their calls with, of which the answers are played.
pub(super) fn tools(transport: &Arc<Played>) -> Tools {
    let transport: Arc<dyn Transport> = Arc::<Played>::clone(transport);
    let google = Google::new(Arc::clone(&transport), Tokens::new(Some("t".into())), Endpoints::default());
    Tools { transport, google: Arc::new(google) }
}

pub(super) fn call(second: i64) -> Call {
    Call { limit: Duration::from_secs(8), now: at(second) }
}

/// A notice that says little.
pub(super) fn notice() -> Notice {
    Notice {
        colour: Colour::Green,
        title: "Title".to_owned(),
        summary: vec!["10 s".to_owned()],
        bar: None,
        values: Vec::new(),
        texts: Vec::new(),
        commands: Vec::new(),
        mentions: Vec::new(),
    }
}

/// The same that mentions someone.
pub(super) fn mentioning(who: &str) -> Notice {
    Notice { mentions: vec![Mention::new(who)], ..notice() }
}

/// A report of the watch `w` that came to this.
pub(super) fn report(outcome: Outcome) -> Report {
    let watch = Watch { id: "w".to_owned(), ..Watch::default() };
    Report::new(watch, Verdict::new(outcome, None, OperationInfo::default()), at(0))
}

pub(super) fn about(report: &Report) -> About<'_> {
    About::report(TOPIC, report)
}

pub(super) fn content<'a>(notice: &'a Notice, about: About<'a>) -> Content<'a> {
    Content { notice, part: Part::Whole, plain: false, about }
}

/// The outlets that these settings set up, besides Slack.
pub(super) fn others(flags: &[&str]) -> Vec<Arc<dyn Access>> {
    let command = OtherOutletArgs::augment_args(Command::new("outlets").no_binary_name(true));
    let args = OtherOutletArgs::from_arg_matches(&command.try_get_matches_from(flags).unwrap()).unwrap();
    let mut problems = Problems::default();
    let access = args.check(&Endpoints::default(), &mut problems);
    assert_eq!(problems.to_string(), "");
    access
}

const WEBHOOK: &str = "--chat-webhook-url=https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t";
const ALL: [&str; 5] = [
    "--events-url=https://example.com/x",
    "--events-secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "--chat-space=spaces/A",
    "--chat-mention=users/all",
    "--events-topic=projects/p/topics/t",
];

/// Slack's webhook or its bot.
fn slack(is_bot: bool) -> Arc<dyn Access> {
    let bot = slack::Access::Bot { base: "https://slack.com".to_owned(), token: "xoxb-x".into() };
    Arc::new(if is_bot { bot } else { slack::Access::Webhook("https://hooks.slack.com/x".into()) })
}

/// The outlets with these settings, which can't reach anything.
pub(super) fn opened(settings: &[Arc<dyn Access>]) -> Outlets {
    Outlets::open(settings, &tools(&Played::new([])))
}

/// Slack's bot, and all others: events, Chat as an app, the topic.
pub(super) fn all() -> Vec<Arc<dyn Access>> {
    std::iter::once(slack(true)).chain(others(&ALL)).collect()
}

/// The receipt of a message in Slack, and of one in this space of Chat.
pub(super) fn of_slack() -> Receipt {
    Receipt::new([("channel", "C024BE91L"), ("ts", "1.000200")])
}

pub(super) fn of_chat(space: &str) -> Receipt {
    Receipt::new([("space", space), ("message", &format!("client-{}", "a".repeat(56)))])
}

#[test]
fn every_outlet_is_what_it_is_known_as() {
    let webhook = [WEBHOOK, "--chat-mention=users/7"];
    let settings = [vec![slack(false)], all(), others(&webhook)].into_iter().flatten().collect::<Vec<_>>();
    let texts = Powers { texts: true, ..Powers::default() };
    let threads = Powers { threads: true, mentions: true, ..texts };
    let edits = Powers { edits: true, ..threads };
    let expected = [
        ("slack", "Slack", Powers { mentions: true, ..texts }, "webhook", true, None),
        ("slack", "Slack", Powers { targets: true, ..edits }, "permission to post not checked", true, None),
        ("events", "EVENTS_URL", Powers::default(), "EVENTS_SECRET are well-formed", false, None),
        ("chat", "Google Chat", edits, "the app is in CHAT_SPACE", false, Some("users/all")),
        ("topic", "EVENTS_TOPIC", Powers::default(), "publishing to EVENTS_TOPIC", false, None),
        ("chat", "Google Chat", threads, "Google Chat's webhook", false, Some("users/7")),
    ];
    assert_eq!(settings.len(), expected.len());
    let outlets = opened(&settings);
    let (slacks, chats) = (of_slack(), of_chat("spaces/A"));
    for ((access, outlet), expected) in settings.iter().zip(outlets.all()).zip(expected) {
        let (id, title, powers, probed, takes_addresses, mention) = expected;
        assert_eq!((access.id(), access.powers()), (id, powers), "{title}");
        assert_eq!((outlet.id(), outlet.title(), outlet.powers()), (id, title, powers));
        assert!(outlet.probed().contains(probed), "{title}: {}", outlet.probed());
        assert_eq!(outlet.takes_addresses(), takes_addresses, "{title}");
        assert_eq!(outlet.mention().map(Mention::as_str), mention, "{title}");
        let (is_slack, is_app) = (id == "slack", id == "chat" && powers.edits);
        assert_eq!((outlet.wrote(&slacks), outlet.wrote(&chats)), (is_slack, is_app), "{title}: {probed}");
        assert!(!outlet.wrote(&of_chat("spaces/B")), "{title}: another space");
        let target = outlet.target_of(&slacks).map(|target| target.to_string());
        assert_eq!(target.as_deref(), is_slack.then_some("C024BE91L"), "{title}: {probed}");
        for place in [Place::Target(None), Place::Message(&chats)] {
            assert!(outlet.admits(place, at(0)) && outlet.resting(place, at(0)).is_none(), "{title}");
        }
    }
    assert!(others(&[]).is_empty());
}

#[tokio::test]
async fn what_can_not_edit_says_so_and_asks_nobody() {
    let transport = Played::new([]);
    let settings = [vec![slack(false)], others(&ALL), others(&[WEBHOOK])].into_iter().flatten();
    let (notice, end) = (notice(), report(Outcome::Succeeded));
    for access in settings.filter(|access| !access.powers().edits) {
        let outlet = access.open(&tools(&transport));
        let receipt = of_slack();
        let edited = outlet.edit(&receipt, content(&notice, about(&end)), call(0)).await.unwrap_err();
        let retracted = outlet.retract(&receipt, call(0)).await.unwrap_err();
        for error in [edited, retracted] {
            assert_eq!((error.outlet, error.fault), (outlet.title(), Fault::Uneditable));
            assert!(error.advice.contains("report this as a bug") && error.text.contains("can't be edited"));
        }
    }
    assert_eq!(transport.asked(), []);
}

/// Copies of a message, and versions of opwatch, must come to the same id.
#[test]
fn the_id_of_a_message_follows_from_what_it_is_about() {
    let progress = |operation| About { topic: "t", watch: "w", operation, ..About::default() };
    let digest = About::digest("t", "w");
    assert_eq!(digest.id(), hash(&["t", "w", "digest"]));
    assert_eq!(progress("a").id(), hash(&["t", "w", "a", "progress"]));
    assert_eq!(progress("").id(), hash(&["t", "w", "", "progress"]));
    let operation = Operation::new(Service::DATASTORE, "projects/p/operations/o").unwrap();
    let check = Check::new(Watch { id: "w".to_owned(), ..Watch::default() }, operation, at(0));
    assert_eq!(About::progress("t", &check).id(), progress("projects/p/operations/o").id());
    let end = report(Outcome::Failed);
    let about_end = About { digest: true, ..about(&end) };
    assert_eq!(about_end.id(), report_id(TOPIC, &end), "that of its task");
    assert_eq!(progress("a").thread(), hash(&["t", "w", "a", "thread"]));
    let same = About { report: Some(&end), ..progress("a") };
    assert_eq!(same.thread(), progress("a").thread(), "of all messages of a watch");
}

#[test]
fn data_is_sent_of_ends_and_of_the_test() {
    use Outcome::{
        Cancelled, CannotTell, Doctor, Failed, LimitReached, Lost, NotStarted, Notice, Running, Stalled,
        Succeeded, Test,
    };
    for outcome in [Succeeded, Failed, Cancelled, NotStarted, LimitReached, CannotTell, Lost, Doctor] {
        assert!(about(&report(outcome)).end().is_some(), "{outcome:?}");
    }
    for outcome in [Running, Stalled, Notice, Test] {
        assert!(about(&report(outcome)).end().is_none(), "{outcome:?}");
    }
    assert!(About::digest("t", "d").end().is_none());
}

#[test]
fn a_receipt_is_read_whichever_outlet_wrote_it() {
    let read = |receipt: &Receipt| (ADDRESSING.receipt)(receipt.fields());
    for receipt in [of_slack(), of_chat("spaces/A")] {
        assert_eq!(read(&receipt).as_ref(), Some(&receipt));
    }
    assert_eq!(read(&Receipt::new([("channel", "x")])), None);
}

fn ids<'a>(outlets: impl IntoIterator<Item = &'a dyn Outlet>) -> Vec<&'static str> {
    outlets.into_iter().map(Outlet::id).collect()
}

#[test]
fn a_report_goes_to_the_outlets_that_it_is_for() {
    let outlets = opened(&all());
    let to = |outcome, chosen: Option<&[&'static str]>| {
        let mut report = report(outcome);
        report.watch.routing.outlets = chosen.map(<[_]>::to_vec);
        ids(outlets.recipients(&report))
    };
    let every = ["slack", "events", "chat", "topic"];
    for end in [Outcome::Succeeded, Outcome::Failed, Outcome::Lost] {
        assert_eq!(to(end, None), every);
        assert_eq!(to(end, Some(&["topic", "events"])), ["events", "topic"]);
        assert_eq!(to(end, Some(&["gone"])), every, "none of it is set up");
    }
    assert_eq!(to(Outcome::Test, None), ["slack", "chat"], "those that people read");
    assert_eq!(to(Outcome::Test, Some(&["events", "chat"])), ["chat"]);
    for other in [Outcome::Running, Outcome::Stalled, Outcome::Notice] {
        assert_eq!(to(other, None), ["slack"], "{other:?}");
        assert_eq!(to(other, Some(&["events", "chat"])), ["chat"], "{other:?}");
        assert_eq!(to(other, Some(&["events"])), Vec::<&str>::new(), "{other:?}");
    }
}

#[test]
fn a_watch_is_followed_by_the_first_that_edits() {
    let home = |settings: Vec<Arc<dyn Access>>| {
        ids(opened(&settings).home(&Routing::default()).into_iter().collect::<Vec<_>>())
    };
    let events = || others(&ALL[..2]);
    assert_eq!(home([vec![slack(false)], others(&ALL)].concat()), ["chat"]);
    assert_eq!(home([events(), vec![slack(false)], others(&[WEBHOOK])].concat()), ["slack"]);
    assert_eq!(home([events(), others(&[WEBHOOK]), vec![slack(true)]].concat()), ["slack"]);
    assert_eq!(home(events()), Vec::<&str>::new());
}

#[test]
fn outlets_are_found_by_their_id_and_by_what_they_wrote() {
    let outlets = opened(&[others(&ALL), vec![slack(true)]].concat());
    let found = |id| ids(outlets.find(id));
    assert_eq!(found(None), ["slack"], "the one that reports do not name");
    assert_eq!([found(Some("chat")), found(Some("topic"))], [["chat"], ["topic"]]);
    assert_eq!(found(Some("gone")), Vec::<&str>::new());
    let writer = |receipt: &Receipt| ids(outlets.writer(receipt));
    assert_eq!([writer(&of_slack()), writer(&of_chat("spaces/A"))], [["slack"], ["chat"]]);
    assert_eq!(writer(&of_chat("spaces/B")), Vec::<&str>::new());
}

#[test]
fn what_only_one_outlet_understands_goes_to_no_other() {
    let outlets = opened(&all());
    let mut report = report(Outcome::Failed);
    let (target, mention) = (Some(Target::new("C024BE91L")), Some(Mention::new("here")));
    report.watch.routing = Routing { target, mention, ..Routing::default() };
    report.live = Some(of_slack());
    let to = |id| addressed(&report, outlets.find(Some(id)).unwrap());
    assert_eq!(to("slack"), report, "it has its name from before there were others");
    for id in ["chat", "events", "topic"] {
        let other = to(id);
        assert_eq!((other.outlet.as_deref(), &other.live), (Some(id), &None));
        assert_eq!(other.watch.routing, Routing::default(), "{id}");
    }
    report.live = Some(of_chat("spaces/A"));
    let to = |id| addressed(&report, outlets.find(Some(id)).unwrap()).live;
    assert_eq!((to("slack"), to("chat")), (None, report.live.clone()));
}

/// An answer that names the message.
#[expect(clippy::unnecessary_wraps, reason = "a transport may fail")]
pub(super) fn named() -> Result<Answer, Failure> {
    Ok(answer(200, json!({"name": "spaces/A/messages/m"}).to_string()))
}
