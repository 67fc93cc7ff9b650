//! `$1` and its like: what a Content-ID stands for, in URLs and in bodies of the same change set.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::emulator::refusal::{Outcome, Refusal};

/// Rows that earlier requests of a change set wrote, by Content-ID; none outside of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct References {
    /// None outside of a batch, where a `$` has no meaning.
    urls: Option<BTreeMap<String, String>>,
}

impl References {
    /// Those of a batch, in which nothing was written yet.
    pub(super) fn of_batch() -> References {
        References {
            urls: Some(BTreeMap::new()),
        }
    }

    /// Lets a Content-ID stand for the absolute URL of a row.
    pub(super) fn enter(&mut self, content_id: &str, url: String) {
        if let Some(urls) = &mut self.urls {
            urls.insert(content_id.to_owned(), url);
        }
    }

    /// The URL with a reference at its beginning replaced.
    pub(super) fn in_url(&self, url: &str) -> Outcome<String> {
        let Some(reference) = url.strip_prefix("/$").or_else(|| url.strip_prefix('$')) else {
            return Ok(url.to_owned());
        };
        let end = reference.find(['/', '?']).unwrap_or(reference.len());
        let (id, rest) = reference.split_at(end);
        if matches!(id, "metadata" | "batch") {
            return Ok(url.to_owned());
        }
        Ok(format!("{}{rest}", self.resolved(id)?))
    }

    /// Replaces the references in every bind and `@odata.id` of a body.
    pub(crate) fn in_body(&self, body: &mut Json) -> Outcome<()> {
        if self.urls.is_none() {
            return Ok(());
        }
        match body {
            Json::Object(object) => {
                for (name, value) in object {
                    if name.ends_with("@odata.bind") || name == "@odata.id" {
                        self.in_bind(value)?;
                    } else {
                        self.in_body(value)?;
                    }
                }
            }
            Json::Array(values) => {
                for value in values {
                    self.in_body(value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn in_bind(&self, value: &mut Json) -> Outcome<()> {
        match value {
            Json::String(text) => {
                if let Some(id) = text.strip_prefix("/$").or_else(|| text.strip_prefix('$')) {
                    *text = self.resolved(id)?;
                }
            }
            Json::Array(values) => {
                for value in values {
                    self.in_bind(value)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn resolved(&self, id: &str) -> Outcome<String> {
        let known = self.urls.as_ref().and_then(|urls| urls.get(id));
        known.cloned().ok_or_else(|| Refusal::no_reference(id))
    }
}
