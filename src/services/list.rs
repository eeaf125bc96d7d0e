//! Where the operations of a service are listed. Pure.

use serde_json::Value;

use super::row::{OPERATION, wildcard};
use super::service::is_location;
use super::shape::unreadable;
use super::standard::{IN_A_PROJECT, LOCATED};
use super::{ApiError, Observation, Operation, Service};

/// A list of operations that a service has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationList {
    service: Service,
    /// Where the API answers.
    pub base: String,
    path: String,
    form: &'static Form,
}

/// Whose operations, and where.
#[derive(Clone, Copy, Debug)]
pub struct ListPlace<'a> {
    /// The project.
    pub project: &'a str,
    /// The location; none for all of them.
    pub location: Option<&'a str>,
    /// The database, where a service has a list for each.
    pub database: &'a str,
}

/// Why there is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoList {
    /// The service has none for a project.
    None,
    /// It has one for each location only.
    NeedsLocation,
    /// Its list is not divided by locations.
    HasNoLocations,
    /// A project, a location or a database can't be a part of a URL.
    Unusable,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct OperationPage {
    /// The operations, and what each shows.
    pub operations: Vec<(Operation, Observation)>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
    /// Locations that could not be asked.
    pub unreachable: Vec<String>,
}

/// A list, as the service's reference has it. Empty texts are what it does not have.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    /// That of all locations.
    all: &'static str,
    /// That of one.
    one: &'static str,
    /// The field that has the operations.
    field: &'static str,
    /// The parameter for the size of a page.
    size: &'static str,
}

/// That of a standard service (<https://google.aip.dev/151>): its path follows from its names.
static STANDARD: Form = Form { all: "", one: "", field: "operations", size: "pageSize" };

/// Services with names of a standard form that have no list nevertheless, by their discovery documents.
const WITHOUT: &[&str] = &[
    "artifactregistry",
    "cloudbuild",
    "cloudbuild.v2",
    "cloudkms",
    "cloudtasks",
    "firebasehosting",
    "jobs",
    "videointelligence",
    "vision",
];

macro_rules! forms {
    ($($id:literal: $all:literal, $one:literal, $field:literal, $size:literal;)+) => {
        static FORMS: &[(&str, Form)] =
            &[$(($id, Form { all: $all, one: $one, field: $field, size: $size })),+];
    };
}

// Id: the list of all locations, that of one, its field, the parameter for a page's size. Paths are those of the discovery documents.
forms! {
    "datastore": "v1/projects/{project}/operations", "", "operations", "pageSize";
    "firestore": "v1/projects/{project}/databases/{database}/operations", "", "operations", "pageSize";
    "compute": "compute/v1/projects/{project}/aggregated/operations", "compute/v1/projects/{project}/{scope}/operations", "items", "maxResults";
    "container": "v1/projects/{project}/locations/-/operations", "v1/projects/{project}/locations/{location}/operations", "operations", "";
    "sqladmin": "v1/projects/{project}/operations", "", "items", "maxResults";
    "deploymentmanager": "deploymentmanager/v2/projects/{project}/global/operations", "", "operations", "maxResults";
    "appengine": "v1/apps/{project}/operations", "", "operations", "pageSize";
    "bigtableadmin": "v2/operations/projects/{project}/operations", "", "operations", "pageSize";
    "pubsublite": "", "v1/admin/projects/{project}/locations/{location}/operations", "operations", "pageSize";
    "speech": "", "v2/projects/{project}/locations/{location}/operations", "operations", "pageSize";
    "storagetransfer": "v1/transferOperations?filter=%7B%22projectId%22%3A%22{project}%22%7D", "", "operations", "pageSize";
    "dataproc": "", "v1/projects/{project}/regions/{location}/operations", "operations", "pageSize";
    "dataproc.jobs": "", "v1/projects/{project}/regions/{location}/jobs", "jobs", "pageSize";
    "dataproc.batches": "", "v1/projects/{project}/locations/{location}/batches", "batches", "pageSize";
    "bigquery.jobs": "bigquery/v2/projects/{project}/jobs?projection=full", "", "jobs", "maxResults";
    "dataflow.jobs": "v1b3/projects/{project}/jobs:aggregated", "v1b3/projects/{project}/locations/{location}/jobs", "jobs", "pageSize";
    "batch.jobs": "v1/projects/{project}/locations/-/jobs", "v1/projects/{project}/locations/{location}/jobs", "jobs", "pageSize";
    "cloudbuild.builds": "", "v1/projects/{project}/locations/{location}/builds", "builds", "pageSize";
    "run.executions": "", "v2/projects/{project}/locations/{location}/jobs/-/executions", "executions", "pageSize";
    "transcoder.jobs": "", "v1/projects/{project}/locations/{location}/jobs", "jobs", "pageSize";
    "datamigration.migrationJobs": "", "v1/projects/{project}/locations/{location}/migrationJobs", "migrationJobs", "pageSize";
    "dlp.dlpJobs": "v2/projects/{project}/dlpJobs", "v2/projects/{project}/locations/{location}/dlpJobs", "jobs", "pageSize";
    "osconfig.patchJobs": "v1/projects/{project}/patchJobs", "", "patchJobs", "pageSize";
    "notebooks.executions": "", "v1/projects/{project}/locations/{location}/executions", "executions", "pageSize";
    "storagebatchoperations.jobs": "", "v1/projects/{project}/locations/{location}/jobs", "jobs", "pageSize";
    "dataplex.metadataJobs": "", "v1/projects/{project}/locations/{location}/metadataJobs", "metadataJobs", "pageSize";
    "aiplatform.pipelineJobs": "", "v1/projects/{project}/locations/{location}/pipelineJobs", "pipelineJobs", "pageSize";
    "aiplatform.customJobs": "", "v1/projects/{project}/locations/{location}/customJobs", "customJobs", "pageSize";
    "aiplatform.hyperparameterTuningJobs": "", "v1/projects/{project}/locations/{location}/hyperparameterTuningJobs", "hyperparameterTuningJobs", "pageSize";
    "aiplatform.batchPredictionJobs": "", "v1/projects/{project}/locations/{location}/batchPredictionJobs", "batchPredictionJobs", "pageSize";
    "aiplatform.trainingPipelines": "", "v1/projects/{project}/locations/{location}/trainingPipelines", "trainingPipelines", "pageSize";
    "aiplatform.tuningJobs": "", "v1/projects/{project}/locations/{location}/tuningJobs", "tuningJobs", "pageSize";
    "aiplatform.nasJobs": "", "v1/projects/{project}/locations/{location}/nasJobs", "nasJobs", "pageSize";
    "aiplatform.notebookExecutionJobs": "", "v1/projects/{project}/locations/{location}/notebookExecutionJobs", "notebookExecutionJobs", "pageSize";
}

impl Service {
    /// The list of its operations in `place`.
    ///
    /// # Errors
    /// When there is none, or only one of another kind of place.
    pub fn operation_list(self, place: ListPlace<'_>) -> Result<OperationList, NoList> {
        let (form, all, one) = self.list_forms().ok_or(NoList::None)?;
        let template = match place.location {
            Some(_) if one.is_empty() => return Err(NoList::HasNoLocations),
            None if all.is_empty() => return Err(NoList::NeedsLocation),
            Some(_) => one,
            None => all,
        };
        let location = place.location.unwrap_or("-");
        let fits = |text: &str| {
            !text.is_empty()
                && text.len() <= 100
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:()".contains(&byte))
                && !text.starts_with('.')
        };
        if !fits(place.project)
            || !fits(place.database)
            || place.location.is_some_and(|text| !is_location(text))
        {
            return Err(NoList::Unusable);
        }
        let path = template
            .replace("{project}", place.project)
            .replace("{database}", place.database)
            .replace("{scope}", &scope(location))
            .replace("{location}", location);
        Ok(OperationList { service: self, base: self.base(place.location), path, form })
    }

    /// A page of the Cloud Console where a person can look instead: that of its operations, or that of the API.
    pub fn console_page(self, project: &str) -> String {
        let page = self.row().console.map(|page| page.replace("{project}", project));
        page.filter(|page| !page.contains('{')).unwrap_or_else(|| {
            format!(
                "https://console.cloud.google.com/apis/api/{}.googleapis.com?project={project}",
                self.api()
            )
        })
    }

    /// Its list, with the templates of all locations and of one.
    fn list_forms(self) -> Option<(&'static Form, String, String)> {
        if let Some((_, form)) = FORMS.iter().find(|(id, _)| *id == self.id()) {
            return Some((form, form.all.to_owned(), form.one.to_owned()));
        }
        if self.row().kind != OPERATION || WITHOUT.contains(&self.id()) {
            return None;
        }
        let version = self.row().version;
        let has = |forms: &[&str]| forms.first().is_some_and(|form| self.forms().any(|own| own == *form));
        if has(LOCATED) {
            let one = format!("{version}/projects/{{project}}/locations/{{location}}/operations");
            // https://google.aip.dev/159: `-` is any location. A host of one location knows no other.
            let by_host = self.row().host.split('-').next().is_some_and(|part| wildcard(part).is_some());
            let all = if by_host { String::new() } else { one.replace("{location}", "-") };
            return Some((&STANDARD, all, one));
        }
        has(IN_A_PROJECT)
            .then(|| (&STANDARD, format!("{version}/projects/{{project}}/operations"), String::new()))
    }
}

/// Compute Engine's words for a place: <https://cloud.google.com/compute/docs/reference/rest/v1/zoneOperations/list>.
fn scope(location: &str) -> String {
    match location.rsplit_once('-') {
        Some((_, letter)) if letter.len() == 1 => format!("zones/{location}"),
        Some(_) => format!("regions/{location}"),
        None => location.to_owned(),
    }
}

impl OperationList {
    /// The service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The path of a page, from the version on; an empty token is that of the first page.
    pub fn page(&self, token: &str, size: u32) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if !self.form.size.is_empty() {
            query.append_pair(self.form.size, &size.to_string());
        }
        if !token.is_empty() {
            query.append_pair("pageToken", token);
        }
        let query = query.finish();
        let joint = if query.is_empty() {
            ""
        } else if self.path.contains('?') {
            "&"
        } else {
            "?"
        };
        format!("{}{joint}{query}", self.path)
    }

    /// Reads a page. An entry with a name of another form is passed over.
    ///
    /// # Errors
    /// When it is no page of this list.
    pub fn read(&self, body: &[u8]) -> Result<OperationPage, ApiError> {
        let page: Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        if !page.is_object() {
            return Err(ApiError::of_text("the response is not a list of operations"));
        }
        let entries: Vec<&Value> = match page.get(self.form.field) {
            Some(Value::Array(entries)) => entries.iter().collect(),
            // Compute Engine's aggregated list: by scope.
            Some(Value::Object(scopes)) => {
                scopes.values().filter_map(|scope| scope.get("operations")?.as_array()).flatten().collect()
            }
            _ => Vec::new(),
        };
        let text = |name: &str| page.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let unreachable =
            ["unreachable", "missingZones"].iter().filter_map(|name| page.get(name)?.as_array());
        Ok(OperationPage {
            operations: entries.into_iter().filter_map(|entry| self.entry(entry)).collect(),
            next: Some(text("nextPageToken")).filter(|token| !token.is_empty()),
            unreachable: unreachable.flatten().filter_map(|place| Some(place.as_str()?.to_owned())).collect(),
        })
    }

    fn entry(&self, entry: &Value) -> Option<(Operation, Observation)> {
        let name = self.service.row().shape.name_in(entry)?;
        let operation = Operation::new(self.service, &name).ok()?;
        let observation = self.service.row().shape.read(&name, entry.to_string().as_bytes());
        Some((operation, observation))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(id: &str, location: Option<&str>) -> Result<String, NoList> {
        let service: Service = id.parse().unwrap();
        let place = ListPlace { project: "p", location, database: "(default)" };
        service.operation_list(place).map(|list| format!("{}/{}", list.base, list.page("", 9)))
    }

    #[test]
    fn lists_are_where_the_references_say() {
        let here = Some("europe-west1");
        for (id, location, wanted) in [
            ("datastore", None, Ok("https://datastore.googleapis.com/v1/projects/p/operations?pageSize=9")),
            ("datastore", here, Err(NoList::HasNoLocations)),
            (
                "firestore",
                None,
                Ok(
                    "https://firestore.googleapis.com/v1/projects/p/databases/(default)/operations?pageSize=9",
                ),
            ),
            (
                "redis",
                None,
                Ok("https://redis.googleapis.com/v1/projects/p/locations/-/operations?pageSize=9"),
            ),
            (
                "redis",
                here,
                Ok("https://redis.googleapis.com/v1/projects/p/locations/europe-west1/operations?pageSize=9"),
            ),
            ("aiplatform", None, Err(NoList::NeedsLocation)),
            (
                "aiplatform",
                here,
                Ok(
                    "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/operations?pageSize=9",
                ),
            ),
            (
                "compute",
                None,
                Ok("https://compute.googleapis.com/compute/v1/projects/p/aggregated/operations?maxResults=9"),
            ),
            (
                "compute",
                here,
                Ok(
                    "https://compute.googleapis.com/compute/v1/projects/p/regions/europe-west1/operations?maxResults=9",
                ),
            ),
            (
                "compute",
                Some("us-central1-a"),
                Ok(
                    "https://compute.googleapis.com/compute/v1/projects/p/zones/us-central1-a/operations?maxResults=9",
                ),
            ),
            (
                "compute",
                Some("global"),
                Ok("https://compute.googleapis.com/compute/v1/projects/p/global/operations?maxResults=9"),
            ),
            ("container", None, Ok("https://container.googleapis.com/v1/projects/p/locations/-/operations")),
            ("webrisk", None, Ok("https://webrisk.googleapis.com/v1/projects/p/operations?pageSize=9")),
            (
                "bigquery.jobs",
                None,
                Ok(
                    "https://bigquery.googleapis.com/bigquery/v2/projects/p/jobs?projection=full&maxResults=9",
                ),
            ),
            ("spanner", None, Err(NoList::None)),
            ("cloudkms", None, Err(NoList::None)),
            ("storage", None, Err(NoList::None)),
            ("redis", Some("../x"), Err(NoList::Unusable)),
        ] {
            assert_eq!(list(id, location), wanted.map(str::to_owned), "{id} {location:?}");
        }
        for (id, _) in FORMS {
            assert!(id.parse::<Service>().is_ok(), "{id} is no service");
        }
        for id in WITHOUT {
            assert!(id.parse::<Service>().is_ok(), "{id} is no service");
        }
    }

    #[test]
    fn only_what_can_be_a_part_of_a_url_becomes_one() {
        let list = |project: &str, location: Option<&str>, database: &str| {
            let place = ListPlace { project, location, database };
            Service::FIRESTORE.operation_list(ListPlace { location: None, ..place })?;
            "redis".parse::<Service>().unwrap().operation_list(place).map(|list| list.page("", 9))
        };
        let longest = "p".repeat(100);
        for good in ["p", "example.com:p", "(default)", "p-1_x", &longest] {
            assert!(list(good, None, "d").is_ok() && list("p", None, good).is_ok(), "{good}");
        }
        let too_long = "p".repeat(101);
        for wrong in ["", ".p", "..", "p/x", "p?x", "p x", "p%2f", &too_long] {
            assert_eq!(list(wrong, None, "d"), Err(NoList::Unusable), "{wrong}");
            assert_eq!(list("p", None, wrong), Err(NoList::Unusable), "{wrong}");
        }
        for wrong in ["-x", "Europe", "a.b", ""] {
            assert_eq!(list("p", Some(wrong), "d"), Err(NoList::Unusable), "{wrong}");
        }
        assert!(list("p", Some("europe-west1"), "d").is_ok());
    }

    #[test]
    fn the_next_page_is_asked_for_by_its_token() {
        let page = |id: &str, token: &str| {
            let place = ListPlace { project: "p", location: None, database: "d" };
            let list = id.parse::<Service>().unwrap().operation_list(place).unwrap();
            assert_eq!(list.service().id(), id);
            list.page(token, 9)
        };
        assert_eq!(page("datastore", "a/b"), "v1/projects/p/operations?pageSize=9&pageToken=a%2Fb");
        let jobs = "bigquery/v2/projects/p/jobs?projection=full&maxResults=9&pageToken=t";
        assert_eq!(page("bigquery.jobs", "t"), jobs);
        assert_eq!(page("container", ""), "v1/projects/p/locations/-/operations");
        assert_eq!(page("container", "t"), "v1/projects/p/locations/-/operations?pageToken=t");
    }

    #[test]
    fn there_is_a_page_where_a_person_can_look() {
        let page = |id: &str| id.parse::<Service>().unwrap().console_page("p");
        let start = "https://console.cloud.google.com";
        assert_eq!(page("datastore"), format!("{start}/datastore/import-export?project=p"));
        let api = |name: &str| format!("{start}/apis/api/{name}.googleapis.com?project=p");
        assert_eq!(page("firestore"), api("firestore"), "its own page is that of one database");
        assert_eq!(page("tpu"), api("tpu"));
    }

    #[test]
    fn what_is_no_page_is_refused_and_what_is_odd_passed_over() {
        let place = ListPlace { project: "p", location: None, database: "d" };
        let list = "redis".parse::<Service>().unwrap().operation_list(place).unwrap();
        for wrong in ["", "[]", "7", "<html>", "null"] {
            assert!(list.read(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let odd = json!({"operations": [7, {}, {"name": 7}, {"name": "projects/p/locations/l/operations/o", "done": true}],
            "nextPageToken": "", "missingZones": ["a", 7]});
        let page = list.read(odd.to_string().as_bytes()).unwrap();
        assert_eq!((page.operations.len(), page.next), (1, None));
        assert_eq!(page.unreachable, ["a"]);
        assert!(matches!(page.operations[0].1, Observation::Ended(..)));
        let other = json!({"operations": "x"});
        assert!(list.read(other.to_string().as_bytes()).unwrap().operations.is_empty());
    }

    #[test]
    fn pages_of_every_form_are_read() {
        let read = |id: &str, body: &Value| {
            let service: Service = id.parse().unwrap();
            let place = ListPlace { project: "p", location: None, database: "(default)" };
            let page = service.operation_list(place).unwrap().read(body.to_string().as_bytes()).unwrap();
            let names: Vec<String> = page.operations.iter().map(|(name, _)| name.name().to_owned()).collect();
            (names, page.next, page.unreachable)
        };
        let page = json!({"operations": [{"name": "projects/p/locations/l/operations/o"}, {"name": "other"}],
            "nextPageToken": "t", "unreachable": ["projects/p/locations/x"]});
        let names = vec!["projects/p/locations/l/operations/o".to_owned()];
        let unreachable = vec!["projects/p/locations/x".to_owned()];
        assert_eq!(read("redis", &page), (names, Some("t".to_owned()), unreachable));
        let link =
            "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/operations/operation-1";
        let page = json!({"items": {"zones/us-central1-a": {"operations": [
            {"kind": "compute#operation", "name": "operation-1", "status": "RUNNING", "selfLink": link,
             "zone": "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a"}]},
            "regions/x": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}});
        assert_eq!(read("compute", &page).0, ["projects/p/zones/us-central1-a/operations/operation-1"]);
        assert_eq!(read("redis", &json!({})), (vec![], None, vec![]));
    }
}
