//! Section 6: the three limits, outages, and closed organizations.

use super::Mark::{Doc, Enum, NotFound};
use super::{Golden, golden};

pub const GOLDENS: &[Golden] = &[
    golden(
        "6.1",
        &[Doc],
        "too many requests",
        &[
            "POST /emulator/limits\n\n{}",
            "POST /emulator/faults\n\n{\"path\":\"/WhoAmI\",\"status\":429,\"code\":\"0x80072322\",\"retry_after\":30}",
        ],
        "GET WhoAmI",
        "429 Throttled\nRetry-After: 30\n\n{\"error\":{\"code\":\"0x80072322\",\
         \"message\":\"Number of requests exceeded the limit of 6000 over time window of 300 seconds.\"}}",
    ),
    golden(
        "6.1",
        &[Doc],
        "too much execution time",
        &[
            "POST /emulator/faults\n\n{\"path\":\"/WhoAmI\",\"status\":429,\"code\":\"0x80072321\",\"retry_after\":30}",
        ],
        "GET WhoAmI",
        "429 Throttled\nRetry-After: 30\n\n{\"error\":{\"code\":\"0x80072321\",\"message\":\"Combined execution time of incoming \
         requests exceeded limit of 1,200,000 milliseconds over time window of 300 seconds. Decrease number of concurrent \
         requests or reduce the duration of requests and try again later.\"}}",
    ),
    golden(
        "6.1",
        &[Doc],
        "too many at once",
        &[
            "POST /emulator/faults\n\n{\"path\":\"/WhoAmI\",\"status\":429,\"code\":\"0x80072326\",\"retry_after\":30}",
        ],
        "GET WhoAmI",
        "429 Throttled\nRetry-After: 30\n\n{\"error\":{\"code\":\"0x80072326\",\
         \"message\":\"Number of concurrent requests exceeded the limit of 52.\"}}",
    ),
    golden(
        "6.1",
        &[Doc],
        "the window is really kept",
        &["POST /emulator/limits\n\n{\"requests\":1}", "GET WhoAmI"],
        "GET WhoAmI",
        "429 Throttled\nRetry-After: «int»\nx-ms-ratelimit-burst-remaining-xrm-requests: 0\n\n{\"error\":{\"code\":\"0x80072322\",\
         \"message\":\"Number of requests exceeded the limit of 1 over time window of 300 seconds.\"}}",
    ),
    golden(
        "6.5",
        &[Doc],
        "the service isn't available",
        &["POST /emulator/faults\n\n{\"path\":\"/WhoAmI\",\"status\":503,\"retry_after\":5}"],
        "GET WhoAmI",
        "503 Unavailable\nRetry-After: 5\n\n«any»",
    ),
    golden(
        "6.5",
        &[NotFound],
        "a gateway that fails",
        &["POST /emulator/faults\n\n{\"path\":\"/WhoAmI\",\"status\":502}"],
        "GET WhoAmI",
        "502 Unavailable\n\n«any»",
    ),
    golden(
        "6.5",
        &[NotFound],
        "a gateway that waits too long",
        &["POST /emulator/faults\n\n{\"path\":\"/WhoAmI\",\"status\":504}"],
        "GET WhoAmI",
        "504 Unavailable\n\n«any»",
    ),
    golden(
        "6.5",
        &[Enum, NotFound],
        "administration mode",
        &["POST /emulator/organization\n\n{\"state\":\"administration\",\"administrators\":[]}"],
        "GET WhoAmI",
        "403 Unavailable\n\n{\"error\":{\"code\":\"0x8004a113\",\"message\":\"User does not have required privileges (or role \
         membership) to access the org when it is in Admin Only mode.\"}}",
    ),
    golden(
        "6.5",
        &[Enum, NotFound],
        "a disabled organization",
        &["POST /emulator/organization\n\n{\"state\":\"disabled\"}"],
        "GET WhoAmI",
        "403 Unavailable\n\n{\"error\":{\"code\":\"0x8004a104\",\"message\":\"The Dynamics 365 organization you are attempting to \
         access is currently disabled.  Please contact your system administrator\"}}",
    ),
];
