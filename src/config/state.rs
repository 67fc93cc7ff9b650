//! `[state]`: with whom the state folder is shared, and how long its journal goes back.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::error::{ConfigError, Source};
use super::{duration, file};
use crate::domain::state_folder::StateFolder;

/// Where the host keeps its groups.
const GROUPS: &str = "/etc/group";

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long what is over stays in the journal (J7).
pub const KEEP: Duration = Duration::from_secs(90 * 24 * 3600);

/// Written where nothing is ever taken away.
pub const FOREVER: &str = "forever";

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

/// How long what is over stays in the journal; `None` is for ever.
pub fn keep(source: Source<'_>, written: &file::State) -> Result<Option<Duration>, ConfigError> {
    let Some(keep) = &written.keep else {
        return Ok(Some(KEEP));
    };
    if keep.get_ref() == FOREVER {
        return Ok(None);
    }
    let span = duration::parse(keep.get_ref()).filter(|span| *span >= DAY);
    let what = || {
        format!(
            "keep is how long the journal goes back, a day at the least: \"90d\", or \"{FOREVER}\""
        )
    };
    span.map(Some)
        .ok_or_else(|| source.error(&keep.span(), what()))
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
