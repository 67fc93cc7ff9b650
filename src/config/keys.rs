//! `[keys]`: which key does what in the console. Names of actions and keys are the console's to judge.

use std::collections::BTreeMap;

use toml::Spanned;

use super::error::Source;
use super::{KeyBinding, Keys, file};

/// The section, in the file's order.
pub fn resolve(source: Source<'_>, written: &BTreeMap<Spanned<String>, file::Keys>) -> Keys {
    let mut written: Vec<_> = written.iter().collect();
    written.sort_by_key(|(action, _)| action.span().start);
    let bindings = written.into_iter().map(|(action, keys)| KeyBinding {
        action: action.get_ref().clone(),
        keys: match keys {
            file::Keys::One(key) => vec![key.clone()],
            file::Keys::Several(keys) => keys.clone(),
        },
        line: source.line(&action.span()),
    });
    Keys {
        file: source.file.to_owned(),
        bindings: bindings.collect(),
    }
}
