//! Section 7: tokens, the challenge, who is refused, impersonation.

use super::Mark::{Doc, Inferred, MsSrc, Obs};
use super::{Golden, golden};

pub const GOLDENS: &[Golden] = &[
    golden(
        "7.3",
        &[Doc, MsSrc, Obs],
        "no token is challenged",
        &[],
        "GET WhoAmI\nAuthorization: none",
        "401 Unauthorized\nWWW-Authenticate: Bearer authorization_uri=«any»/oauth2/authorize, resource_id=«origin»/\n\n\
         HTTP Error 401 - Unauthorized: Access is denied",
    ),
    golden(
        "7.3",
        &[Doc, MsSrc],
        "the bare root is challenged too",
        &[],
        "GET /api/data/v9.2/\nAuthorization: none",
        "401 Unauthorized\nWWW-Authenticate: Bearer authorization_uri=«any»/oauth2/authorize, resource_id=«origin»/\n\n«any»",
    ),
    golden(
        "7.3",
        &[Doc],
        "a token that is none is challenged",
        &[],
        "GET WhoAmI\nAuthorization: Bearer nonsense",
        "401 Unauthorized\nWWW-Authenticate: Bearer «any»\n\n«any»",
    ),
    golden(
        "7.1",
        &[Doc],
        "client credentials are exchanged for a token",
        &[],
        "POST /contoso/oauth2/v2.0/token\nAuthorization: none\nContent-Type: application/x-www-form-urlencoded\n\n\
         client_id=app&scope=«origin»/.default&client_secret=«token»&grant_type=client_credentials",
        "200\n\n{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"«any»\",\"…\":0}",
    ),
    golden(
        "7.1",
        &[Doc],
        "a scope that is none",
        &[],
        "POST /contoso/oauth2/v2.0/token\nAuthorization: none\nContent-Type: application/x-www-form-urlencoded\n\n\
         client_id=app&scope=nonsense&client_secret=«token»&grant_type=client_credentials",
        "400 Invalid\n\n{\"error\":\"invalid_scope\",\"error_description\":\"AADSTS70011: «any»\",\"error_codes\":[70011],\
         \"timestamp\":\"«any»\",\"trace_id\":\"«guid»\",\"correlation_id\":\"«guid»\",\"…\":0}",
    ),
    golden(
        "7.1",
        &[Inferred],
        "a wrong secret",
        &[],
        "POST /contoso/oauth2/v2.0/token\nAuthorization: none\nContent-Type: application/x-www-form-urlencoded\n\n\
         client_id=app&scope=«origin»/.default&client_secret=wrong&grant_type=client_credentials",
        "401 Unauthorized\n\n{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: «any»\",\"…\":0}",
    ),
    golden(
        "7.2",
        &[Doc],
        "who is no member is refused",
        &[
            "POST /contoso/oauth2/v2.0/token\nAuthorization: none\nContent-Type: application/x-www-form-urlencoded\n\
             bind stranger = /access_token\n\n\
             client_id=unknown&scope=«origin»/.default&client_secret=«token»&grant_type=client_credentials",
        ],
        "GET WhoAmI\nAuthorization: Bearer «stranger»",
        "403 Forbidden\n\n{\"error\":{\"code\":\"0x80072560\",\"message\":\"The user is not a member of the organization.\"}}",
    ),
    golden(
        "7.4",
        &[Doc, Inferred],
        "a privilege that is missing",
        &[
            "POST /emulator/faults\n\n{\"path\":\"/accounts\",\"status\":403,\"code\":\"0x80040220\"}",
        ],
        "GET accounts?$select=name",
        "403 Forbidden\n\n{\"error\":{\"code\":\"0x80040220\",\"message\":\"«any»\"}}",
    ),
];
