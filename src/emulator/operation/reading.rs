//! What all reads of a call share: who asks and when, one row as a body, how rows are written.
//!
//! Each read has a file of its own.

use std::rc::Rc;

use super::Call;
use crate::emulator::instance::Instance;
use crate::emulator::odata::expand::{self, Expansion};
use crate::emulator::odata::expanded::{self, Expanded, Setting};
use crate::emulator::odata::rows;
use crate::emulator::odata::scope::Scope;
use crate::emulator::refusal::Outcome;
use crate::emulator::row::Row;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

impl Call {
    /// What a filter of this call is bound in.
    pub(crate) fn scope<'c>(&'c self, instance: &Instance) -> Scope<'c> {
        Scope {
            schema: &self.schema,
            now: instance.clock.now(),
            user: self.context.caller.user,
            rights: &self.context.rights,
            business_unit: instance.business_unit_id(),
            variable: None,
        }
    }

    /// How the rows of this call are written.
    pub(crate) fn setting<'c>(&'c self, store: &'c Store, expansions: &[Expansion]) -> Setting<'c> {
        let nested = expansions
            .iter()
            .any(|expansion| !expansion.nested.is_empty());
        Setting {
            store,
            root: &self.root,
            annotations: &self.preferences.annotations,
            page: self.preferences.page_size.filter(|_| nested),
            looked_at: Rc::default(),
        }
    }

    /// One row as the body of an answer, with `$select` and `$expand`; an update does not expand (contract 2.3).
    pub(crate) fn entity(
        &self,
        instance: &Instance,
        store: &Store,
        id: TableId,
        row: &Row,
    ) -> Outcome<Vec<u8>> {
        let table = store.schema().table(id);
        let select = self.query.select(table)?;
        let expand = self.query.get("$expand");
        let expand = expand.filter(|_| self.method != http::Method::PATCH);
        let expansions = expand::read(&self.scope(instance), id, expand)?;
        let context = expanded::context(&self.root, store, table, select.as_deref(), &expansions);
        let mut body = b"{\"@odata.context\":".to_vec();
        rows::scalar(&mut body, &format!("{context}/$entity"));
        body.push(b',');
        let setting = self.setting(store, &expansions);
        let writer = Expanded::new(setting, id, select.as_deref(), &expansions);
        writer.members(&mut body, row)?;
        body.push(b'}');
        Ok(body)
    }
}
