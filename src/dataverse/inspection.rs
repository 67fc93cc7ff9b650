//! What a look at an instance asks beyond what work on it needs: whose token we get, what our user may do, what hides
//! rows or columns from us, what runs within our writes. It only reads.

use serde::Deserialize;
use uuid::Uuid;

use super::admission::Kind;
use super::client::Reader;
use super::metadata;
use super::query::literal;
use super::response;
use crate::domain::failure::Failure;
use crate::domain::privilege::{Access, Depth, Held, Privilege};
use crate::domain::row::RowId;
use crate::domain::table::{ColumnName, TableName};
use crate::domain::text::visible;

#[derive(Deserialize)]
struct Listed<T> {
    value: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HeldBody {
    role_privileges: Vec<HeldOne>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HeldOne {
    privilege_id: Uuid,
    depth: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TablePrivileges {
    privileges: Vec<PrivilegeBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrivilegeBody {
    name: String,
    privilege_id: Uuid,
    privilege_type: String,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ColumnBody {
    logical_name: String,
}

#[derive(Deserialize)]
struct Expiry {
    expirechangetrackingindays: Option<u32>,
}

#[derive(Deserialize)]
struct StepBody {
    name: Option<String>,
    stage: i64,
}

/// A step that runs within the writes of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name, made visible.
    pub name: String,
    /// Where in the pipeline it runs: 10, 20 or 40 (contract 8.1).
    pub stage: i64,
}

impl Reader {
    /// Asks for a token, unless there is one; the instance is not asked anything.
    pub async fn authenticate(&self) -> Result<(), Failure> {
        self.session().authenticate().await
    }

    /// The privileges that a user's roles hold, those that come by a team among them.
    pub async fn privileges_of(&self, user: RowId) -> Result<Vec<Held>, Failure> {
        let path = format!("systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()");
        let body: HeldBody = self.get(&path, None, Kind::Read, response::body).await?;
        let held = body.role_privileges.into_iter().filter_map(|one| {
            Some(Held {
                id: one.privilege_id,
                depth: Depth::from_word(&one.depth)?,
            })
        });
        Ok(held.collect())
    }

    /// The names of a user's own roles, made visible.
    pub async fn roles_of(&self, user: RowId) -> Result<Vec<String>, Failure> {
        let path = format!("systemusers({user})/systemuserroles_association?$select=name");
        let body: Listed<Named> = self.get(&path, None, Kind::Read, response::body).await?;
        Ok(shown(body.value.into_iter().map(|role| role.name)))
    }

    /// The privileges that there are for a table.
    pub async fn table_privileges(&self, table: &TableName) -> Result<Vec<Privilege>, Failure> {
        let path = format!("{}?$select=LogicalName,Privileges", metadata::path(table));
        let body: TablePrivileges = self.get(&path, None, Kind::Read, response::body).await?;
        let known = body.privileges.into_iter().filter_map(|one| {
            Some(Privilege {
                access: Access::from_word(&one.privilege_type)?,
                id: one.privilege_id,
                name: visible(&one.name).into_owned(),
            })
        });
        Ok(known.collect())
    }

    /// The columns of a table that only who has a privilege for them may read.
    pub async fn secured_columns(&self, table: &TableName) -> Result<Vec<ColumnName>, Failure> {
        let path = format!(
            "{}/Attributes?$select=LogicalName&$filter=IsSecured%20eq%20true",
            metadata::path(table)
        );
        let body: Listed<ColumnBody> = self.get(&path, None, Kind::Read, response::body).await?;
        let names = body.value.into_iter();
        Ok(names
            .filter_map(|column| ColumnName::new(&column.logical_name).ok())
            .collect())
    }

    /// For how many days the instance tells what changed; `None` where it does not say (contract 4.4).
    pub async fn change_expiry(&self) -> Result<Option<u32>, Failure> {
        let path = "organizations?$select=expirechangetrackingindays";
        let body: Listed<Expiry> = self.get(path, None, Kind::Read, response::body).await?;
        let mut told = body.value.into_iter();
        Ok(told.find_map(|row| row.expirechangetrackingindays))
    }

    /// The names of the active policies that move rows of a table to where no query finds them.
    pub async fn retention_policies(&self, table: &TableName) -> Result<Vec<String>, Failure> {
        let path = format!(
            "retentionconfigs?$select=name&$filter=statecode%20eq%200%20and%20entitylogicalname%20eq%20{}",
            literal(table.as_str())
        );
        let body: Listed<Named> = self.get(&path, None, Kind::Read, response::body).await?;
        Ok(shown(body.value.into_iter().map(|policy| policy.name)))
    }

    /// The enabled steps that run within the writes of a table, before they are answered.
    pub async fn synchronous_steps(&self, table: &TableName) -> Result<Vec<Step>, Failure> {
        let path = format!(
            "sdkmessageprocessingsteps?$select=name,stage&$filter=statecode%20eq%200%20and%20mode%20eq%200%20and%20\
             sdkmessagefilterid/primaryobjecttypecode%20eq%20{}%20and%20(sdkmessageid/name%20eq%20'Create'%20or%20\
             sdkmessageid/name%20eq%20'Update')",
            literal(table.as_str())
        );
        let body: Listed<StepBody> = self.get(&path, None, Kind::Read, response::body).await?;
        let steps = body.value.into_iter().map(|step| Step {
            name: visible(step.name.as_deref().unwrap_or("a step without a name")).into_owned(),
            stage: step.stage,
        });
        Ok(steps.collect())
    }
}

fn shown(names: impl Iterator<Item = Option<String>>) -> Vec<String> {
    let known = names.map(|name| name.unwrap_or_else(|| "without a name".to_owned()));
    known.map(|name| visible(&name).into_owned()).collect()
}
