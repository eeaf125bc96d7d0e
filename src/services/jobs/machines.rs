//! Jobs on virtual machines and clusters.

use super::job;
use crate::services::Unit;
use crate::services::row::Row;
use crate::services::shape::{Count, Errors, Job, Words};

/// <https://cloud.google.com/compute/docs/reference/rest/v1/instanceGroupManagerResizeRequests>.
static RESIZE_REQUEST: Job = Job {
    name: &["selfLink"],
    start: &["creationTimestamp"],
    end: &[],
    error: Errors {
        status: &["status.error.errors.first.code"],
        text: &["status.error.errors.*.message"],
        ..Errors::NONE
    },
    ..Job::COMMON
};

/// <https://cloud.google.com/compute/docs/osconfig/rest/v1/projects.patchJobs>.
static PATCH_JOB: Job = Job {
    words: Words {
        partly: &["COMPLETED_WITH_INACTIVE_VMS"],
        failed: &["COMPLETED_WITH_ERRORS", "TIMED_OUT"],
        cancelled: &["CANCELED"],
        ..Words::COMMON
    },
    start: &["createTime"],
    end: &["updateTime"],
    error: Errors { text: &["errorMessage"], ..Errors::NONE },
    overall: &[Count::Percent("percentComplete")],
    failures: &["instanceDetailsSummary.failedInstanceCount"],
    target: &["displayName"],
    ..Job::COMMON
};

/// <https://cloud.google.com/batch/docs/reference/rest/v1/projects.locations.jobs>. A job that is deleted is in
/// `DELETION_IN_PROGRESS` until it is gone.
static BATCH: Job = Job {
    state: "status.state",
    start: &["createTime"],
    end: &["updateTime"],
    error: Errors { text: &["status.statusEvents.last.description"], ..Errors::NONE },
    items: Some((
        Unit::Tasks,
        Count::Sum { done: &["status.taskGroups.*.counts.SUCCEEDED"], of: &["status.taskGroups.*.counts.*"] },
    )),
    failures: &["status.taskGroups.*.counts.FAILED"],
    ..Job::COMMON
};

/// <https://cloud.google.com/kubernetes-engine/docs/add-on/backup-for-gke/reference/rest/v1/projects.locations.backupPlans.backups>.
static BACKUP: Job = Job {
    words: Words { cancelled: &[], over: &["DELETING"], ..Words::COMMON },
    start: &["createTime"],
    end: &["completeTime"],
    error: Errors { text: &["stateReason"], ..Errors::NONE },
    ..Job::COMMON
};

static RESTORE: Job = Job {
    words: Words { cancelled: &[], over: &["DELETING"], ..Words::COMMON },
    start: &["createTime"],
    end: &["completeTime"],
    error: Errors { text: &["stateReason"], ..Errors::NONE },
    failures: &["resourcesFailedCount"],
    target: &["cluster"],
    ..Job::COMMON
};

/// <https://cloud.google.com/migrate/virtual-machines/docs/5.0/reference/rest/v1/projects.locations.sources.migratingVms.cutoverJobs>.
static CUTOVER: Job = Job {
    start: &["createTime"],
    error: Errors { text: &["error.message", "stateMessage"], ..Errors::STATUS },
    overall: &[Count::Percent("progressPercent")],
    ..Job::COMMON
};

static CLONE: Job = Job { start: &["createTime"], ..Job::COMMON };

static IMAGE_IMPORT: Job = Job {
    start: &["createTime"],
    error: Errors { text: &["errors.*.message"], ..Errors::NONE },
    output: &["createdResources.first"],
    warnings: &["warnings.*.warningMessage.message"],
    ..Job::COMMON
};

/// <https://cloud.google.com/workload-manager/docs/reference/rest/v1/projects.locations.evaluations.executions>.
static EVALUATION: Job = Job {
    words: Words { cancelled: &[], ..Words::COMMON },
    error: Errors { text: &["notices.*.message"], ..Errors::NONE },
    ..Job::COMMON
};

pub(super) static ROWS: &[Row] = &[
    Row {
        gcloud: Some(
            "gcloud compute instance-groups managed resize-requests VERB {group} --resize-request={request} --zone={zone} --project={project}",
        ),
        permission: Some("compute.instanceGroupManagers.get"),
        ..job(
            "compute.instanceGroupManagerResizeRequests",
            "Compute Engine",
            "resize request",
            "compute.googleapis.com",
            "compute/v1",
            &[&["projects/{project}/zones/{zone}/instanceGroupManagers/{group}/resizeRequests/{request}"]],
            &RESIZE_REQUEST,
        )
    },
    Row {
        gcloud: Some("gcloud compute os-config patch-jobs VERB {name}"),
        cancels: true,
        console: Some("https://console.cloud.google.com/compute/osconfig/patchjobs/{job}?project={project}"),
        permission: Some("osconfig.patchJobs.get"),
        ..job(
            "osconfig.patchJobs",
            "OS Config",
            "patch job",
            "osconfig.googleapis.com",
            "v1",
            &[&["projects/{project}/patchJobs/{job}"]],
            &PATCH_JOB,
        )
    },
    Row {
        gcloud: Some("gcloud batch jobs VERB {name}"),
        cancels: true,
        console: Some(
            "https://console.cloud.google.com/batch/jobsDetail/regions/{location}/jobs/{job}/details?project={project}",
        ),
        permission: Some("batch.jobs.get"),
        ..job(
            "batch.jobs",
            "Batch",
            "job",
            "batch.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/jobs/{job}"]],
            &BATCH,
        )
    },
    Row {
        gcloud: Some("gcloud beta container backup-restore backups VERB {name}"),
        permission: Some("gkebackup.backups.get"),
        ..job(
            "gkebackup.backups",
            "Backup for GKE",
            "backup",
            "gkebackup.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/backupPlans/{plan}/backups/{backup}"]],
            &BACKUP,
        )
    },
    Row {
        gcloud: Some("gcloud beta container backup-restore restores VERB {name}"),
        permission: Some("gkebackup.restores.get"),
        ..job(
            "gkebackup.restores",
            "Backup for GKE",
            "restore",
            "gkebackup.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/restorePlans/{plan}/restores/{restore}"]],
            &RESTORE,
        )
    },
    Row {
        permission: Some("vmmigration.cutoverJobs.get"),
        ..job(
            "vmmigration.cutoverJobs",
            "VM Migration",
            "cutover",
            "vmmigration.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/locations/{location}/sources/{source}/migratingVms/{vm}/cutoverJobs/{job}",
            ]],
            &CUTOVER,
        )
    },
    Row {
        permission: Some("vmmigration.cloneJobs.get"),
        ..job(
            "vmmigration.cloneJobs",
            "VM Migration",
            "clone",
            "vmmigration.googleapis.com",
            "v1",
            &[&[
                "projects/{project}/locations/{location}/sources/{source}/migratingVms/{vm}/cloneJobs/{job}",
            ]],
            &CLONE,
        )
    },
    Row {
        permission: Some("vmmigration.imageImportJobs.get"),
        ..job(
            "vmmigration.imageImportJobs",
            "VM Migration",
            "image import",
            "vmmigration.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/imageImports/{import}/imageImportJobs/{job}"]],
            &IMAGE_IMPORT,
        )
    },
    Row {
        permission: Some("workloadmanager.executions.get"),
        ..job(
            "workloadmanager.executions",
            "Workload Manager",
            "evaluation",
            "workloadmanager.googleapis.com",
            "v1",
            &[&["projects/{project}/locations/{location}/evaluations/{evaluation}/executions/{execution}"]],
            &EVALUATION,
        )
    },
];
