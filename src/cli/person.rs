//! Who sits at this machine: the user of the operating system and the machine's name, for the journal.

use std::fs;

use crate::domain::operator::Operator;
use crate::domain::text;

/// The user's name, by the operating system's own list rather than by an environment that anybody can set.
pub fn who() -> String {
    let uid = rustix::process::getuid().as_raw();
    let listed = fs::read_to_string("/etc/passwd").ok().and_then(|users| {
        let mut names = users.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let (name, id) = (fields.next()?, fields.nth(1)?);
            (id.parse() == Ok(uid)).then(|| name.to_owned())
        });
        names.next()
    });
    listed.map_or_else(
        || format!("uid {uid}"),
        |name| text::visible(&name).into_owned(),
    )
}

/// What the user may do: a member of one of these groups is support.
pub fn operator(support: &[u32]) -> Operator {
    let own = rustix::process::getegid().as_raw();
    let others = rustix::process::getgroups().unwrap_or_default();
    let mut all = others.iter().map(|group| group.as_raw()).chain([own]);
    if all.any(|group| support.contains(&group)) {
        Operator::Support
    } else {
        Operator::OnCall
    }
}

/// The machine's name.
pub fn host() -> String {
    let system = rustix::system::uname();
    text::visible(&system.nodename().to_string_lossy()).into_owned()
}
