//! The tables that describe what runs around a message: messages, filters, steps, webhooks, plug-in types.

use super::super::column::{
    audit, boolean, choice, id, int, lookup, memo, status, text, two_options,
};
use super::super::{Format, Required, Table, TableBase, Writes};
use super::table;

pub(super) fn message() -> Table {
    let mut columns = vec![
        id("sdkmessageid"),
        text("name", 256),
        text("categoryname", 25),
        boolean("autotransact", true),
        int("availability", 0, 255),
        boolean("isactive", true),
        boolean("isprivate", false),
        boolean("workflowsdkstepenabled", false),
    ];
    columns.extend(audit("sdkmessage"));
    Table::new(
        &TableBase {
            set: "sdkmessages",
            label: "Sdk Message",
            id: "sdkmessageid",
            writes: Writes::Nothing,
            ..table("sdkmessage", "SdkMessage", 4606)
        },
        columns,
        &[],
    )
}

pub(super) fn message_filter() -> Table {
    let mut columns = vec![
        id("sdkmessagefilterid"),
        text("name", 256),
        text("primaryobjecttypecode", 64).format(Format::TableName),
        text("secondaryobjecttypecode", 64).format(Format::TableName),
        boolean("iscustomprocessingstepallowed", true),
        boolean("workflowsdkstepenabled", false),
        int("availability", 0, 255),
        lookup(
            "sdkmessageid",
            &[(
                "sdkmessage",
                "sdkmessageid",
                "sdkmessageid_sdkmessagefilter",
            )],
        ),
    ];
    columns.extend(audit("sdkmessagefilter"));
    Table::new(
        &TableBase {
            set: "sdkmessagefilters",
            label: "Sdk Message Filter",
            id: "sdkmessagefilterid",
            writes: Writes::Nothing,
            ..table("sdkmessagefilter", "SdkMessageFilter", 4607)
        },
        columns,
        &[],
    )
}

pub(super) fn step() -> Table {
    let mut columns = vec![
        id("sdkmessageprocessingstepid"),
        text("name", 256),
        text("description", 256),
        choice("stage", STAGES, None).required(Required::System),
        choice("mode", &[(0, "Synchronous"), (1, "Asynchronous")], Some(0))
            .required(Required::System),
        int("rank", 1, i64::from(i32::MAX)),
        memo("filteringattributes", 100_000),
        memo("configuration", 1_073_741_823),
        choice(
            "supporteddeployment",
            &[
                (0, "Server Only"),
                (1, "Microsoft Dynamics 365 Client for Outlook Only"),
                (2, "Both"),
            ],
            Some(0),
        ),
        boolean("asyncautodelete", false),
        choice("invocationsource", &[(0, "Parent"), (1, "Child")], Some(0)),
        lookup(
            "sdkmessageid",
            &[(
                "sdkmessage",
                "sdkmessageid",
                "sdkmessageid_sdkmessageprocessingstep",
            )],
        )
        .required(Required::System)
        .restricting(),
        lookup(
            "sdkmessagefilterid",
            &[(
                "sdkmessagefilter",
                "sdkmessagefilterid",
                "sdkmessagefilterid_sdkmessageprocessingstep",
            )],
        )
        .restricting(),
        lookup(
            "eventhandler",
            &[
                (
                    "serviceendpoint",
                    "eventhandler_serviceendpoint",
                    "serviceendpoint_sdkmessageprocessingstep",
                ),
                (
                    "plugintype",
                    "eventhandler_plugintype",
                    "plugintype_sdkmessageprocessingstep",
                ),
            ],
        )
        .required(Required::System)
        .restricting(),
        lookup(
            "impersonatinguserid",
            &[(
                "systemuser",
                "impersonatinguserid",
                "impersonatinguserid_sdkmessageprocessingstep",
            )],
        ),
    ];
    columns.extend(audit("sdkmessageprocessingstep"));
    columns.extend(status(
        &[(1, 0, "Enabled"), (2, 1, "Disabled")],
        &[(0, "Enabled"), (1, "Disabled")],
    ));
    Table::new(
        &TableBase {
            set: "sdkmessageprocessingsteps",
            label: "Sdk Message Processing Step",
            id: "sdkmessageprocessingstepid",
            ..table("sdkmessageprocessingstep", "SdkMessageProcessingStep", 4608)
        },
        columns,
        &[],
    )
}

pub(super) fn service_endpoint() -> Table {
    let mut columns = vec![
        id("serviceendpointid"),
        text("name", 160).required(Required::System),
        text("description", 2000),
        choice(
            "contract",
            &[
                (1, "OneWay"),
                (2, "Queue"),
                (3, "Rest"),
                (4, "TwoWay"),
                (5, "Topic"),
                (6, "Queue (Persistent)"),
                (7, "Event Hub"),
                (8, "Webhook"),
                (9, "Event Grid"),
            ],
            None,
        )
        .required(Required::System),
        choice(
            "connectionmode",
            &[(1, "Normal"), (2, "Federated")],
            Some(1),
        )
        .required(Required::System),
        choice(
            "authtype",
            &[
                (1, "ACS"),
                (2, "SAS Key"),
                (3, "SAS Token"),
                (4, "Webhook Key"),
                (5, "Http Header"),
                (6, "Http Query String"),
                (7, "Connection String"),
                (8, "Access Key"),
            ],
            None,
        ),
        memo("authvalue", 2048).write_only(),
        two_options("isauthvalueset", false, "No", "Yes").computed(),
        text("url", 2048).format(Format::Url),
        choice(
            "messageformat",
            &[(1, "Binary XML"), (2, "Json"), (3, "Text XML")],
            None,
        ),
        choice(
            "userclaim",
            &[(1, "None"), (2, "UserId"), (3, "UserInfo")],
            None,
        ),
        text("namespaceaddress", 160),
        text("saskeyname", 256),
        text("path", 160),
    ];
    columns.extend(audit("serviceendpoint"));
    Table::new(
        &TableBase {
            set: "serviceendpoints",
            label: "Service Endpoint",
            id: "serviceendpointid",
            ..table("serviceendpoint", "ServiceEndpoint", 4618)
        },
        columns,
        &[],
    )
}

pub(super) fn plug_in_type() -> Table {
    let mut columns = vec![
        id("plugintypeid"),
        text("name", 256),
        text("typename", 256),
        text("friendlyname", 256),
        text("description", 256),
        text("assemblyname", 256),
        text("version", 48),
        boolean("isworkflowactivity", false),
    ];
    columns.extend(audit("plugintype"));
    Table::new(
        &TableBase {
            set: "plugintypes",
            label: "Plug-in Type",
            id: "plugintypeid",
            writes: Writes::Nothing,
            ..table("plugintype", "PluginType", 4602)
        },
        columns,
        &[],
    )
}

const STAGES: &[(i64, &str)] = &[
    (5, "Initial Pre-operation (For internal use only)"),
    (10, "Pre-validation"),
    (
        15,
        "Internal Pre-operation Before External Plugins (For internal use only)",
    ),
    (20, "Pre-operation"),
    (
        25,
        "Internal Pre-operation After External Plugins (For internal use only)",
    ),
    (30, "Main Operation (For internal use only)"),
    (
        35,
        "Internal Post-operation Before External Plugins (For internal use only)",
    ),
    (40, "Post-operation"),
    (
        45,
        "Internal Post-operation After External Plugins (For internal use only)",
    ),
    (55, "Final Post-operation (For internal use only)"),
];
