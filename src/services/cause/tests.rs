//! Which cause an error has, row by row.

#![expect(clippy::unnecessary_wraps, reason = "each is the cause that an error may have")]

use super::*;

const DENIED: Status = Status::PermissionDenied;

fn attempt(service: Service, method: Method) -> Attempt<'static> {
    Attempt {
        service,
        method,
        database: Some("orders"),
        location: Some("gs://my-backups/nightly"),
        ..Attempt::of_api("datastore", "demo")
    }
}

/// An error with this status and text, from this call.
fn said(method: Method, status: Status, text: &str) -> Option<Cause> {
    of(Service::DATASTORE, method, status, text)
}

fn of(service: Service, method: Method, status: Status, text: &str) -> Option<Cause> {
    Cause::of(&attempt(service, method), &ApiError::new(403, status, text))
}

/// An error with this in its details.
fn with_info(method: Method, info: ErrorInfo) -> Option<Cause> {
    let error = ApiError { info: Some(Box::new(info)), ..ApiError::new(403, DENIED, "no") };
    Cause::of(&attempt(Service::DATASTORE, method), &error)
}

fn reason(reason: &str) -> ErrorInfo {
    ErrorInfo { reason: reason.to_owned(), domain: "googleapis.com".to_owned(), ..ErrorInfo::default() }
}

fn project() -> String {
    "demo".to_owned()
}

fn bucket() -> Option<String> {
    Some("my-backups".to_owned())
}

fn lacks(permission: Option<&str>, imports: bool) -> Option<Cause> {
    let (permission, project) = (permission.map(str::to_owned), project());
    Some(Cause::CallerLacks { permission, project, service: Service::DATASTORE, imports })
}

fn quota(quota: Option<&str>, starts: bool) -> Option<Cause> {
    Some(Cause::Quota { quota: quota.map(str::to_owned), starts })
}

fn agent(agent: Option<&str>) -> Option<Cause> {
    Some(Cause::AgentLacks { agent: agent.map(str::to_owned), bucket: bucket(), project: project() })
}

fn perimeter(id: Option<&str>) -> Option<Cause> {
    Some(Cause::Perimeter { project: project(), id: id.map(str::to_owned) })
}

fn no_billing() -> Option<Cause> {
    Some(Cause::NoBilling { project: project() })
}

fn wrong_project() -> Option<Cause> {
    Some(Cause::WrongProject { project: project() })
}

fn disabled(api: &str) -> Option<Cause> {
    Some(Cause::ApiDisabled { api: api.to_owned(), project: project() })
}

fn no_bucket() -> Option<Cause> {
    Some(Cause::NoBucket { bucket: bucket(), project: project() })
}

#[test]
fn a_reason_of_googles_has_its_cause() {
    let api = |service: &str| ErrorInfo { service: service.to_owned(), ..reason("SERVICE_DISABLED") };
    let limit = |word| ErrorInfo { quota: "Exports".to_owned(), ..reason(word) };
    let uid = ErrorInfo { uid: "abc".to_owned(), ..reason("SECURITY_POLICY_VIOLATED") };
    for (info, expected) in [
        (api("firestore.googleapis.com"), disabled("firestore.googleapis.com")),
        (api(""), disabled("datastore.googleapis.com")),
        (reason("BILLING_DISABLED"), no_billing()),
        (reason("CONSUMER_INVALID"), wrong_project()),
        (reason("RESOURCE_PROJECT_INVALID"), wrong_project()),
        (uid, perimeter(Some("abc"))),
        (reason("SECURITY_POLICY_VIOLATED"), perimeter(None)),
        (limit("RATE_LIMIT_EXCEEDED"), quota(Some("Exports"), true)),
        (limit("RESOURCE_QUOTA_EXCEEDED"), quota(Some("Exports"), true)),
    ] {
        // Each is one of Google's own domain, or of none.
        for (domain, expected) in
            [("googleapis.com", &expected), ("", &expected), ("datastore.googleapis.com", &None)]
        {
            let info = ErrorInfo { domain: domain.to_owned(), ..info.clone() };
            assert_eq!(&with_info(Method::Start, info.clone()), expected, "{info:?}");
        }
    }
}

#[test]
fn a_missing_permission_is_the_agents_or_the_callers() {
    let denied = |method, permission: &str| {
        let permission = permission.to_owned();
        with_info(method, ErrorInfo { permission, ..reason("IAM_PERMISSION_DENIED") })
    };
    for method in [Method::Start, Method::Run] {
        assert_eq!(denied(method, "storage.objects.create"), agent(None));
        let own = denied(method, "datastore.databases.export");
        assert_eq!(own, lacks(Some("datastore.databases.export"), false));
    }
    for method in [Method::Read, Method::List, Method::Other] {
        assert_eq!(denied(method, "storage.objects.get"), lacks(Some("storage.objects.get"), false));
    }
    assert_eq!(denied(Method::Read, ""), lacks(None, false));
    let start = |method: &str| {
        let start = StartMethod::find(Service::DATASTORE, method);
        let attempt = Attempt { start, ..attempt(Service::DATASTORE, Method::Start) };
        Cause::of(&attempt, &ApiError::new(403, DENIED, ""))
    };
    assert_eq!([start("export"), start("import")], [lacks(None, false), lacks(None, true)]);
}

#[test]
fn a_precondition_tells_of_a_perimeter_where_no_reason_does() {
    let violated = |reason: &str, violation: &str| {
        let (reason, violation) = (reason.to_owned(), violation.to_owned());
        with_info(Method::Run, ErrorInfo { reason, violation, uid: "abc".to_owned(), ..ErrorInfo::default() })
    };
    assert_eq!(violated("", "VPC_SERVICE_CONTROLS"), perimeter(Some("abc")));
    assert_eq!([violated("", "TOS"), violated("NEW", "VPC_SERVICE_CONTROLS")], [None, None]);
}

/// An unknown reason means something else than its status does by itself.
#[test]
fn only_without_a_reason_the_status_decides() {
    let exhausted = |info: Option<ErrorInfo>, text: &str| {
        let error =
            ApiError { info: info.map(Box::new), ..ApiError::new(429, Status::ResourceExhausted, text) };
        Cause::of(&attempt(Service::DATASTORE, Method::Read), &error)
    };
    assert_eq!(exhausted(None, "x"), quota(None, false));
    assert_eq!(exhausted(Some(reason("NEW")), "x"), None);
    let named = ErrorInfo { quota: "Exports".to_owned(), ..ErrorInfo::default() };
    assert_eq!(exhausted(Some(named), "x"), quota(Some("Exports"), false));
    let words = ApiError {
        info: Some(Box::new(reason("NEW"))),
        ..ApiError::new(403, DENIED, "Billing disabled for project")
    };
    let cause = Cause::of(&attempt(Service::DATASTORE, Method::Start), &words);
    assert_eq!(cause, no_billing(), "words count for an unknown reason, too");
}

#[test]
fn a_status_means_what_it_does_to_the_call() {
    use Method::{List, Other, Read, Run, Start};
    let code = |method, code: i64, status: &Status, text: &str| {
        Cause::of(&attempt(Service::DATASTORE, method), &ApiError::new(code, status.clone(), text))
    };
    for method in [Read, List, Start, Run, Other] {
        let starts = method == Start;
        assert_eq!(code(method, 8, &Status::ResourceExhausted, "x"), quota(None, starts));
        assert_eq!(code(method, 429, &Status::Missing, "x"), quota(None, starts), "of a front end");
        assert_eq!(code(method, 500, &Status::Missing, "x"), None);
        let callers = matches!(method, Read | List | Other);
        let expected = if callers { lacks(None, false) } else { None };
        assert_eq!(code(method, 403, &DENIED, "x"), expected, "{method:?}");
        let silent = if callers || starts { lacks(None, false) } else { None };
        assert_eq!(code(method, 403, &DENIED, " "), silent, "{method:?}");
        let gone = (method == Read).then_some(Cause::Gone);
        assert_eq!(code(method, 404, &Status::Missing, "x"), gone, "{method:?}");
        let expected = if starts { Some(Cause::NotFound) } else { gone };
        assert_eq!(code(method, 404, &Status::NotFound, "x"), expected, "{method:?}");
        assert_eq!(code(method, 5, &Status::NotFound, "x"), starts.then_some(Cause::NotFound));
        let invalid = starts.then_some(Cause::Invalid);
        assert_eq!(code(method, 400, &Status::InvalidArgument, "x"), invalid, "{method:?}");
        assert_eq!(code(method, 409, &Status::Aborted, "x"), None);
    }
}

#[test]
fn a_denial_is_told_by_its_words() {
    for method in [Method::Read, Method::Start, Method::Run] {
        for (text, expected) in [
            ("vpcServiceControlsUniqueIdentifier: a-B_1.", perimeter(Some("a-B_1"))),
            ("Request is prohibited by organization's policy.", perimeter(None)),
            ("The API has not been used in project 1 before.", disabled("datastore.googleapis.com")),
            ("Billing disabled for project", no_billing()),
            ("This requires billing to be enabled", no_billing()),
            ("Please check billing account", no_billing()),
            ("Permission denied on resource project demo.", wrong_project()),
        ] {
            assert_eq!(said(method, DENIED, text), expected, "{text}");
        }
    }
    let account = "service-1@gcp-sa-firestore.iam.gserviceaccount.com";
    for method in [Method::Start, Method::Run] {
        let text = format!("{account} does not have storage.buckets.get access");
        assert_eq!(said(method, DENIED, &text), agent(Some(account)));
        assert_eq!(said(method, DENIED, "no access to Google Cloud Storage"), agent(None));
    }
    assert_eq!(said(Method::Read, DENIED, "x does not have storage.buckets.get"), lacks(None, false));
    for text in ["The caller does not have permission", "Missing or insufficient permissions."] {
        assert_eq!(said(Method::Start, DENIED, text), lacks(None, false), "{text}");
        assert_eq!(said(Method::Run, DENIED, text), None, "{text}");
    }
    for status in [Status::Unavailable, Status::Unknown, Status::Other("BILLING".to_owned())] {
        assert_eq!(said(Method::Start, status, "Billing disabled for project"), None);
    }
}

#[test]
fn what_does_not_exist_is_told_by_its_words() {
    let database = || Some(Cause::NoDatabase { database: "orders".to_owned(), project: project() });
    for method in [Method::Start, Method::Run] {
        assert_eq!(said(method, Status::NotFound, "The bucket is not there"), no_bucket());
    }
    for method in [Method::Read, Method::List, Method::Start] {
        assert_eq!(said(method, Status::NotFound, "The database orders does not exist"), database());
    }
    assert_eq!(said(Method::List, Status::NotFound, "The bucket is not there"), None);
    for text in ["The database is elsewhere", "It does not exist"] {
        assert_eq!(said(Method::List, Status::NotFound, text), None, "{text}");
    }
    let default = Attempt { database: None, ..attempt(Service::DATASTORE, Method::List) };
    let error = ApiError::new(404, Status::NotFound, "The database does not exist");
    let (database, project) = ("(default)".to_owned(), project());
    assert_eq!(Cause::of(&default, &error), Some(Cause::NoDatabase { database, project }));
}

#[test]
fn what_does_not_fit_is_told_by_its_words() {
    let elsewhere =
        Some(Cause::BucketElsewhere { bucket: bucket(), project: project(), database: "orders".to_owned() });
    let other = |use_service| Some(Cause::OtherMode { use_service });
    let taken = |field| Some(Cause::PathExists { field });
    for status in [Status::InvalidArgument, Status::FailedPrecondition, Status::AlreadyExists] {
        let of = |service, text| of(service, Method::Run, status.clone(), text);
        let (datastore, firestore) = (Service::DATASTORE, Service::FIRESTORE);
        assert_eq!(of(datastore, "Path already exists: x"), taken("outputUrlPrefix"));
        assert_eq!(of(firestore, "Path already exists: x"), taken("outputUriPrefix"));
        assert_eq!(of(datastore, "It can only operate on buckets spanning x"), elsewhere);
        for text in ["The bucket b does not exist", "Bucket not found"] {
            assert_eq!(of(datastore, text), no_bucket(), "{text}");
        }
        for text in ["The bucket is odd", "It does not exist", "It was not found"] {
            assert_eq!(of(datastore, text), None, "{text}");
        }
        for text in ["It is in Datastore Mode", "only for Cloud Datastore projects"] {
            assert_eq!([of(firestore, text), of(datastore, text)], [other(datastore), None], "{text}");
        }
        for text in ["It is in Native mode", "only for Cloud Firestore projects"] {
            assert_eq!([of(datastore, text), of(firestore, text)], [other(firestore), None], "{text}");
        }
        let billing = if status == Status::FailedPrecondition { no_billing() } else { None };
        assert_eq!(of(datastore, "Billing is off"), billing);
        assert_eq!(of(datastore, "Invalid project ID"), wrong_project());
    }
    let import = StartMethod::find(Service::DATASTORE, "import");
    let attempt = Attempt { start: import, ..attempt(Service::DATASTORE, Method::Start) };
    let error = ApiError::new(400, Status::InvalidArgument, "path already exists");
    assert_eq!(Cause::of(&attempt, &error), taken("inputUrl"));
    assert_eq!(said(Method::Start, Status::Internal, "path already exists"), None);
}

/// gcloud takes no project number.
#[test]
fn the_project_is_the_one_that_the_error_names_by_its_id() {
    let named = |consumer: &str| {
        let info = ErrorInfo { consumer: consumer.to_owned(), ..reason("BILLING_DISABLED") };
        match with_info(Method::Read, info) {
            Some(Cause::NoBilling { project }) => project,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(named("projects/other-1"), "other-1");
    for unusable in ["projects/123", "projects/", "other", ""] {
        assert_eq!(named(unusable), "demo", "{unusable}");
    }
}

#[test]
fn a_bucket_is_named_if_it_can_be_one() {
    let named = |location: Option<&'static str>| {
        let attempt = Attempt { location, ..attempt(Service::DATASTORE, Method::Run) };
        match Cause::of(&attempt, &ApiError::new(5, Status::NotFound, "bucket")) {
            Some(Cause::NoBucket { bucket, .. }) => bucket,
            other => panic!("{other:?}"),
        }
    };
    for (location, bucket) in [
        ("gs://my-backups", Some("my-backups")),
        ("gs://a.b_c-1/x/y", Some("a.b_c-1")),
        ("gs://ab/x", None),
        ("gs://My/x", None),
        ("gs://a b c/x", None),
        ("my-backups", None),
    ] {
        assert_eq!(named(Some(location)).as_deref(), bucket, "{location}");
    }
    assert_eq!(named(None), None);
}

#[test]
fn an_account_is_found_in_a_sentence() {
    let found = words::service_account;
    let account = "a-b.c_1@p.iam.gserviceaccount.com";
    assert_eq!(found(&format!("The account ({account}). It lacks x")).as_deref(), Some(account));
    assert_eq!(found(&format!("me@example.com or {account}.")).as_deref(), Some(account));
    for text in ["me@example.com", "p.iam.gserviceaccount.com", "a@b@p.iam.gserviceaccount.com", ""] {
        assert_eq!(found(text), None, "{text}");
    }
    assert_eq!(found(&format!("{}@p.iam.gserviceaccount.com", "a".repeat(128))), None);
}

#[test]
fn each_cause_has_the_commands_that_fix_or_show_it() {
    let command = |cause: Option<Cause>| cause.unwrap().command(true);
    let project = project();
    let elsewhere = |bucket| Cause::BucketElsewhere {
        bucket,
        project: project.clone(),
        database: "(default)".to_owned(),
    };
    let database = Cause::NoDatabase { database: "x".to_owned(), project: project.clone() };
    let nobody = Cause::NoBucket { bucket: None, project: project.clone() };
    for (cause, is_fix, expected) in [
        (disabled("x.googleapis.com"), true, "gcloud services enable x.googleapis.com --project=demo"),
        (
            no_billing(),
            true,
            "gcloud billing projects describe demo\n\
             gcloud billing projects link demo --billing-account=BILLING_ACCOUNT",
        ),
        (
            perimeter(Some("abc")),
            false,
            "gcloud logging read 'log_id(\"cloudaudit.googleapis.com/policy\") AND \
             protoPayload.metadata.vpcServiceControlsUniqueId=\"abc\"' --project=demo",
        ),
        (wrong_project(), false, "gcloud projects describe demo"),
        (
            agent(Some("a@p.iam.gserviceaccount.com")),
            true,
            "gcloud storage buckets add-iam-policy-binding gs://my-backups --role=roles/storage.admin \
             --member=serviceAccount:a@p.iam.gserviceaccount.com",
        ),
        (
            agent(None),
            true,
            "gcloud storage buckets add-iam-policy-binding gs://my-backups --role=roles/storage.admin \
             --member=serviceAccount:service-$(gcloud projects describe demo \
             --format='value(projectNumber)')@gcp-sa-firestore.iam.gserviceaccount.com",
        ),
        (
            Some(nobody),
            true,
            "gcloud storage buckets create gs://BUCKET --location=LOCATION_OF_THE_DATABASE --project=demo",
        ),
        (
            Some(elsewhere(bucket())),
            false,
            "gcloud storage buckets describe gs://my-backups --format='value(location)'\n\
             gcloud firestore databases describe --database='(default)' --project=demo --format='value(locationId)'",
        ),
        (Some(database), false, "gcloud firestore databases list --project=demo"),
    ] {
        let cause = cause.unwrap();
        assert_eq!(cause.is_fixed_by_command(), is_fix, "{cause:?}");
        assert_eq!(cause.command(true).as_deref(), Some(expected));
    }
    for silent in [perimeter(None), quota(None, true), Some(Cause::Gone), Some(Cause::NotFound)] {
        assert!(!silent.as_ref().unwrap().is_fixed_by_command());
        assert_eq!(command(silent), None);
    }
}

#[test]
fn a_role_has_what_the_calls_need_and_no_more() {
    let grant = |imports, as_service| lacks(None, imports).unwrap().command(as_service).unwrap();
    let export = "datastore.databases.export,datastore.operations.get,datastore.operations.list";
    assert_eq!(
        grant(false, true),
        format!(
            "gcloud iam roles create opwatch --project=demo --stage=GA --permissions={export}\n\
             gcloud projects add-iam-policy-binding demo --condition=None \
             --member=serviceAccount:OPWATCH_RUNTIME_ACCOUNT --role=projects/demo/roles/opwatch"
        )
    );
    assert!(grant(false, false).contains("--member=user:YOUR_ACCOUNT "));
    let import = "datastore.databases.export,datastore.databases.import,datastore.operations.get";
    assert!(grant(true, true).contains(&format!("--permissions={import},datastore.operations.list\n")));
}
