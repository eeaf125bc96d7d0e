//! Services that keep to <https://google.aip.dev/151>: a row each. Names, hosts, versions and paths are those of Google's discovery
//! documents, permissions those of the services' predefined roles. An empty text is not known.

use super::row::Row;

/// The form of most names.
pub(super) const LOCATED: &[&str] = &["projects/{project}/locations/{location}/operations/{operation}"];
/// Some services put the resource between the location and the operation.
pub(super) const NESTED: &[&str] = &[
    "projects/{project}/locations/{location}/{kind}/{id}/operations/{operation}",
    "projects/{project}/locations/{location}/{kind}/{id}/{kind2}/{id2}/operations/{operation}",
    "projects/{project}/locations/{location}/{kind}/{id}/{kind2}/{id2}/{kind3}/{id3}/operations/{operation}",
];
pub(super) const IN_A_PROJECT: &[&str] = &["projects/{project}/operations/{operation}"];
pub(super) const IN_A_FOLDER: &[&str] = &["folders/{folder}/locations/{location}/operations/{operation}"];
pub(super) const IN_AN_ORGANIZATION: &[&str] =
    &["organizations/{organization}/locations/{location}/operations/{operation}"];
pub(super) const BARE: &[&str] = &["operations/{operation}"];
const BARE_PATH: &[&str] = &["operations/{operation**}"];

const fn known(text: &'static str) -> Option<&'static str> {
    if text.is_empty() { None } else { Some(text) }
}

macro_rules! standard {
    ($($id:literal, $title:literal, $host:literal, $version:literal, [$($names:expr),+],
        $permission:literal, $gcloud:literal, $cancels:literal;)+) => {
        /// The rows.
        pub(super) static STANDARD: &[Row] = &[$(Row {
            permission: known($permission),
            gcloud: known($gcloud),
            cancels: $cancels,
            ..Row::standard($id, $title, concat!($host, ".googleapis.com"), $version, &[$($names),+])
        }),+];
    };
}

// Id, title, host, version, forms of names; permission, gcloud command, whether that command cancels.
standard! {
    "accesscontextmanager", "Access Context Manager", "accesscontextmanager", "v1", [BARE_PATH],
        "", "", false;
    "agentregistry", "Agent Registry", "agentregistry", "v1", [LOCATED, NESTED],
        "agentregistry.operations.get", "", false;
    "aiplatform", "Vertex AI", "{location}-aiplatform", "v1", [LOCATED, NESTED, BARE, &["projects/{project}/locations/{location}/ragEngineConfig/operations/{operation}", "projects/{project}/locations/{location}/tensorboards/{tensorboard}/experiments/{experiment}/runs/{run}/timeSeries/{time_sery}/operations/{operation}"]],
        "", "gcloud ai operations VERB {name}", false;
    "apigateway", "API Gateway", "apigateway", "v1", [LOCATED, NESTED],
        "apigateway.operations.get", "gcloud api-gateway operations VERB {name}", true;
    "apigee", "Apigee", "apigee", "v1", [&["organizations/{organization}/operations/{operation}"]],
        "apigee.operations.get", "gcloud beta apigee operations VERB {name}", false;
    "apihub", "API hub", "apihub", "v1", [LOCATED, NESTED],
        "apihub.operations.get", "", false;
    "apikeys", "API Keys", "apikeys", "v2", [BARE],
        "", "", false;
    "appengine", "App Engine", "appengine", "v1", [&["apps/{project}/operations/{operation}"]],
        "appengine.operations.get", "gcloud app operations VERB {name}", false;
    "apphub", "App Hub", "apphub", "v1", [LOCATED, NESTED],
        "apphub.operations.get", "gcloud apphub operations VERB {name}", false;
    "artifactregistry", "Artifact Registry", "artifactregistry", "v1", [LOCATED, NESTED],
        "", "gcloud artifacts operations VERB {name}", false;
    "assuredworkloads", "Assured Workloads", "{location}-assuredworkloads", "v1", [IN_AN_ORGANIZATION],
        "assuredworkloads.operations.get", "gcloud assured operations VERB {name}", false;
    "auditmanager", "Audit Manager", "auditmanager", "v1", [LOCATED, NESTED, IN_AN_ORGANIZATION, &["folders/{folder}/locations/{location}/operationDetails/{operation}", "folders/{folder}/locations/{location}/operationIds/{operation}", "organizations/{organization}/locations/{location}/operationDetails/{operation}", "organizations/{organization}/locations/{location}/operationIds/{operation}", "projects/{project}/locations/{location}/operationDetails/{operation}", "projects/{project}/locations/{location}/operationIds/{operation}"]],
        "auditmanager.operations.get", "gcloud audit-manager operations VERB {operation} --location={location} --project={project}", false;
    "authztoolkit", "", "authztoolkit", "v1", [LOCATED, NESTED],
        "", "", false;
    "backupdr", "Backup and DR Service", "backupdr", "v1", [LOCATED, NESTED],
        "backupdr.operations.get", "gcloud backup-dr operations VERB {name}", false;
    "baremetalsolution", "Bare Metal Solution", "baremetalsolution", "v2", [&["projects/{project}/locations/{location}/operations/{operation**}"]],
        "baremetalsolution.operations.get", "gcloud bms operations VERB {name}", false;
    "batch", "Batch", "batch", "v1", [LOCATED, NESTED],
        "batch.operations.get", "", false;
    "beyondcorp", "BeyondCorp", "beyondcorp", "v1", [LOCATED, NESTED, IN_AN_ORGANIZATION],
        "beyondcorp.operations.get", "gcloud beta beyondcorp app operations VERB {name}", false;
    "bigtableadmin", "Cloud Bigtable", "bigtableadmin", "v2", [&["operations/projects/{project}/{operation**}"]],
        "", "gcloud bigtable operations VERB {name}", false;
    "blockchainnodeengine", "Blockchain Node Engine", "blockchainnodeengine", "v1", [LOCATED, NESTED],
        "blockchainnodeengine.operations.get", "gcloud alpha blockchain-node-engine operations VERB {name}", false;
    "blockchainvalidatormanager", "", "blockchainvalidatormanager", "v1", [LOCATED, NESTED],
        "blockchainvalidatormanager.operations.get", "", false;
    "certificatemanager", "Certificate Manager", "certificatemanager", "v1", [LOCATED, NESTED],
        "certificatemanager.operations.get", "gcloud certificate-manager operations VERB {name}", false;
    "ces", "Gemini Enterprise for Customer Experience", "ces", "v1", [LOCATED, NESTED],
        "ces.operations.get", "", false;
    "cloudaicompanion", "", "cloudaicompanion", "v1", [LOCATED, NESTED],
        "cloudaicompanion.operations.get", "gcloud gemini operations VERB {name}", true;
    "cloudasset", "Cloud Asset", "cloudasset", "v1", [&["projects/{project}/operations/{verb}/{operation**}", "folders/{folder}/operations/{verb}/{operation**}", "organizations/{organization}/operations/{verb}/{operation**}"]],
        "", "gcloud asset operations VERB {name}", false;
    "cloudbuild", "Cloud Build", "cloudbuild", "v1", [LOCATED, NESTED, &["operations/build/{project}/{operation**}"]],
        "cloudbuild.operations.get", "", false;
    "cloudbuild.v2", "Cloud Build", "cloudbuild", "v2", [LOCATED, NESTED],
        "cloudbuild.operations.get", "", false;
    "clouddeploy", "Cloud Deploy", "clouddeploy", "v1", [LOCATED, NESTED],
        "clouddeploy.operations.get", "", false;
    "cloudfunctions", "Cloud Functions", "cloudfunctions", "v2", [LOCATED, NESTED],
        "cloudfunctions.operations.get", "", false;
    "cloudfunctions.v1", "Cloud Functions", "cloudfunctions", "v1", [BARE],
        "cloudfunctions.operations.get", "", false;
    "cloudkms", "Cloud Key Management Service (KMS)", "cloudkms", "v1", [LOCATED, NESTED],
        "cloudkms.operations.get", "", false;
    "cloudresourcemanager", "Cloud Resource Manager", "cloudresourcemanager", "v3", [BARE_PATH],
        "", "gcloud alpha resource-manager operations VERB {operation}", false;
    "cloudscheduler", "Cloud Scheduler", "cloudscheduler", "v1", [LOCATED, NESTED],
        "", "", false;
    "cloudtasks", "Cloud Tasks", "cloudtasks", "v2", [LOCATED, NESTED],
        "cloudtasks.operations.get", "", false;
    "composer", "Cloud Composer", "composer", "v1", [LOCATED, NESTED],
        "composer.operations.get", "gcloud composer operations VERB {name}", false;
    "config", "Infrastructure Manager", "config", "v1", [LOCATED, NESTED],
        "config.operations.get", "", false;
    "configdelivery", "", "configdelivery", "v1beta", [LOCATED, NESTED],
        "configdelivery.operations.get", "", false;
    "connectors", "Connectors", "connectors", "v1", [LOCATED, NESTED],
        "connectors.operations.get", "", false;
    "contactcenterinsights", "Contact Center AI Insights", "contactcenterinsights", "v1", [LOCATED, NESTED],
        "contactcenterinsights.operations.get", "", false;
    "datacatalog", "Google Cloud Data Catalog", "datacatalog", "v1", [LOCATED, NESTED],
        "", "", false;
    "dataform", "Dataform", "dataform", "v1", [LOCATED, NESTED],
        "dataform.operations.get", "", false;
    "datafusion", "Cloud Data Fusion", "datafusion", "v1", [LOCATED, NESTED],
        "datafusion.operations.get", "", false;
    "datalineage", "Data Lineage", "datalineage", "v1", [LOCATED, NESTED],
        "datalineage.operations.get", "", false;
    "datamigration", "Database Migration", "datamigration", "v1", [LOCATED, NESTED],
        "datamigration.operations.get", "gcloud database-migration operations VERB {name}", false;
    "dataplex", "Cloud Dataplex", "dataplex", "v1", [LOCATED, NESTED, IN_AN_ORGANIZATION],
        "dataplex.operations.get", "", false;
    "dataproc", "Cloud Dataproc", "dataproc", "v1", [LOCATED, NESTED, &["projects/{project}/regions/{region}/operations/{operation}"]],
        "dataproc.operations.get", "gcloud dataproc operations VERB {name}", true;
    "dataprocgdc", "", "dataprocgdc", "v1", [LOCATED, NESTED],
        "", "", false;
    "datastream", "Datastream", "datastream", "v1", [LOCATED, NESTED],
        "datastream.operations.get", "gcloud datastream operations VERB {name}", true;
    "developerconnect", "Developer Connect", "developerconnect", "v1", [LOCATED, NESTED],
        "developerconnect.operations.get", "gcloud developer-connect operations VERB {name}", true;
    "dialogflow", "Dialogflow", "{location}-dialogflow", "v2", [LOCATED, NESTED, IN_A_PROJECT],
        "dialogflow.operations.get", "", false;
    "dialogflow.v3", "Dialogflow", "{location}-dialogflow", "v3", [LOCATED, NESTED, IN_A_PROJECT],
        "dialogflow.operations.get", "", false;
    "discoveryengine", "Discovery Engine", "{location}-discoveryengine", "v1", [LOCATED, NESTED, IN_A_PROJECT, &["projects/{project}/locations/{location}/collections/{collection}/dataConnector/operations/{operation}", "projects/{project}/locations/{location}/collections/{collection}/dataStores/{data_store}/siteSearchEngine/operations/{operation}", "projects/{project}/locations/{location}/collections/{collection}/dataStores/{data_store}/siteSearchEngine/targetSites/operations/{operation}", "projects/{project}/locations/{location}/collections/{collection}/engines/{engine}/assistants/{assistant}/agents/{agent}/operations/{operation}"]],
        "discoveryengine.operations.get", "", false;
    "dns", "Cloud DNS", "dns", "dns/v1", [LOCATED, NESTED, &["projects/{project}/managedZones/{zone}/operations/{operation}"]],
        "dns.managedZoneOperations.get", "gcloud dns operations VERB {operation} --zone={zone} --project={project}", false;
    "documentai", "Cloud Document AI", "{location}-documentai", "v1", [LOCATED, NESTED, IN_A_PROJECT],
        "documentai.operations.getLegacy", "", false;
    "domains", "Cloud Domains", "domains", "v1", [LOCATED, NESTED],
        "domains.operations.get", "gcloud domains registrations operations VERB {name}", false;
    "edgecontainer", "", "edgecontainer", "v1", [LOCATED, NESTED],
        "edgecontainer.operations.get", "gcloud edge-cloud container operations VERB {name}", false;
    "edgenetwork", "", "edgenetwork", "v1", [LOCATED, NESTED],
        "edgenetwork.operations.get", "gcloud edge-cloud networking operations VERB {name}", false;
    "eventarc", "Eventarc", "eventarc", "v1", [LOCATED, NESTED],
        "eventarc.operations.get", "", false;
    "file", "Cloud Filestore", "file", "v1", [LOCATED, NESTED],
        "file.operations.get", "gcloud filestore operations VERB {name}", true;
    "firebase", "Firebase Management", "firebase", "v1beta1", [BARE_PATH],
        "", "", false;
    "firebaseappdistribution", "Firebase App Distribution", "firebaseappdistribution", "v1", [&["projects/{project}/apps/{app}/releases/{release}/operations/{operation}"]],
        "", "", false;
    "firebaseapphosting", "Firebase App Hosting", "firebaseapphosting", "v1", [LOCATED, NESTED],
        "firebaseapphosting.operations.get", "", false;
    "firebasedataconnect", "Firebase SQL Connect", "firebasedataconnect", "v1", [LOCATED, NESTED],
        "firebasedataconnect.operations.get", "", false;
    "firebasehosting", "Firebase Hosting", "firebasehosting", "v1beta1", [IN_A_PROJECT, &["projects/{project}/sites/{site}/customDomains/{custom_domain}/operations/{operation}"]],
        "", "", false;
    "ftp", "Cloud FTP", "ftp", "v1", [LOCATED, NESTED],
        "ftp.operations.get", "", false;
    "gkebackup", "Backup for GKE", "gkebackup", "v1", [LOCATED, NESTED],
        "gkebackup.operations.get", "gcloud beta container backup-restore operations VERB {name}", false;
    "gkehub", "GKE Hub", "gkehub", "v1", [LOCATED, NESTED],
        "gkehub.operations.get", "gcloud container fleet operations VERB {name}", false;
    "gkehub.v2", "GKE Hub", "gkehub", "v2", [LOCATED, NESTED],
        "gkehub.operations.get", "gcloud container fleet operations VERB {name}", false;
    "gkemulticloud", "", "{location}-gkemulticloud", "v1", [LOCATED, NESTED],
        "gkemulticloud.operations.get", "gcloud container aws operations VERB {name}", true;
    "gkeonprem", "GKE On-Prem", "gkeonprem", "v1", [LOCATED, NESTED],
        "gkeonprem.operations.get", "gcloud container vmware operations VERB {name}", false;
    "healthcare", "Cloud Healthcare", "healthcare", "v1", [&["projects/{project}/locations/{location}/datasets/{dataset}/operations/{operation}"]],
        "healthcare.operations.get", "gcloud healthcare operations VERB {name}", false;
    "hypercomputecluster", "Cluster Director", "hypercomputecluster", "v1", [LOCATED, NESTED],
        "hypercomputecluster.operations.get", "", false;
    "iam", "Identity and Access Management (IAM)", "iam", "v1", [NESTED, &["locations/{location}/workforcePools/{workforce_pool}/operations/{operation}", "locations/{location}/workforcePools/{workforce_pool}/providers/{provider}/keys/{key}/operations/{operation}", "locations/{location}/workforcePools/{workforce_pool}/providers/{provider}/operations/{operation}", "locations/{location}/workforcePools/{workforce_pool}/subjects/{subject}/operations/{operation}", "projects/{project}/locations/{location}/workloadIdentityPools/{workload_identity_pool}/namespaces/{namespace}/managedIdentities/{managed_identity}/workloadSources/{workload_source}/operations/{operation}"]],
        "iam.operations.get", "gcloud iam workload-identity-pools operations VERB {name}", false;
    "iam.v2", "Identity and Access Management (IAM)", "iam", "v2", [&["policies/{policy}/{type}/{id}/operations/{operation}"]],
        "iam.operations.get", "", false;
    "ids", "Cloud IDS", "ids", "v1", [LOCATED, NESTED],
        "ids.operations.get", "gcloud alpha ids operations VERB {name}", true;
    "jobs", "Cloud Talent Solution", "jobs", "v4", [IN_A_PROJECT],
        "", "", false;
    "krmapihosting", "", "krmapihosting", "v1", [LOCATED, NESTED],
        "krmapihosting.operations.get", "gcloud anthos config operations VERB {name}", false;
    "logging", "Cloud Logging", "logging", "v2", [LOCATED, NESTED, IN_A_FOLDER, IN_AN_ORGANIZATION, &["billingAccounts/{billing_account}/locations/{location}/operations/{operation}"]],
        "logging.operations.get", "gcloud logging operations VERB {operation} --location={location} --project={project}", true;
    "looker", "Looker (Google Cloud core)", "looker", "v1", [LOCATED, NESTED],
        "looker.operations.get", "gcloud looker operations VERB {name}", true;
    "lustre", "", "lustre", "v1", [LOCATED, NESTED],
        "lustre.operations.get", "gcloud lustre operations VERB {name}", true;
    "managedidentities", "Managed Service for Microsoft Active Directory", "managedidentities", "v1", [&["projects/{project}/locations/global/operations/{operation}"]],
        "managedidentities.operations.get", "gcloud active-directory operations VERB {name}", true;
    "managedkafka", "Managed Service for Apache Kafka", "managedkafka", "v1", [LOCATED, NESTED],
        "managedkafka.operations.get", "gcloud managed-kafka operations VERB {name}", false;
    "memcache", "Cloud Memorystore for Memcached", "memcache", "v1", [LOCATED, NESTED],
        "memcache.operations.get", "gcloud memcache operations VERB {name}", false;
    "memorystore", "", "memorystore", "v1", [LOCATED, NESTED],
        "memorystore.operations.get", "gcloud memorystore operations VERB {name}", true;
    "metastore", "Dataproc Metastore", "metastore", "v1", [LOCATED, NESTED],
        "metastore.operations.get", "gcloud metastore operations VERB {name}", true;
    "migrationcenter", "Migration Center", "migrationcenter", "v1", [LOCATED, NESTED],
        "migrationcenter.operations.get", "", false;
    "monitoring", "Cloud Monitoring", "monitoring", "v1", [BARE_PATH],
        "", "", false;
    "netapp", "NetApp", "netapp", "v1", [LOCATED, NESTED],
        "netapp.operations.get", "gcloud netapp operations VERB {name}", false;
    "networkconnectivity", "Network Connectivity", "networkconnectivity", "v1", [LOCATED, NESTED],
        "networkconnectivity.operations.get", "gcloud network-connectivity operations VERB {name}", false;
    "networkmanagement", "Network Management", "networkmanagement", "v1", [&["organizations/{organization}/locations/global/operations/{operation}", "projects/{project}/locations/global/operations/{operation}"]],
        "networkmanagement.operations.get", "gcloud network-management operations VERB {name}", false;
    "networksecurity", "Network Security", "networksecurity", "v1", [LOCATED, NESTED, IN_AN_ORGANIZATION],
        "networksecurity.operations.get", "", false;
    "networkservices", "Network Services", "networkservices", "v1", [LOCATED, NESTED],
        "networkservices.operations.get", "gcloud network-services operations VERB {name}", true;
    "notebooks", "Notebooks", "notebooks", "v2", [LOCATED, NESTED],
        "notebooks.operations.get", "", false;
    "notebooks.v1", "Notebooks", "notebooks", "v1", [LOCATED, NESTED],
        "notebooks.operations.get", "", false;
    "observability", "Observability", "observability", "v1", [LOCATED, NESTED, IN_A_FOLDER, IN_AN_ORGANIZATION],
        "observability.operations.get", "", false;
    "ondemandscanning", "On-Demand Scanning", "ondemandscanning", "v1", [LOCATED, NESTED],
        "ondemandscanning.operations.get", "", false;
    "oracledatabase", "Oracle Database@Google Cloud", "oracledatabase", "v1", [LOCATED, NESTED],
        "oracledatabase.operations.get", "gcloud oracle-database operations VERB {name}", true;
    "orglifecycle", "", "orglifecycle", "v1", [IN_AN_ORGANIZATION],
        "", "", false;
    "osconfig", "OS Config", "osconfig", "v1", [&["projects/{project}/locations/{location}/osPolicyAssignments/{assignment}/operations/{operation}"]],
        "osconfig.operations.get", "gcloud compute os-config os-policy-assignments operations VERB {name}", true;
    "osconfig.v2", "OS Config", "osconfig", "v2", [LOCATED, NESTED, IN_A_FOLDER, IN_AN_ORGANIZATION],
        "osconfig.operations.get", "", false;
    "parallelstore", "Parallelstore", "parallelstore", "v1", [LOCATED, NESTED],
        "parallelstore.operations.get", "gcloud parallelstore operations VERB {name}", true;
    "policysimulator", "Policy Simulator", "policysimulator", "v1", [BARE_PATH, &["folders/{folder}/locations/{location}/accessPolicySimulations/{access_policy_simulation}/operations/{operation**}", "folders/{folder}/locations/{location}/orgPolicyViolationsPreviews/{org_policy_violations_preview}/operations/{operation**}", "folders/{folder}/locations/{location}/replays/{replay}/operations/{operation**}", "organizations/{organization}/locations/{location}/accessPolicySimulations/{access_policy_simulation}/operations/{operation**}", "organizations/{organization}/locations/{location}/orgPolicyViolationsPreviews/{org_policy_violations_preview}/operations/{operation**}", "organizations/{organization}/locations/{location}/replays/{replay}/operations/{operation**}", "projects/{project}/locations/{location}/accessPolicySimulations/{access_policy_simulation}/operations/{operation**}", "projects/{project}/locations/{location}/orgPolicyViolationsPreviews/{org_policy_violations_preview}/operations/{operation**}", "projects/{project}/locations/{location}/replays/{replay}/operations/{operation**}"]],
        "", "", false;
    "privateca", "Certificate Authority", "privateca", "v1", [LOCATED, NESTED],
        "privateca.operations.get", "", false;
    "privilegedaccessmanager", "", "privilegedaccessmanager", "v1", [LOCATED, NESTED, IN_A_FOLDER, IN_AN_ORGANIZATION],
        "privilegedaccessmanager.operations.get", "gcloud pam operations VERB {name}", false;
    "pubsublite", "Pub/Sub Lite", "{region}-pubsublite", "v1/admin", [LOCATED, NESTED],
        "pubsublite.operations.get", "gcloud pubsub lite-operations VERB {name}", false;
    "rapidmigrationassessment", "Rapid Migration Assessment", "rapidmigrationassessment", "v1", [LOCATED, NESTED],
        "", "", false;
    "redis", "Google Cloud Memorystore for Redis", "redis", "v1", [LOCATED, NESTED],
        "redis.operations.get", "gcloud redis operations VERB {name}", true;
    "retail", "AI Commerce Search", "retail", "v2", [LOCATED, NESTED, IN_A_PROJECT],
        "retail.operations.get", "", false;
    "run", "Cloud Run", "run", "v2", [LOCATED, NESTED],
        "run.operations.get", "", false;
    "run.v1", "Cloud Run", "run", "v1", [LOCATED, NESTED],
        "run.operations.get", "", false;
    "seclm", "", "seclm", "v1", [LOCATED, NESTED],
        "", "", false;
    "securesourcemanager", "Secure Source Manager", "securesourcemanager", "v1", [LOCATED, NESTED],
        "securesourcemanager.operations.get", "gcloud beta source-manager operations VERB {name}", false;
    "securitycenter", "Security Command Center", "securitycenter", "v1", [&["organizations/{organization}/operations/{operation}"]],
        "", "gcloud scc operations VERB {name}", false;
    "securityposture", "Security Posture", "securityposture", "v1", [IN_AN_ORGANIZATION],
        "securityposture.operations.get", "gcloud scc posture-operations VERB {name}", false;
    "serviceconsumermanagement", "Service Consumer Management", "serviceconsumermanagement", "v1", [BARE],
        "", "", false;
    "servicemanagement", "Service Management", "servicemanagement", "v1", [BARE_PATH],
        "", "gcloud endpoints operations VERB {name}", false;
    "servicenetworking", "Service Networking", "servicenetworking", "v1", [BARE],
        "servicenetworking.operations.get", "gcloud services vpc-peerings operations VERB --name={name}", false;
    "serviceusage", "Service Usage", "serviceusage", "v1", [BARE],
        "serviceusage.operations.get", "gcloud services operations VERB {name}", false;
    "storage", "Cloud Storage JSON", "storage", "storage/v1", [&["b/{bucket}/operations/{operation}"]],
        "storage.bucketOperations.get", "gcloud storage operations VERB projects/_/buckets/{bucket}/operations/{operation}", true;
    "storagebatchoperations", "Storage Batch Operations", "storagebatchoperations", "v1", [LOCATED, NESTED],
        "storagebatchoperations.operations.get", "", false;
    "storageinsights", "", "storageinsights", "v1", [LOCATED, NESTED],
        "storageinsights.operations.get", "gcloud alpha storage insights operations VERB {name}", true;
    "storagetransfer", "Storage Transfer", "storagetransfer", "v1", [&["transferOperations/{operation**}"]],
        "storagetransfer.operations.get", "gcloud transfer operations VERB {name}", true;
    "stream", "", "stream", "v1", [LOCATED, NESTED],
        "stream.operations.get", "", false;
    "telcoautomation", "", "telcoautomation", "v1", [LOCATED, NESTED],
        "telcoautomation.operations.get", "gcloud telco-automation operations VERB {name}", false;
    "texttospeech", "Cloud Text-to-Speech", "texttospeech", "v1", [LOCATED, NESTED],
        "", "", false;
    "tpu", "Cloud TPU", "tpu", "v2", [LOCATED, NESTED],
        "tpu.operations.get", "", false;
    "tpu.v1", "Cloud TPU", "tpu", "v1", [LOCATED, NESTED],
        "tpu.operations.get", "", false;
    "translate", "Cloud Translation", "translation", "v3", [LOCATED, NESTED],
        "cloudtranslate.operations.get", "", false;
    "videointelligence", "Cloud Video Intelligence", "videointelligence", "v1", [LOCATED, NESTED],
        "", "gcloud ml video operations VERB {name}", false;
    "vision", "Cloud Vision", "vision", "v1", [LOCATED, NESTED, BARE, IN_A_PROJECT, &["locations/{location}/operations/{operation}"]],
        "", "gcloud beta ml vision operations VERB {name}", false;
    "vmmigration", "VM Migration", "vmmigration", "v1", [LOCATED, NESTED],
        "vmmigration.operations.get", "", false;
    "vmwareengine", "VMware Engine", "vmwareengine", "v1", [LOCATED, NESTED],
        "vmwareengine.operations.get", "gcloud vmware operations VERB {name}", false;
    "vpcaccess", "Serverless VPC Access", "vpcaccess", "v1", [LOCATED, NESTED],
        "vpcaccess.operations.get", "gcloud compute networks vpc-access operations VERB {name}", false;
    "webrisk", "Web Risk", "webrisk", "v1", [IN_A_PROJECT],
        "", "", false;
    "workflows", "Workflows", "workflows", "v1", [LOCATED, NESTED],
        "workflows.operations.get", "", false;
    "workloadmanager", "Workload Manager", "workloadmanager", "v1", [LOCATED, NESTED],
        "workloadmanager.operations.get", "", false;
    "workstations", "Cloud Workstations", "workstations", "v1", [LOCATED, NESTED],
        "workstations.operations.get", "", false;
}
