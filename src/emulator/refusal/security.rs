//! Refusals of who may not do what he asks for (contract 7.2, 7.4, 7.5); their texts are what the service was seen to say.

use http::StatusCode;
use uuid::Uuid;

use super::Refusal;
use crate::emulator::row::Row;
use crate::emulator::schema::Table;

impl Refusal {
    fn forbidden(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, code, message)
    }

    /// A privilege that no role of the user holds (contract 7.4).
    pub(crate) fn privilege_missing(
        user: Uuid,
        roles: usize,
        privilege: &str,
        table: Option<&Table>,
    ) -> Refusal {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, privilege.as_bytes());
        let about = table.map_or(String::new(), |table| {
            format!(
                " on OTC={} for entity '{}' (LocalizedName='{}')",
                table.type_code, table.name, table.label
            )
        });
        Refusal::forbidden(
            "0x80040220",
            format!(
                "Principal user (Id={user}, type=8, roleCount={roles}, accessMode='0 Read-Write'), is missing {privilege} \
                 privilege (Id={id}){about}. context.Caller={user}. Consider adding missed privilege to one of the \
                 principal (user/team) roles."
            ),
        )
    }

    /// A row that the user's privileges do not reach (the text is seen, that its code is this one is inferred).
    pub(crate) fn access_denied(user: Uuid, access: &str, table: &Table, row: &Row) -> Refusal {
        let named = |column: &str| {
            let id = table
                .column(column)
                .and_then(|column| row.value(column).as_id());
            id.unwrap_or_default()
        };
        Refusal::forbidden(
            "0x80040220",
            format!(
                "SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: {}, OwnerId: {}, OwnerIdType: 8 and \
                 CallingUser: {user}. ObjectTypeCode: {}, objectBusinessUnitId: {}, AccessRights: {access}Access",
                row.id(),
                named("ownerid"),
                table.type_code,
                named("owningbusinessunit")
            ),
        )
    }

    /// A secured column that the user may not write; the codes are those of `AttributePrivilegeCreateIsMissing` and
    /// `AttributePermissionUpdateIsMissingDuringUpdate`.
    pub(crate) fn secured_column(on_create: bool) -> Refusal {
        if on_create {
            return Refusal::forbidden(
                "0x8004f502",
                "The user does not have create permissions to a secured field. The requested operation could not be \
                 completed.",
            );
        }
        Refusal::forbidden(
            "0x8004f507",
            "The user doesn't have AttributePrivilegeUpdate and not granted shared access for a secured attribute during \
             update operation",
        )
    }

    /// Somebody who may not act for others (contract 7.5).
    pub(crate) fn may_not_act_for(user: Uuid, other: Uuid) -> Refusal {
        Refusal::forbidden(
            "0x8004a110",
            format!(
                "User {user} does not have the privilege prvActOnBehalfOfAnotherUser to act on behalf of user {other}."
            ),
        )
    }

    /// A user without any role (contract 7.2; the status is inferred).
    pub(crate) fn no_roles() -> Refusal {
        Refusal::forbidden("0x80042f09", "The user has not been assigned any roles.")
    }

    /// A user who was disabled (contract 7.2; the status is inferred).
    pub(crate) fn user_disabled(user: Uuid) -> Refusal {
        Refusal::forbidden(
            "0x80040225",
            format!("The specified user(Id = {user}) is disabled. Consider enabling this user."),
        )
    }
}
