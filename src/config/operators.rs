//! `[operators]`: which groups of the host are support rather than on call.

use super::error::{ConfigError, Source};
use super::file;
use super::state::group_number;

/// The numbers of the groups whose members are support.
pub fn resolve(source: Source<'_>, written: &file::Operators) -> Result<Vec<u32>, ConfigError> {
    let groups = written.support.iter();
    groups.map(|group| group_number(source, group)).collect()
}
