//! An Azure Function (contract 11.4): it can be started, and nothing tells what became of that.

use serde_json::json;

use crate::dataverse::Management;
use crate::domain::failure::Failure;

#[derive(Debug)]
pub(super) struct Function {
    client: Management,
    path: String,
}

impl Function {
    pub(super) fn new(client: Management, function: &str) -> Self {
        Self {
            client,
            path: format!("/admin/functions/{function}"),
        }
    }

    pub(super) async fn start(&self) -> Result<(), Failure> {
        let body = json!({"input": ""});
        let ordered = self.client.order(&self.path, None, Some(&body));
        ordered.await.map(|_| ())
    }
}
