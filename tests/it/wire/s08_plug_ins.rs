//! Section 8: a step that refuses, the annotations that say which, `?tag=`.

use super::Mark::{Doc, Inferred, MsSrc};
use super::{Golden, golden};

/// What a step that refuses a new account needs; its configuration is the last one's.
const MESSAGE: &str =
    "GET sdkmessages?$filter=name eq 'Create'\nbind message = /value/0/sdkmessageid";
const FILTER: &str = "GET sdkmessagefilters?$filter=primaryobjecttypecode eq 'account' and _sdkmessageid_value eq «message»\n\
     bind filter = /value/0/sdkmessagefilterid";
const HANDLER: &str = "GET plugintypes?$filter=typename eq 'Tandem.PlugIns.refuse'\nbind plugin = /value/0/plugintypeid";
const STEP: &str = "POST sdkmessageprocessingsteps\nPrefer: return=representation\nbind step = /sdkmessageprocessingstepid\n\n\
     {\"name\":\"Europe's rules\",\"stage\":20,\"mode\":0,\"rank\":1,\"supporteddeployment\":0,\
     \"sdkmessageid@odata.bind\":\"/sdkmessages(«message»)\",\
     \"sdkmessagefilterid@odata.bind\":\"/sdkmessagefilters(«filter»)\",\
     \"eventhandler_plugintype@odata.bind\":\"/plugintypes(«plugin»)\",\
     \"configuration\":\"{\\\"message\\\":\\\"Account number is mandatory in Europe.\\\",\\\"missing\\\":\\\"accountnumber\\\"}\"}";
const FORBIDS: &str = "POST sdkmessageprocessingsteps\n\n\
     {\"name\":\"Europe's rules\",\"stage\":20,\"mode\":0,\"rank\":1,\"supporteddeployment\":0,\
     \"sdkmessageid@odata.bind\":\"/sdkmessages(«message»)\",\
     \"sdkmessagefilterid@odata.bind\":\"/sdkmessagefilters(«filter»)\",\
     \"eventhandler_plugintype@odata.bind\":\"/plugintypes(«plugin»)\",\
     \"configuration\":\"{\\\"message\\\":\\\"Come back later.\\\",\\\"status\\\":429}\"}";

pub const GOLDENS: &[Golden] = &[
    golden(
        "8.2",
        &[Doc],
        "a plug-in refuses",
        &[MESSAGE, FILTER, HANDLER, STEP],
        "POST accounts\n\n{\"name\":\"Acme\"}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80040265\",\"message\":\"Account number is mandatory in Europe.\"}}",
    ),
    golden(
        "8.2",
        &[Doc, MsSrc],
        "a plug-in refuses, with its annotations",
        &[MESSAGE, FILTER, HANDLER, STEP],
        "POST accounts\nPrefer: odata.include-annotations=\"*\"\n\n{\"name\":\"Acme\"}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80040265\",\"message\":\"Account number is mandatory in Europe.\",\
         \"@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus\":\"1\",\
         \"@Microsoft.PowerApps.CDS.ErrorDetails.SubErrorCode\":\"«any»\",\
         \"@Microsoft.PowerApps.CDS.ErrorDetails.ApiStepKey\":\"«step»\",\
         \"@Microsoft.PowerApps.CDS.ErrorDetails.ApiDepthKey\":\"1\",\
         \"@Microsoft.PowerApps.CDS.ErrorDetails.ApiExceptionHttpStatusCode\":\"400\",\
         \"@Microsoft.PowerApps.CDS.HelpLink\":\
         \"http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a80040265&client=platform\",\
         \"@Microsoft.PowerApps.CDS.TraceText\":\"\\r\\n[Europe's rules: «step»]\\r\\n\",\
         \"@Microsoft.PowerApps.CDS.InnerError.Message\":\"Account number is mandatory in Europe.\"}}",
    ),
    golden(
        "8.2",
        &[Doc],
        "a plug-in chooses a status that means something else",
        &[MESSAGE, FILTER, HANDLER, FORBIDS],
        "POST accounts\n\n{\"name\":\"Acme\"}",
        "429 Invalid\n\n{\"error\":{\"code\":\"0x80040265\",\"message\":\"Come back later.\"}}",
    ),
    golden(
        "8.4",
        &[Doc],
        "a tag goes with any request",
        &[],
        "POST accounts?tag=tandem\n\n{\"name\":\"Acme\"}",
        "204\nOData-EntityId: «root»accounts(«guid»)",
    ),
    golden(
        "8.5",
        &[Doc, Inferred],
        "custom logic is bypassed",
        &[MESSAGE, FILTER, HANDLER, STEP],
        "POST accounts\nMSCRM.BypassBusinessLogicExecution: CustomSync\n\n{\"name\":\"Acme\"}",
        "204\nOData-EntityId: «root»accounts(«guid»)",
    ),
];
