//! `[state]`: with whom the state folder is shared.

use std::fs;
use std::path::PathBuf;

use toml::Spanned;

use super::error::{ConfigError, Source};
use super::file;
use crate::domain::state_folder::StateFolder;

/// Where the host keeps its groups.
const GROUPS: &str = "/etc/group";

/// The state folder, shared with the group that is named there.
pub fn resolve(
    source: Source<'_>,
    folder: PathBuf,
    written: &file::State,
) -> Result<StateFolder, ConfigError> {
    let folder = StateFolder::own(folder);
    let Some(group) = &written.group else {
        return Ok(folder);
    };
    Ok(folder.shared_with(group_number(source, group)?))
}

/// The number of a group that is written by its name or its number.
pub(super) fn group_number(
    source: Source<'_>,
    group: &Spanned<file::Group>,
) -> Result<u32, ConfigError> {
    let number = match group.get_ref() {
        file::Group::Number(number) => Some(*number),
        file::Group::Name(name) => {
            let groups = fs::read_to_string(GROUPS).unwrap_or_default();
            number_of(name, &groups)
        }
    };
    number.ok_or_else(|| {
        let what = format!(
            "{GROUPS} names no such group: make it (`groupadd`), or give the number of a group that is kept elsewhere"
        );
        source.error(&group.span(), what)
    })
}

/// The number of a group in the host's list, `name:password:number:members`.
fn number_of(name: &str, groups: &str) -> Option<u32> {
    let mut lines = groups.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let is_it = fields.next()? == name;
        fields.nth(1)?.parse().ok().filter(|_| is_it)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\nbroken\ntandem-old:x:7:anna\ntandem:x:990:anna,kim\n";
        assert_eq!(number_of("tandem", groups), Some(990));
        assert_eq!(number_of("tande", groups), None);
        assert_eq!(number_of("broken", groups), None);
    }
}
