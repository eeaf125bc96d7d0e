//! The table of services.

use std::str::FromStr;

use super::extra::added;
use super::jobs::JOBS;
use super::row::{Direction, LookUpBy, Output, Row, StartMethod, Starts};
use super::service::Service;
use super::shape::Export;
use super::standard::{IN_A_PROJECT, LOCATED, STANDARD};

/// The rows of the table.
fn rows() -> impl Iterator<Item = &'static Row> + Clone {
    SPECIAL.iter().copied().chain(JOBS.iter().copied().flatten()).chain(STANDARD)
}

/// Services with a form of their own, or of which more is known.
static SPECIAL: &[&Row] = &[
    &DATASTORE,
    &FIRESTORE,
    &Row {
        permission: Some("alloydb.operations.get"),
        gcloud: Some("gcloud alloydb operations VERB {operation} --region={location} --project={project}"),
        cancels: true,
        console: Some("https://console.cloud.google.com/alloydb/clusters?project={project}"),
        ..Row::standard("alloydb", "AlloyDB", "alloydb.googleapis.com", "v1", &[LOCATED])
    },
    &Row {
        permission: Some(
            "spanner.databaseOperations.get,spanner.instanceOperations.get,spanner.backupOperations.get,\
             spanner.instancePartitionOperations.get,spanner.instanceConfigOperations.get",
        ),
        gcloud: Some(
            "gcloud spanner operations VERB {operation} --instance={instance} --database={database} --backup={backup} \
             --instance-partition={partition} --instance-config={config} --project={project}",
        ),
        cancels: true,
        console: Some("https://console.cloud.google.com/spanner/instances?project={project}"),
        ..Row::standard(
            "spanner",
            "Spanner",
            "spanner.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/instances/{instance}/databases/{database}/operations/{operation}",
                "projects/{project}/instances/{instance}/backups/{backup}/operations/{operation}",
                "projects/{project}/instances/{instance}/instancePartitions/{partition}/operations/{operation}",
                "projects/{project}/instances/{instance}/operations/{operation}",
                "projects/{project}/instanceConfigs/{config}/ssdCaches/{cache}/operations/{operation}",
                "projects/{project}/instanceConfigs/{config}/operations/{operation}",
            ]],
        )
    },
    // Recognizers are resources of v2, which has no discovery document
    // (https://cloud.google.com/speech-to-text/v2/docs/reference/rest/v2/projects.locations.operations).
    &Row {
        get: &[
            "v2/projects/{project}/locations/{location}/operations/{operation}",
            "v1/operations/{operation}",
        ],
        permission: Some("speech.operations.get"),
        gcloud: Some(
            "gcloud ml speech operations VERB {operation} --location={location} --project={project}",
        ),
        ..Row::standard(
            "speech",
            "Cloud Speech-to-Text",
            "{location}-speech.googleapis.com",
            "v1/operations",
            &[LOCATED, &["{operation}"]],
        )
    },
];

/// Fields of starts as in <https://cloud.google.com/datastore/docs/reference/admin/rest/v1/projects/export> and `…/import`.
pub(super) static DATASTORE: Row = Row {
    shape: &Export,
    permission: Some("datastore.operations.get"),
    list: Some("projects/{project}/operations?pageSize=1"),
    gcloud: Some("gcloud datastore operations VERB {name}"),
    cancels: true,
    console: Some("https://console.cloud.google.com/datastore/import-export?project={project}"),
    starts: Some(Starts {
        resource: "projects/{project}",
        example: "projects/my-project:export",
        methods: &[
            StartMethod {
                service: Service(&DATASTORE),
                method: "export",
                direction: Direction::Export,
                location_field: "outputUrlPrefix",
                fields: &["outputUrlPrefix", "entityFilter", "labels"],
                misnomers: &[
                    ("outputUriPrefix", "outputUrlPrefix"),
                    ("outputUrl", "outputUrlPrefix"),
                    ("kinds", "entityFilter.kinds"),
                    ("collectionIds", "entityFilter.kinds"),
                    ("namespaceIds", "entityFilter.namespaceIds"),
                ],
            },
            StartMethod {
                service: Service(&DATASTORE),
                method: "import",
                direction: Direction::Import,
                location_field: "inputUrl",
                fields: &["inputUrl", "entityFilter", "labels"],
                misnomers: &[
                    ("inputUriPrefix", "inputUrl"),
                    ("inputUrlPrefix", "inputUrl"),
                    ("kinds", "entityFilter.kinds"),
                    ("collectionIds", "entityFilter.kinds"),
                    ("namespaceIds", "entityFilter.namespaceIds"),
                ],
            },
        ],
        look_up: LookUpBy::Labels,
        list: "gcloud datastore operations list --project={project}",
        permissions: "datastore.databases.export,datastore.operations.get,datastore.operations.list",
        import_permission: "datastore.databases.import",
    }),
    ..Row::standard("datastore", "Datastore", "datastore.googleapis.com", "v1", &[IN_A_PROJECT])
};

/// Fields of starts as in <https://cloud.google.com/firestore/docs/reference/rest/v1/projects.databases/exportDocuments> and
/// `…/importDocuments`.
pub(super) static FIRESTORE: Row = Row {
    shape: &Export,
    output: Output::Folder,
    permission: Some("datastore.operations.get"),
    list: Some("projects/{project}/databases/(default)/operations?pageSize=1"),
    gcloud: Some("gcloud firestore operations VERB {name}"),
    cancels: true,
    console: Some(
        "https://console.cloud.google.com/firestore/databases/{database}/import-export?project={project}",
    ),
    starts: Some(Starts {
        resource: "projects/{project}/databases/{database}",
        example: "projects/my-project/databases/(default):exportDocuments",
        methods: &[
            StartMethod {
                service: Service(&FIRESTORE),
                method: "exportDocuments",
                direction: Direction::Export,
                location_field: "outputUriPrefix",
                fields: &["outputUriPrefix", "collectionIds", "namespaceIds", "snapshotTime"],
                misnomers: &[
                    ("outputUrlPrefix", "outputUriPrefix"),
                    ("kinds", "collectionIds"),
                    ("entityFilter", "collectionIds, namespaceIds"),
                ],
            },
            StartMethod {
                service: Service(&FIRESTORE),
                method: "importDocuments",
                direction: Direction::Import,
                location_field: "inputUriPrefix",
                fields: &["inputUriPrefix", "collectionIds", "namespaceIds"],
                misnomers: &[
                    ("inputUrl", "inputUriPrefix"),
                    ("inputUrlPrefix", "inputUriPrefix"),
                    ("kinds", "collectionIds"),
                    ("entityFilter", "collectionIds, namespaceIds"),
                ],
            },
        ],
        look_up: LookUpBy::Request,
        list: "gcloud firestore operations list --project={project} --database={database}",
        permissions: "datastore.databases.export,datastore.operations.get,datastore.operations.list",
        import_permission: "datastore.databases.import",
    }),
    ..Row::standard(
        "firestore",
        "Firestore",
        "firestore.googleapis.com",
        "v1",
        &[&["projects/{project}/databases/{database}/operations/{operation}"]],
    )
};

impl Service {
    /// Cloud Datastore Admin v1, which works on the default database.
    pub const DATASTORE: Self = Self(&DATASTORE);
    /// Cloud Firestore Admin v1, any database in either mode.
    pub const FIRESTORE: Self = Self(&FIRESTORE);

    /// Those of the table, in its order.
    pub fn table() -> impl Iterator<Item = Self> + Clone {
        rows().map(Self)
    }

    /// All of them: those of the table, and those that a setting added.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        Self::table().chain(added().map(Self))
    }

    /// What `SERVICES` allows by default.
    pub fn defaults() -> Vec<Self> {
        vec![Self::DATASTORE, Self::FIRESTORE]
    }
}

impl FromStr for Service {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::all().find(|service| service.id() == text).ok_or(())
    }
}

impl StartMethod {
    /// Every method that can be named in `STARTS`.
    pub fn all() -> impl Iterator<Item = Self> {
        rows().filter_map(|row| row.starts.as_ref()).flat_map(|starts| starts.methods).copied()
    }
}

impl FromStr for StartMethod {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (service, method) = text.split_once(':').ok_or(())?;
        Self::find(service.parse()?, method).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::services::Operation;

    /// The parts in braces of a template.
    fn parts(template: &str) -> impl Iterator<Item = &str> {
        template.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().trim_end_matches('*'))
    }

    #[test]
    fn every_row_holds_together() {
        let mut ids = BTreeSet::new();
        for row in rows() {
            let id = row.id;
            assert!(ids.insert(id), "{id} stands twice");
            let service: Service = id.parse().unwrap();
            assert!(
                Operation::new(service, &service.name_example()).is_ok(),
                "{id}: {}",
                service.name_example()
            );
            let host = row.host.strip_suffix(".googleapis.com").unwrap();
            let host = host.trim_start_matches("{location}-").trim_start_matches("{region}-");
            assert!(
                host.bytes().all(|byte| byte.is_ascii_lowercase() || b"-.".contains(&byte)),
                "{id}: {host}"
            );
            let known: BTreeSet<_> = service.forms().flat_map(parts).chain(["name"]).collect();
            for template in row.gcloud.into_iter().chain(row.cancel).chain(row.console) {
                assert!(parts(template).all(|part| known.contains(part)), "{id}: {template}");
            }
            assert!(row.gcloud.is_none_or(|gcloud| gcloud.contains(" VERB ") || !row.cancels), "{id}");
            assert!(row.list.into_iter().flat_map(parts).all(|part| part == "project"), "{id}");
            for name in service.forms() {
                let last = name.rsplit('/').next().unwrap();
                assert!(parts(last).count() == 1, "{id}: {name}");
                assert!(service.has_jobs() || last.starts_with("{operation"), "{id}: {name}");
            }
            for get in row.get {
                assert!(parts(get).all(|part| known.contains(part)), "{id}: {get}");
            }
        }
    }

    #[test]
    fn every_start_belongs_to_its_row() {
        for row in rows() {
            let Some(starts) = &row.starts else { continue };
            for method in starts.methods {
                assert_eq!(method.service.id(), row.id);
                assert!(method.fields.contains(&method.location_field), "{method}");
                assert_eq!(method.to_string().parse(), Ok(*method));
                assert!(method.misnomers.iter().all(|(field, _)| !method.fields.contains(field)), "{method}");
            }
            let known: BTreeSet<_> = parts(starts.resource).collect();
            assert!(parts(starts.list).all(|part| known.contains(part)), "{}", starts.list);
        }
    }
}
