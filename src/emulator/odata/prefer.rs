//! The `Prefer` header: which preferences are honoured, and the text that says so.
//!
//! Unknown preferences are ignored, as HTTP has it; those that change what a request means and can't be met are refused.

use http::HeaderMap;

use super::paging;
use crate::emulator::refusal::{Outcome, Refusal};

/// What a request prefers.
#[derive(Debug, Default)]
pub(crate) struct Preferences {
    pub(crate) representation: bool,
    pub(crate) track_changes: bool,
    /// Never beyond the largest page.
    pub(crate) page_size: Option<usize>,
    pub(crate) annotations: Annotations,
    /// As it was preferred.
    applied_size: Option<usize>,
    applied_annotations: Option<String>,
}

/// Which annotations rows carry.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    patterns: Vec<String>,
}

impl Annotations {
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.patterns
            .iter()
            .any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => pattern == name,
            })
    }

    pub(crate) fn any(&self) -> bool {
        !self.patterns.is_empty()
    }
}

impl Preferences {
    pub(crate) fn read(headers: &HeaderMap) -> Outcome<Preferences> {
        let mut preferences = Preferences::default();
        for value in headers.get_all("prefer") {
            let text = value
                .to_str()
                .map_err(|_| Refusal::argument("The Prefer header is not readable."))?;
            for preference in split(text) {
                preferences.take(preference)?;
            }
        }
        Ok(preferences)
    }

    fn take(&mut self, preference: &str) -> Outcome<()> {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "return" => self.representation = value == "representation",
            "odata.maxpagesize" | "maxpagesize" => {
                let size = value.parse().ok().filter(|size| *size > 0);
                let refusal =
                    || Refusal::argument(format!("'{value}' is not a valid odata.maxpagesize."));
                let size: usize = size.ok_or_else(refusal)?;
                self.page_size = Some(size.min(paging::MOST));
                self.applied_size = Some(size);
            }
            "odata.include-annotations" | "include-annotations" => {
                self.annotations.patterns = value
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect();
                self.applied_annotations = Some(value.to_owned());
            }
            "odata.track-changes" | "track-changes" => {
                self.track_changes = true;
            }
            "respond-async" => return Err(Refusal::unsupported("respond-async")),
            _ => {}
        }
        Ok(())
    }

    /// The text of `Preference-Applied` for a list.
    pub(crate) fn applied_to_list(&self) -> String {
        let tracked = self.track_changes.then(|| "odata.track-changes".to_owned());
        let size = self
            .applied_size
            .map(|size| format!("odata.maxpagesize={size}"));
        self.joined(tracked.into_iter().chain(size))
    }

    /// The text of `Preference-Applied` for one row that is returned.
    pub(crate) fn applied_to_row(&self) -> String {
        self.joined(
            self.representation
                .then(|| "return=representation".to_owned()),
        )
    }

    /// The text of `Preference-Applied` for groups, which are not paged.
    pub(crate) fn applied_to_groups(&self) -> String {
        self.joined([])
    }

    fn joined(&self, first: impl IntoIterator<Item = String>) -> String {
        let annotations = self
            .applied_annotations
            .as_ref()
            .map(|names| format!("odata.include-annotations=\"{names}\""));
        first
            .into_iter()
            .chain(annotations)
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// Splits at commas that are not inside quotes.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |char| {
        if char == '"' {
            quoted = !quoted;
        }
        char == ',' && !quoted
    })
    .map(str::trim)
    .filter(|preference| !preference.is_empty())
}
