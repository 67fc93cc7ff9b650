//! What went wrong with a call, sorted by what the caller must do about it.
//!
//! The class of a failure answers three questions in this one file: may the work have been done, may it be tried
//! again, and does it count against the breaker.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A code in the body of an error, as the signed number behind `0x80040217` (contract 10).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// No row has this id: `account With Id = … Does Not Exist`.
    pub const OBJECT_DOES_NOT_EXIST: Self = Self(0x8004_0217);
    /// A row with this primary id exists (a create-only request met it).
    pub const DUPLICATE_RECORD: Self = Self(0x8004_0237);
    /// A duplicate detection rule of the instance found another row that is alike.
    pub const DUPLICATE_FOUND: Self = Self(0x8004_0333);
    /// A row with this alternate key exists, on another id.
    pub const DUPLICATE_KEY: Self = Self(0x8006_0892);
    /// No row has this alternate key.
    pub const NOT_FOUND_BY_KEY: Self = Self(0x8006_0891);
    /// The row changed since its version was read.
    pub const VERSION_MISMATCH: Self = Self(0x8006_0882);
    /// Server-side custom logic refused, with whatever status it liked.
    pub const PLUGIN_REFUSED: Self = Self(0x8004_0265);
    /// Server-side custom logic broke.
    pub const PLUGIN_BROKE: Self = Self(0x8004_0224);
    /// Too many requests in the window.
    pub const TOO_MANY_REQUESTS: Self = Self(0x8007_2322);
    /// Too much execution time in the window.
    pub const TOO_MUCH_TIME: Self = Self(0x8007_2321);
    /// Too many requests at once.
    pub const TOO_MANY_AT_ONCE: Self = Self(0x8007_2326);
    /// A delta token is older than the instance keeps changes for (contract 4.4).
    pub const TOKEN_EXPIRED: Self = Self(0x8004_4352);
    /// Only administrators may enter.
    pub const ADMINISTRATION_MODE: Self = Self(0x8004_A113);
    /// The organization is disabled.
    pub const ORGANIZATION_DISABLED: Self = Self(0x8004_A104);
    /// The scale group is disabled.
    pub const SCALE_GROUP_DISABLED: Self = Self(0x8004_A107);

    /// Reads `0x80040217`; clients of Dataverse have also met the signed decimal form.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let code = match digits {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => text.parse::<i32>().ok()?.cast_unsigned(),
        };
        (code != 0).then_some(Self(code))
    }

    fn stops_the_instance(self) -> bool {
        [
            Self::ADMINISTRATION_MODE,
            Self::ORGANIZATION_DISABLED,
            Self::SCALE_GROUP_DISABLED,
        ]
        .contains(&self)
    }

    fn is_throttle(self) -> bool {
        [
            Self::TOO_MANY_REQUESTS,
            Self::TOO_MUCH_TIME,
            Self::TOO_MANY_AT_ONCE,
        ]
        .contains(&self)
    }

    /// Refusals that concern our user as a whole rather than one table (T32).
    fn rejects_the_user(self) -> bool {
        matches!(
            self.0,
            0x8007_2560 | 0x8004_2F09 | 0x8004_0225 | 0x8004_A112
        )
    }

    /// Answers that come from custom logic: the record's own failure, whatever the status says (contract 8.2).
    fn is_custom_logic(self) -> bool {
        self == Self::PLUGIN_REFUSED || self == Self::PLUGIN_BROKE
    }

    /// Trouble inside the service that has its own code and passes by itself (contract 10.2).
    fn is_transient(self) -> bool {
        matches!(
            self.0,
            0x8004_4150
                | 0x8004_4151
                | 0x8007_3000
                | 0x8004_4339
                | 0x8007_1154
                | 0x8004_A001
                | 0x8004_0216
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// The request never left, or was refused before any of it was read: no connection, DNS, TLS.
    NotSent,
    /// Something was sent and no usable answer came: a timeout or a cut connection.
    NoAnswer,
    /// The service told us to wait (429).
    Throttled,
    /// The service is there but can't serve: 5xx, or a code that says so.
    Unavailable,
    /// An answer came that isn't what the Web API sends: cut short, HTML, not JSON.
    Unreadable,
    /// Our token is not accepted (401), or no token could be had.
    Unauthorized,
    /// Our user may not do this (403).
    Forbidden,
    /// The row or the table isn't there (404).
    NotFound,
    /// The condition of the request does not hold (412).
    PreconditionFailed,
    /// The request itself was refused: validation, custom logic, an unsupported feature.
    Invalid,
    /// Our own breaker or an operator's order kept the call back; nothing was sent.
    NotAllowed,
}

/// Whose network a failure belongs to (reliability 2.1, "local-origin and remote").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// No byte came back from the other side: our host, our network, or the way there.
    Local,
    /// The instance answered, or hung up on us.
    Remote,
}

/// One failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind it was.
    pub class: FailureClass,
    /// The HTTP status, when an answer came.
    pub status: Option<u16>,
    /// The code in the body.
    pub code: Option<ErrorCode>,
    /// What happened, in words; text of the server is already made visible.
    pub message: String,
    /// The service's id of the request, for its support.
    pub request_id: Option<String>,
    /// How long the service asks us to wait.
    pub retry_after: Option<Duration>,
    /// Whose network it was.
    pub origin: Origin,
}

impl Failure {
    /// A failure that an answer didn't cause.
    pub fn local(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            status: None,
            code: None,
            message: message.into(),
            request_id: None,
            retry_after: None,
            origin: Origin::Local,
        }
    }

    /// Sorts an error answer (contract 1.5 and 10.2): the code decides, the status only where there is none.
    pub fn classify(status: u16, code: Option<ErrorCode>) -> FailureClass {
        if let Some(code) = code {
            if code.is_throttle() {
                return FailureClass::Throttled;
            }
            if code.is_custom_logic() {
                return FailureClass::Invalid;
            }
            if code.stops_the_instance() || code.is_transient() {
                return FailureClass::Unavailable;
            }
        }
        match status {
            401 => FailureClass::Unauthorized,
            403 => FailureClass::Forbidden,
            404 => FailureClass::NotFound,
            408 | 500 | 502..=599 => FailureClass::Unavailable,
            412 => FailureClass::PreconditionFailed,
            429 => FailureClass::Throttled,
            _ => FailureClass::Invalid,
        }
    }

    /// Whether the work may have been done although the call failed.
    ///
    /// A 5xx counts too: the work may have been committed before the answer broke (fault F20).
    pub fn may_have_happened(&self) -> bool {
        match self.class {
            FailureClass::NoAnswer | FailureClass::Unreadable => true,
            FailureClass::Unavailable => {
                !self.code.is_some_and(ErrorCode::stops_the_instance) && self.status != Some(503)
            }
            FailureClass::NotSent
            | FailureClass::Throttled
            | FailureClass::Unauthorized
            | FailureClass::Forbidden
            | FailureClass::NotFound
            | FailureClass::PreconditionFailed
            | FailureClass::Invalid
            | FailureClass::NotAllowed => false,
        }
    }

    /// Whether the same request may do better later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.class,
            FailureClass::NotSent
                | FailureClass::NoAnswer
                | FailureClass::Throttled
                | FailureClass::Unavailable
                | FailureClass::Unreadable
        )
    }

    /// Whether the instance rather than the request failed: what the breaker counts (reliability 2.1).
    pub fn counts_for_breaker(&self) -> bool {
        self.is_transient() && self.class != FailureClass::Throttled
    }

    /// Whether the instance says that it is closed for now, so that the breaker opens at once (T4).
    pub fn stops_the_instance(&self) -> bool {
        self.code.is_some_and(ErrorCode::stops_the_instance)
            || (self.status == Some(503) && self.retry_after.is_some())
    }

    /// Whether the instance refused this one write for its own sake: by a duplicate rule, custom logic or validation. The
    /// same write is refused again.
    pub fn refuses_the_record(&self) -> bool {
        let is_duplicate = self.code == Some(ErrorCode::DUPLICATE_KEY)
            || self.code == Some(ErrorCode::DUPLICATE_FOUND);
        let is_invalid = self.class == FailureClass::Invalid && self.status.is_some();
        is_duplicate || (is_invalid && !self.rejects_the_user())
    }

    /// An answer that is readable and makes no sense.
    pub fn odd(message: &str) -> Self {
        Self {
            origin: Origin::Remote,
            ..Self::local(FailureClass::Unreadable, message)
        }
    }

    /// A delta link that leads on from what is no more.
    pub fn token_refused(message: &str) -> Self {
        Self {
            code: Some(ErrorCode::TOKEN_EXPIRED),
            origin: Origin::Remote,
            ..Self::local(FailureClass::Invalid, message)
        }
    }

    /// Whether it was kept back on our side: a breaker is open.
    pub fn is_held_back(&self) -> bool {
        self.class == FailureClass::NotAllowed
    }

    /// Whether a delta link can't be followed any more, so that only a full comparison tells what changed: it has
    /// expired, or the request was refused for its own sake.
    pub fn refuses_the_token(&self) -> bool {
        self.code == Some(ErrorCode::TOKEN_EXPIRED)
            || matches!(
                self.class,
                FailureClass::Invalid | FailureClass::NotFound | FailureClass::PreconditionFailed
            )
    }

    /// Whether our user as a whole is rejected (T32).
    pub fn rejects_the_user(&self) -> bool {
        self.class == FailureClass::Unauthorized
            || self.code.is_some_and(ErrorCode::rejects_the_user)
    }

    /// What failed, short: for one line of a list.
    pub fn summary(&self) -> String {
        match (self.status, self.class) {
            (_, FailureClass::NotAllowed) => self.message.clone(),
            (Some(status), _) => match self.code {
                Some(code) => format!("HTTP {status} {code}: {}", self.message),
                None => format!("HTTP {status}: {}", self.message),
            },
            (None, _) => self.message.clone(),
        }
    }

    /// The cause without the server's words, for heads and log lines: `HTTP 503`, `connection refused`.
    pub fn cause(&self) -> String {
        match (self.status, self.class) {
            (Some(200..=299) | None, _) => self.message.clone(),
            (Some(status), _) => format!("HTTP {status}"),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self.class {
            FailureClass::NotSent => "check the address and this host's network",
            FailureClass::NoAnswer | FailureClass::Unavailable => {
                "it is tried again by itself; watch the breaker"
            }
            FailureClass::Throttled => "it goes on by itself when the wait is over",
            FailureClass::Unreadable => {
                "something between us and the instance answers in its place: a proxy, a portal"
            }
            FailureClass::Unauthorized => "check the credential of this instance",
            FailureClass::Forbidden => "give the application user a role that may do this",
            FailureClass::NotFound => "the row is gone, or the table's name is wrong",
            FailureClass::PreconditionFailed => {
                "the row changed meanwhile; look at both sides again"
            }
            FailureClass::Invalid => "read the reason; the same request will be refused again",
            FailureClass::NotAllowed => "release the breaker, or wait until it closes",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_before_the_status() {
        for (status, code, class) in [
            (429, None, FailureClass::Throttled),
            (429, Some(ErrorCode::PLUGIN_REFUSED), FailureClass::Invalid),
            (503, Some(ErrorCode::PLUGIN_REFUSED), FailureClass::Invalid),
            (
                403,
                Some(ErrorCode::ADMINISTRATION_MODE),
                FailureClass::Unavailable,
            ),
            (500, None, FailureClass::Unavailable),
            (501, None, FailureClass::Invalid),
            (
                400,
                Some(ErrorCode::TOO_MANY_REQUESTS),
                FailureClass::Throttled,
            ),
            (
                412,
                Some(ErrorCode::DUPLICATE_RECORD),
                FailureClass::PreconditionFailed,
            ),
        ] {
            assert_eq!(Failure::classify(status, code), class, "{status} {code:?}");
        }
    }

    #[test]
    fn codes_are_read_in_hex_and_in_signed_decimal() {
        assert_eq!(
            ErrorCode::parse("0x80072322"),
            Some(ErrorCode::TOO_MANY_REQUESTS)
        );
        assert_eq!(
            ErrorCode::parse("-2147015902"),
            Some(ErrorCode::TOO_MANY_REQUESTS)
        );
        assert_eq!(ErrorCode::parse("0x0"), None);
        assert_eq!(ErrorCode::parse(""), None);
        assert_eq!(ErrorCode::TOO_MANY_REQUESTS.to_string(), "0x80072322");
    }
}
