use super::names::{Place, operations};
use crate::services::{Operation, Service};

fn place() -> Place {
    Place { preferred: Service::defaults(), services: Service::all().collect(), ..Place::default() }
}

fn of_service(id: &str) -> Place {
    Place { service: Some(id.parse().unwrap()), ..place() }
}

fn read(arguments: &[&str], place: &Place, input: &str) -> Result<Vec<String>, String> {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let found = operations(&arguments, place, || Ok(input.to_owned()))?;
    Ok(found.iter().map(|operation: &Operation| format!("{} {operation}", operation.service())).collect())
}

const SQL: &str = r#"{"kind": "sql#operation", "name": "1b2c", "targetProject": "p", "status": "RUNNING",
    "selfLink": "https://sqladmin.googleapis.com/sql/v1beta4/projects/p/operations/1b2c"}"#;

#[test]
fn arguments_are_names_and_urls_of_any_service_and_one_twice_is_one() {
    let url = "https://spanner.googleapis.com/v1/projects/p/instances/i/databases/d/operations/_auto_1";
    let name = "projects/p/databases/(default)/operations/x";
    assert_eq!(
        read(&[name, url, "projects/p/operations/y", name], &place(), "").unwrap(),
        [
            format!("firestore {name}"),
            "spanner projects/p/instances/i/databases/d/operations/_auto_1".to_owned(),
            "datastore projects/p/operations/y".to_owned(),
        ]
    );
}

#[test]
fn standard_input_is_lines_or_an_operation_or_a_list_of_them() {
    let list = format!(
        r#"[{SQL}, "projects/p/operations/x",
        {{"name": "projects/p/operations/y", "metadata": {{"@type": "type.googleapis.com/google.datastore.admin.v1.ExportEntitiesMetadata"}}}}]"#
    );
    for (place, input, expected) in [
        (
            place(),
            "projects/p/operations/a\r\n\n  projects/p/operations/b",
            vec!["datastore projects/p/operations/a", "datastore projects/p/operations/b"],
        ),
        (
            of_service("spanner"),
            "projects/p/instances/i/operations/a\n",
            vec!["spanner projects/p/instances/i/operations/a"],
        ),
        (place(), SQL, vec!["sqladmin projects/p/operations/1b2c"]),
        (
            place(),
            &list,
            vec![
                "sqladmin projects/p/operations/1b2c",
                "datastore projects/p/operations/x",
                "datastore projects/p/operations/y",
            ],
        ),
        (place(), &format!("{SQL}\n{SQL}"), vec!["sqladmin projects/p/operations/1b2c"]),
    ] {
        assert_eq!(read(&["-"], &place, input).unwrap(), expected, "{input}");
    }
    let mixed = read(&["projects/p/operations/z", "-"], &place(), SQL).unwrap();
    assert_eq!(mixed, ["datastore projects/p/operations/z", "sqladmin projects/p/operations/1b2c"]);
}

#[test]
fn the_service_of_an_operation_in_json_is_told_by_its_kind_or_type() {
    let located = "projects/p/locations/europe-west1/operations/operation-1";
    let typed =
        |of: &str| format!(r#"{{"name": "{located}", "metadata": {{"@type": "type.googleapis.com/{of}"}}}}"#);
    for (body, expected) in [
        (
            r#"{"kind": "sql#operation", "name": "u", "targetProject": "q"}"#.to_owned(),
            "sqladmin projects/q/operations/u",
        ),
        (
            r#"{"kind": "sql#operation", "name": "projects/q/operations/u"}"#.to_owned(),
            "sqladmin projects/q/operations/u",
        ),
        (typed("google.cloud.functions.v2.OperationMetadata"), "cloudfunctions LOCATED"),
        (typed("google.cloud.alloydb.v1.OperationMetadata"), "alloydb LOCATED"),
    ] {
        let expected = expected.replace("LOCATED", located);
        assert_eq!(read(&["-"], &place(), &body).unwrap(), [expected], "{body}");
    }
    // Many services write this type.
    let shared = typed("google.cloud.common.OperationMetadata");
    let why = read(&["-"], &place(), &shared).unwrap_err();
    assert!(
        why.starts_with("standard input, operation 1: ") && why.ends_with("Choose one with --service"),
        "{why}"
    );
    assert_eq!(read(&["-"], &of_service("redis"), &shared).unwrap(), [format!("redis {located}")]);
}

#[test]
fn an_id_is_completed_with_its_place() {
    let sql = Place { project: Some("p".to_owned()), ..of_service("sqladmin") };
    assert_eq!(read(&["-"], &sql, "1b2c-3d\n").unwrap(), ["sqladmin projects/p/operations/1b2c-3d"]);
    let redis = Place {
        location: Some("us-central1".to_owned()),
        project: Some("p".to_owned()),
        ..of_service("redis")
    };
    assert_eq!(
        read(&["operation-1"], &redis, "").unwrap(),
        ["redis projects/p/locations/us-central1/operations/operation-1"]
    );
    let why = |place: &Place| read(&["operation-1"], place, "").unwrap_err();
    assert!(why(&of_service("redis")).contains("add --project"), "{}", why(&of_service("redis")));
    let no_location = Place { location: None, ..redis };
    assert!(why(&no_location).contains("add --location"), "{}", why(&no_location));
    assert!(why(&place()).contains("is not an operation name"), "{}", why(&place()));
}

#[test]
fn what_can_not_be_used_is_named_with_its_place() {
    let thousand: Vec<String> = (0..1_001).map(|number| format!("projects/p/operations/{number}")).collect();
    assert_eq!(read(&["-"], &place(), &thousand[1..].join("\n")).unwrap().len(), 1_000);
    for (arguments, input, said) in [
        (vec!["-"], "", "there is no operation to wait for"),
        (vec!["-"], "[]", "there is no operation to wait for"),
        (vec!["-"], "{\"name\": ", "standard input is not valid JSON"),
        (vec!["-"], "{\"done\": true}", "standard input, operation 1: it has no \"name\""),
        (vec!["-"], "nonsense", "standard input: \"nonsense\" is not an operation name"),
        (vec!["-", "-"], SQL, "- stands for standard input, and can be given once"),
        (vec!["-"], &thousand.join("\n"), "1001 operations are too many: at most 1000"),
        (vec!["projects/p/locations/l/operations/x"], "", "Choose one with --service"),
    ] {
        let why = read(&arguments, &place(), input).unwrap_err();
        assert!(why.contains(said), "{input}: {why}");
    }
}
