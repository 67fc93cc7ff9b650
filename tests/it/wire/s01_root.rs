//! Section 1: the service root, the headers of every answer, the service document, the probes.

use super::Mark::{Doc, MsSrc, Obs};
use super::{Golden, golden};

pub const GOLDENS: &[Golden] = &[
    golden(
        "1.7",
        &[Doc],
        "WhoAmI tells user, unit and organization",
        &[],
        "GET WhoAmI",
        "200\nContent-Type: application/json; odata.metadata=minimal\n\n\
         {\"@odata.context\":\"«root»$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse\",\
         \"BusinessUnitId\":\"«guid»\",\"UserId\":\"«guid»\",\"OrganizationId\":\"«guid»\"}",
    ),
    golden(
        "1.7",
        &[Doc],
        "a function may have empty parentheses",
        &[],
        "GET WhoAmI()",
        "200\n\n{\"UserId\":\"«guid»\",\"…\":0}",
    ),
    golden(
        "1.1",
        &[MsSrc],
        "any version 9 of the root is the same",
        &[],
        "GET /api/data/v9.0/WhoAmI",
        "200\n\n{\"@odata.context\":\"«origin»/api/data/v9.0/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse\",\"…\":0}",
    ),
    golden(
        "1.4",
        &[Obs, MsSrc],
        "every answer has the headers that clients read",
        &[],
        "GET WhoAmI",
        "200\nOData-Version: 4.0\nCache-Control: no-cache\nExpires: -1\nREQ_ID: «guid»\nx-ms-service-request-id: «guid»\n\
         x-ms-dop-hint: «int»\nx-ms-ratelimit-burst-remaining-xrm-requests: «int»\n\
         x-ms-ratelimit-time-remaining-xrm-requests: 1,200.00\nSet-Cookie: ARRAffinity=«any»; path=/«any»; HttpOnly\n\n{\"…\":0}",
    ),
    golden(
        "1.4",
        &[Obs, MsSrc],
        "an error has them too",
        &[],
        "GET nothing",
        "404 NotFound\nOData-Version: 4.0\nREQ_ID: «guid»\nx-ms-service-request-id: «guid»\nx-ms-dop-hint: «int»\n\n{\"…\":0}",
    ),
    golden(
        "1.6",
        &[Doc],
        "the service document lists the sets",
        &[],
        "GET /api/data/v9.2/",
        "200\n\n{\"@odata.context\":\"«root»$metadata\",\
         \"value\":[{\"name\":\"accounts\",\"kind\":\"EntitySet\",\"url\":\"accounts\"},\"…\"]}",
    ),
    golden(
        "1.7",
        &[MsSrc],
        "RetrieveVersion tells the build",
        &[],
        "GET RetrieveVersion()",
        "200\n\n{\"@odata.context\":\"«root»$metadata#Microsoft.Dynamics.CRM.RetrieveVersionResponse\",\
         \"Version\":\"9.2.«int».«int»\"}",
    ),
    golden(
        "1.7",
        &[Doc],
        "RetrieveCurrentOrganization tells where the organization is",
        &[],
        "GET RetrieveCurrentOrganization(AccessType=@p1)?@p1=Microsoft.Dynamics.CRM.EndpointAccessType'Default'",
        "200\n\n{\"@odata.context\":\"«root»$metadata#Microsoft.Dynamics.CRM.RetrieveCurrentOrganizationResponse\",\
         \"Detail\":{\"OrganizationId\":\"«guid»\",\"FriendlyName\":\"«any»\",\"OrganizationVersion\":\"9.2.«any»\",\
         \"EnvironmentId\":\"«guid»\",\"DatacenterId\":\"«guid»\",\"Geo\":\"«any»\",\"TenantId\":\"«guid»\",\
         \"UrlName\":\"«any»\",\"UniqueName\":\"«any»\",\"State\":\"Enabled\",\"Endpoints\":{\"Count\":3,\"IsReadOnly\":false,\
         \"Keys\":[\"WebApplication\",\"OrganizationService\",\"OrganizationDataService\"],\
         \"Values\":[\"«origin»/\",\"«origin»/XRMServices/2011/Organization.svc\",\
         \"«origin»/XRMServices/2011/OrganizationData.svc\"]}}}",
    ),
    golden(
        "1.7",
        &[Doc],
        "RetrieveTotalRecordCount counts tables",
        &[],
        "GET RetrieveTotalRecordCount(EntityNames=@p1)?@p1=[\"account\",\"contact\"]",
        "200\n\n{\"@odata.context\":\"«root»$metadata#Microsoft.Dynamics.CRM.RetrieveTotalRecordCountResponse\",\
         \"EntityRecordCountCollection\":{\"Count\":2,\"IsReadOnly\":false,\"Keys\":[\"account\",\"contact\"],\
         \"Values\":[0,0]}}",
    ),
    golden(
        "1.7",
        &[Doc],
        "a function can't be posted to",
        &[],
        "POST WhoAmI\n\n{}",
        "404 NotFound\n\n{\"error\":{\"code\":\"\",\
         \"message\":\"No HTTP resource was found that matches the request URI '«any»'.\"}}",
    ),
    golden(
        "1.5",
        &[Doc],
        "a collection can't be patched",
        &[],
        "PATCH accounts\n\n{\"name\":\"Acme\"}",
        "405 Invalid\n\n{\"error\":{\"code\":\"0x8004023b\",\"…\":0}}",
    ),
    golden(
        "1.5",
        &[Doc],
        "a collection can't be deleted",
        &[],
        "DELETE accounts",
        "405 Invalid\n\n{\"error\":{\"code\":\"0x8004023b\",\"…\":0}}",
    ),
];
