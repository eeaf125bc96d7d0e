//! Logins of every kind against a strict stand-in of Google's sign-in: how each becomes a token, how tokens are renewed, and
//! that neither a secret nor a token ever goes where it does not belong.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opwatch::fakes::sign_in::{
    ACCOUNT, AUDIENCE, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, REQUEST_TOKEN, SignIn,
};
use opwatch::fakes::{Fault, Options, RecordedRequest, World};
use opwatch::google::{Google, LOGIN, Places, Tokens};
use opwatch::net::endpoints::{Api, Endpoints};
use opwatch::net::transport::{Network, Transport};
use opwatch::services::{Observation, Operation, Service};
use serde_json::{Value, json};

use crate::support::opwatch::{NAME, lasting};
use crate::support::process::outcome;
use crate::support::tokens::account_key;

const LIMIT: Duration = Duration::from_secs(8);
const IMPERSONATION: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/deployer@demo.iam.gserviceaccount.com:generateAccessToken";

/// A folder of this test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("login-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::write(&file, text).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

async fn world() -> World {
    let world = World::start(Options::default()).await.unwrap();
    world.operations.add(NAME, lasting(0));
    world
}

/// Google with the login in `places`.
fn google(world: &World, places: Places) -> Google {
    let mut endpoints = Endpoints::default();
    endpoints.set(Api::Operations(Service::DATASTORE), &world.operations.url()).unwrap();
    for api in [Api::OAuth, Api::Sts, Api::IamCredentials, Api::Metadata] {
        endpoints.set(api, &world.sign_in.url()).unwrap();
    }
    let network: Arc<dyn Transport> = Arc::new(Network::new().unwrap());
    let tokens = Tokens::of_login(None, places, Arc::clone(&network), &endpoints);
    Google::new(network, tokens, endpoints)
}

fn named(file: PathBuf) -> Places {
    Places { named: Some(file), ..Places::default() }
}

/// What is wrong, if the operation can't be read.
async fn look(google: &Google) -> Option<String> {
    let operation = Operation::new(Service::DATASTORE, NAME).unwrap();
    match google.look(&operation, LIMIT).await.observation {
        Observation::Running(_) | Observation::Ended(..) => None,
        Observation::Unavailable(error) | Observation::Unreadable(error) => Some(error.to_string()),
    }
}

fn user() -> Value {
    json!({"type": "authorized_user", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN, "quota_project_id": "billed", "account": "", "universe_domain": "googleapis.com"})
}

fn key(sign_in: &SignIn) -> Value {
    let (pem, public) = account_key();
    sign_in.set_key(&public);
    json!({"type": "service_account", "project_id": "demo", "private_key_id": "k1", "private_key": pem,
        "client_email": ACCOUNT, "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth", "universe_domain": "googleapis.com"})
}

/// As `gcloud iam workload-identity-pools create-cred-config` writes it.
fn external(source: &Value) -> Value {
    json!({"type": "external_account", "audience": AUDIENCE, "universe_domain": "googleapis.com",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token", "credential_source": source})
}

/// As google-github-actions/auth writes it.
fn github(sign_in: &SignIn) -> Value {
    let mut file = external(&json!({"url": sign_in.subject_url(),
        "headers": {"Authorization": format!("Bearer {REQUEST_TOKEN}")},
        "format": {"type": "json", "subject_token_field_name": "value"}}));
    file["service_account_impersonation_url"] = json!(IMPERSONATION);
    file
}

fn paths(requests: &[RecordedRequest]) -> Vec<&str> {
    requests.iter().map(|request| request.path.as_str()).collect()
}

#[tokio::test]
async fn every_kind_of_login_becomes_a_token() {
    let impersonate = &IMPERSONATION["https://iamcredentials.googleapis.com".len()..];
    let (world, folder) = (world().await, Folder::new());
    let sign_in = &world.sign_in;
    let subject = folder.write("subject", &format!("{}\n", sign_in.subject()));
    let subject_json = folder.write("subject.json", &json!({"id_token": sign_in.subject()}).to_string());
    let in_json =
        json!({"file": subject_json, "format": {"type": "json", "subject_token_field_name": "id_token"}});
    let mut impersonated = json!({"type": "impersonated_service_account", "source_credentials": user(),
        "service_account_impersonation_url": IMPERSONATION, "delegates": []});
    let mut short = external(&json!({"file": "subject"}));
    short["service_account_impersonation_url"] = json!(IMPERSONATION);
    short["service_account_impersonation"] = json!({"token_lifetime_seconds": 600});
    impersonated["quota_project_id"] = json!("billed");
    for (file, asked, project) in [
        (user(), vec!["/token"], Some("billed")),
        (key(sign_in), vec!["/token"], None),
        (external(&json!({"file": subject})), vec!["/v1/token"], None),
        (external(&in_json), vec!["/v1/token"], None),
        (github(sign_in), vec!["/ci/id-token?audience=google", "/v1/token", impersonate], None),
        (short, vec!["/v1/token", impersonate], None),
        (impersonated, vec!["/token", impersonate], Some("billed")),
    ] {
        let before = sign_in.requests().len();
        let google = google(&world, named(folder.write("login.json", &file.to_string())));
        assert_eq!(look(&google).await, None, "{file}");
        assert_eq!(look(&google).await, None, "{file}");
        assert_eq!(paths(&sign_in.requests()[before..]), asked, "once for two looks: {file}");
        let looked = world.operations.requests().pop().unwrap();
        let token = format!("Bearer {}", sign_in.issued().pop().unwrap());
        assert_eq!(looked.header("authorization"), Some(token.as_str()), "{file}");
        assert_eq!(looked.header("x-goog-user-project"), project, "{file}");
    }
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn the_login_is_looked_for_where_google_s_tools_keep_it() {
    let (world, folder) = (world().await, Folder::new());
    let sign_in = &world.sign_in;
    sign_in.set_machine();
    let well_known = folder.write("application_default_credentials.json", &user().to_string());
    let kind = async |places: Places| {
        assert_eq!(look(&google(&world, places)).await, None);
        let token = sign_in.issued().pop().unwrap();
        let project = world.operations.requests().pop().unwrap();
        let project = project.header("x-goog-user-project").unwrap_or_default().to_owned();
        (token.trim_end_matches(char::is_numeric).to_owned(), project)
    };
    let all = Places {
        named: Some(folder.write("key.json", &key(sign_in).to_string())),
        well_known: Some(well_known.clone()),
        ..Places::default()
    };
    assert_eq!(kind(all.clone()).await, ("ya29.key-".to_owned(), String::new()));
    let quota_project = Some("other".to_owned());
    let own = Places { named: None, quota_project, ..all };
    assert_eq!(kind(own).await, ("ya29.user-".to_owned(), "other".to_owned()));
    let nowhere = Places { well_known: Some(folder.0.join("none.json")), ..Places::default() };
    assert_eq!(kind(nowhere).await, ("ya29.machine-".to_owned(), String::new()));
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn tokens_are_renewed_with_a_new_token_of_the_ci_system() {
    let (world, folder) = (world().await, Folder::new());
    let sign_in = &world.sign_in;
    // About to expire, so each look needs another one.
    sign_in.set_lasting(20);
    let google =
        google(&world, named(folder.write("login.json", &external(&json!({"file": "subject"})).to_string())));
    for number in 1..=2 {
        let subject = folder.write("subject", &sign_in.subject());
        assert_eq!(look(&google).await, None, "{subject:?}");
        assert_eq!(sign_in.issued().len(), number);
    }
    // One that is refused in its time is forgotten, and the look is repeated.
    sign_in.set_lasting(3_599);
    assert_eq!(look(&google).await, None);
    world.operations.fail_next(Fault::answer(401, ""));
    assert_eq!(look(&google).await, None);
    assert_eq!(sign_in.issued().len(), 4);
    assert_eq!(google.token_expiry(LIMIT).await, None, "it does not end");
    assert_eq!(world.violations(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn a_login_that_does_not_work_says_why_and_repeats_no_secret() {
    let (world, folder) = (world().await, Folder::new());
    let sign_in = &world.sign_in;
    let change = |mut file: Value, field: &str, value: Value| {
        file.as_object_mut().unwrap().insert(field.to_owned(), value);
        file
    };
    let source = |value: Value| external(&value);
    let stale = folder.write("stale", "subject-canary-of-yesterday");
    let other_account = IMPERSONATION.replace("deployer", "owner");
    let github = github(sign_in);
    for (file, said) in [
        (
            change(user(), "refresh_token", json!("1//0revoked-canary")),
            "HTTP 400 invalid_grant: Token has been expired or revoked. Log in again: `gcloud auth application-default login`",
        ),
        (change(user(), "refresh_token", Value::Null), "login.json: refresh_token is missing"),
        (change(key(sign_in), "private_key", json!("canary")), "private_key: is not an RSA key"),
        (source(json!({"file": stale})), "HTTP 400 invalid_grant: The token *** is stale to sign-in."),
        (source(json!({"file": "none"})), "No such file"),
        (
            change(github.clone(), "service_account_impersonation_url", json!(other_account)),
            "getAccessToken' denied",
        ),
        (
            source(json!({"executable": {"command": "/bin/canary"}})),
            "credential_source.executable: opwatch runs no program",
        ),
        (
            source(json!({"environment_id": "aws1", "url": "http://169.254.169.254/x"})),
            "can't sign requests to AWS",
        ),
        (source(json!({"certificate": {}})), "credential_source.certificate"),
        (source(json!({})), "needs `file` or `url`"),
        (source(json!({"file": stale, "format": {"type": "xml"}})), "\"xml\" is neither text nor json"),
        (source(json!({"file": stale, "format": {"type": "json"}})), "subject_token_field_name: must name"),
        (
            source(json!({"file": stale, "format": {"type": "json", "subject_token_field_name": "x"}})),
            "there is no field \"x\" with a text",
        ),
        (
            source(json!({"url": "http://ci.example.com/canary"})),
            "credential_source.url: must be an https URL",
        ),
        (change(user(), "type", json!("gdch_service_account")), "\"gdch_service_account\" are not supported"),
        (
            change(user(), "universe_domain", json!("example.com")),
            "universe \"example.com\" is not supported",
        ),
        (json!({"installed": {"client_secret": "canary"}}), "not a credential file: it has no type"),
        (json!("canary"), "not a credential file: invalid JSON"),
    ] {
        let path = folder.write("login.json", &file.to_string());
        let error = look(&google(&world, named(path))).await.expect(said);
        assert!(error.contains(said) && error.contains("GOOGLE_APPLICATION_CREDENTIALS="), "{said}: {error}");
        assert!(!error.contains("canary"), "{error}");
        assert!(!error.contains("ya29."), "{error}");
    }
    let missing = look(&google(&world, named(folder.0.join("missing.json")))).await.unwrap();
    assert!(missing.contains("missing.json: No such file"), "{missing}");
    let nowhere = look(&google(&world, Places::default())).await.unwrap();
    assert!(nowhere.contains("no login was found"), "{nowhere}");
    assert!(world.operations.requests().is_empty(), "nothing is called without a token");
    world.stop().await;
}

/// A file that someone else wrote: it must not send a token to its author.
#[tokio::test]
async fn a_token_goes_to_no_host_that_a_file_names() {
    let (world, folder) = (world().await, Folder::new());
    let sign_in = &world.sign_in;
    folder.write("subject", &sign_in.subject());
    let good = external(&json!({"file": "subject"}));
    for (field, url) in [
        ("token_url", "https://sts.evil.com/v1/token"),
        ("token_url", "https://evil.com/sts.googleapis.com/v1/token"),
        ("token_url", "https://sts.googleapis.com.evil.com/v1/token"),
        ("token_url", "https://sts.googleapis.com@evil.com/v1/token"),
        ("token_url", "https://sts.googleapis.com:8443/v1/token"),
        ("token_url", "http://sts.googleapis.com/v1/token"),
        ("token_url", "http://127.0.0.1:9/v1/token"),
        // A bucket could have this name.
        ("token_url", "https://storage.googleapis.com/v1/token"),
        ("token_url", "https://sts.storage.googleapis.com/v1/token"),
        ("token_url", "https://sts.googleapis.com/v1/token?next=evil.com"),
        ("token_url", "https://sts.googleapis.com/v1/introspect"),
        (
            "service_account_impersonation_url",
            "https://iamcredentials.evil.com/v1/projects/-/serviceAccounts/a:generateAccessToken",
        ),
        (
            "service_account_impersonation_url",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a:signJwt",
        ),
        (
            "service_account_impersonation_url",
            "https://sts.googleapis.com/v1/projects/-/serviceAccounts/a:generateAccessToken",
        ),
    ] {
        let mut file = good.clone();
        file[field] = json!(url);
        let error =
            look(&google(&world, named(folder.write("login.json", &file.to_string())))).await.expect(url);
        assert!(error.contains(field) && error.contains("the token is sent nowhere else"), "{url}: {error}");
    }
    let mut evil = key(sign_in);
    evil["token_uri"] = json!("https://evil.com/token");
    let error = look(&google(&world, named(folder.write("login.json", &evil.to_string())))).await.unwrap();
    assert!(error.contains("token_uri"), "{error}");
    assert!(sign_in.requests().is_empty(), "{:?}", sign_in.requests());
    // Google's other hosts are as good.
    for url in [
        "https://sts.mtls.googleapis.com/v1/token",
        "https://sts.us-east1.rep.googleapis.com/v1/token",
        "https://us-east1-sts.googleapis.com/v1/token",
        "https://sts-net.p.googleapis.com/v1/token",
    ] {
        let mut file = good.clone();
        file["token_url"] = json!(url);
        assert_eq!(
            look(&google(&world, named(folder.write("login.json", &file.to_string())))).await,
            None,
            "{url}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn a_token_that_was_set_ends() {
    let (world, folder) = (world().await, Folder::new());
    let login = google(&world, named(folder.write("login.json", &user().to_string())));
    assert_eq!(look(&login).await, None);
    world.sign_in.set_lasting(1_800);
    let issued = world.sign_in.issued().pop().unwrap();
    let left = async |token: &str| {
        let mut endpoints = Endpoints::default();
        endpoints.set(Api::OAuth, &world.sign_in.url()).unwrap();
        let google =
            Google::new(Arc::new(Network::new().unwrap()), Tokens::new(Some(token.into())), endpoints);
        let expiry = google.token_expiry(LIMIT).await.unwrap();
        ((expiry.at - chrono::Utc::now()).num_minutes() + 1, expiry.is_known)
    };
    assert_eq!(left(&issued).await, (30, true));
    assert_eq!(left("unknown").await, (60, false), "an hour, as most tokens last");
    world.stop().await;
}

/// The wiring of a command: where the variables say that a login is.
#[tokio::test]
async fn a_command_uses_the_login_of_its_environment() {
    let (world, folder) = (world().await, Folder::new());
    let endpoints = format!("{},{}", world.endpoints(), world.sign_in.endpoints());
    let file = folder.write("login.json", &github(&world.sign_in).to_string());
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let variables = |name: &'static str, value: String| {
        [("ENDPOINTS", endpoints.clone()), (name, value), ("PATH", "/nowhere".to_owned())]
    };
    let (code, out, error) =
        outcome(&["check", NAME], &variables("GOOGLE_APPLICATION_CREDENTIALS", text(&file))).await;
    assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
    folder.write("application_default_credentials.json", &user().to_string());
    let (code, out, error) = outcome(&["check", NAME], &variables("CLOUDSDK_CONFIG", text(&folder.0))).await;
    assert_eq!((code, error.as_str()), (Some(0), ""), "{out}");
    let kinds: Vec<String> = world.sign_in.issued();
    assert_eq!(kinds, ["ya29.federated-1", "ya29.account-2", "ya29.user-3"]);
    // The home of somebody who has never logged in.
    let (code, out, error) = outcome(&["check", NAME], &variables("HOME", text(&folder.0))).await;
    assert_eq!((code, error), (Some(1), format!("opwatch: {LOGIN}\n")), "{out}");
    assert!(out.contains("no login was found"), "{out}");
    // Of two operations it is said once.
    let other = format!("{NAME}2");
    let (code, out, error) = outcome(&["wait", NAME, &other], &variables("HOME", text(&folder.0))).await;
    assert_eq!((code, error), (Some(3), format!("opwatch: {LOGIN}\n")), "{out}");
    world.stop().await;
}
