//! The tables of what runs by itself: system jobs, bulk deletions, flows and their runs.

use super::super::column::{
    audit, boolean, choice, column, id, identifier, int, lookup, memo, owner, status, text, time,
};
use super::super::{Format, Kind, Ownership, Required, Table, TableBase, Writes};
use super::table;

/// The states of a system job and the reasons of each.
const JOB_STATES: &[(i64, &str)] = &[
    (0, "Ready"),
    (1, "Suspended"),
    (2, "Locked"),
    (3, "Completed"),
];
const JOB_REASONS: &[(i64, i64, &str)] = &[
    (0, 0, "Waiting For Resources"),
    (10, 1, "Waiting"),
    (20, 2, "In Progress"),
    (21, 2, "Pausing"),
    (22, 2, "Canceling"),
    (30, 3, "Succeeded"),
    (31, 3, "Failed"),
    (32, 3, "Canceled"),
];

pub(super) fn asynchronous_operation() -> Table {
    let mut columns = vec![
        id("asyncoperationid"),
        text("name", 256),
        choice(
            "operationtype",
            &[
                (1, "System Event"),
                (10, "Workflow"),
                (13, "Bulk Delete"),
                (54, "Execute Async Request"),
                (75, "Index Management for Alternate Keys"),
            ],
            None,
        )
        .computed(),
        text("messagename", 160).computed(),
        text("primaryentitytype", 64)
            .format(Format::TableName)
            .computed(),
        time("startedon").computed(),
        time("completedon").computed(),
        time("postponeuntil"),
        int("retrycount", 0, i64::from(i32::MAX)).computed(),
        int("errorcode", i64::from(i32::MIN), i64::from(i32::MAX)).computed(),
        int("depth", 0, i64::from(i32::MAX)).computed(),
        memo("message", 1_073_741_823).computed(),
        memo("friendlymessage", 1_073_741_823),
        memo("data", 1_073_741_823).computed(),
        identifier("correlationid").computed(),
        identifier("requestid").computed(),
        lookup(
            "regardingobjectid",
            &[
                (
                    "account",
                    "regardingobjectid_account",
                    "Account_AsyncOperations",
                ),
                (
                    "contact",
                    "regardingobjectid_contact",
                    "Contact_AsyncOperations",
                ),
                (
                    "incident",
                    "regardingobjectid_incident",
                    "Incident_AsyncOperations",
                ),
            ],
        )
        .computed(),
        lookup(
            "owningextensionid",
            &[(
                "sdkmessageprocessingstep",
                "owningextensionid",
                "SdkMessageProcessingStep_AsyncOperations",
            )],
        )
        .computed(),
        lookup(
            "workflowactivationid",
            &[(
                "workflow",
                "workflowactivationid",
                "lk_asyncoperation_workflowactivationid",
            )],
        )
        .computed(),
    ];
    columns.extend(audit("asyncoperation"));
    columns.extend(status(JOB_REASONS, JOB_STATES));
    columns.extend(owner("asyncoperation"));
    Table::new(
        &TableBase {
            set: "asyncoperations",
            label: "System Job",
            id: "asyncoperationid",
            writes: Writes::UpdateAndDelete,
            ownership: Ownership::User,
            ..table("asyncoperation", "AsyncOperation", 4700)
        },
        columns,
        &[],
    )
}

pub(super) fn bulk_delete_operation() -> Table {
    let mut columns = vec![
        id("bulkdeleteoperationid"),
        text("name", 256),
        lookup(
            "asyncoperationid",
            &[(
                "asyncoperation",
                "asyncoperationid",
                "AsyncOperation_BulkDeleteOperation",
            )],
        )
        .computed(),
        int("successcount", 0, i64::from(i32::MAX)).computed(),
        int("failurecount", 0, i64::from(i32::MAX)).computed(),
        boolean("isrecurring", false).computed(),
        time("nextrun").computed(),
        memo("orderedquerysetxml", 1_073_741_823).computed(),
    ];
    columns.extend(audit("bulkdeleteoperation"));
    columns.extend(status(JOB_REASONS, JOB_STATES));
    columns.extend(owner("bulkdeleteoperation"));
    Table::new(
        &TableBase {
            set: "bulkdeleteoperations",
            label: "Bulk Delete Operation",
            id: "bulkdeleteoperationid",
            writes: Writes::UpdateAndDelete,
            ownership: Ownership::User,
            ..table("bulkdeleteoperation", "BulkDeleteOperation", 4424)
        },
        columns,
        &[],
    )
}

pub(super) fn workflow() -> Table {
    let mut columns = vec![
        id("workflowid"),
        text("name", 100).required(Required::System),
        memo("description", 100_000),
        choice(
            "category",
            &[
                (0, "Workflow"),
                (1, "Dialog"),
                (2, "Business Rule"),
                (3, "Action"),
                (4, "Business Process Flow"),
                (5, "Modern Flow"),
                (6, "Desktop Flow"),
                (7, "AI Flow"),
            ],
            None,
        )
        .required(Required::System),
        choice(
            "type",
            &[(1, "Definition"), (2, "Activation"), (3, "Template")],
            Some(1),
        ),
        choice(
            "scope",
            &[
                (1, "User"),
                (2, "Business Unit"),
                (3, "Parent: Child Business Units"),
                (4, "Organization"),
            ],
            Some(4),
        ),
        choice("mode", &[(0, "Background"), (1, "Real-time")], Some(0)),
        text("primaryentity", 64).format(Format::TableName),
        boolean("ondemand", false),
        text("uniquename", 256),
        identifier("workflowidunique").computed(),
        memo("clientdata", 1_073_741_823),
    ];
    columns.extend(audit("workflow"));
    columns.extend(status(
        &[
            (1, 0, "Draft"),
            (2, 1, "Activated"),
            (3, 2, "CompanyDLPViolation"),
        ],
        &[(0, "Draft"), (1, "Activated"), (2, "Suspended")],
    ));
    columns.extend(owner("workflow"));
    Table::new(
        &TableBase {
            set: "workflows",
            label: "Process",
            id: "workflowid",
            ownership: Ownership::User,
            ..table("workflow", "Workflow", 4703)
        },
        columns,
        &[],
    )
}

pub(super) fn flow_run() -> Table {
    let mut columns = vec![
        id("flowrunid"),
        text("name", 100).computed(),
        time("starttime").computed(),
        time("endtime").computed(),
        column("duration", Kind::BigInt).computed(),
        text("status", 100).computed(),
        text("triggertype", 100).computed(),
        text("errorcode", 1000).computed(),
        memo("errormessage", 100_000).computed(),
        lookup(
            "workflow",
            &[("workflow", "Workflow", "workflow_flowrun_Workflow")],
        )
        .computed(),
        identifier("workflowid").computed(),
        int("ttlinseconds", 0, i64::from(i32::MAX)).computed(),
    ];
    columns.extend(audit("flowrun"));
    columns.extend(owner("flowrun"));
    Table::new(
        &TableBase {
            set: "flowruns",
            label: "Flow Run",
            id: "flowrunid",
            writes: Writes::Nothing,
            ownership: Ownership::User,
            ..table("flowrun", "FlowRun", 10_207)
        },
        columns,
        &[],
    )
}
