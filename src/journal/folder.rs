//! The folder that the journal lives in: made for its owner alone, and refused when anybody else could have put a
//! hand on it (J2, security case 29). It knows nothing of what the files hold.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::Gid;

use super::record::OpenError;
use crate::domain::state_folder::StateFolder;

/// What marks a folder as its group's: they may do everything in it, and whatever is made there is the group's, too.
const SHARED: u32 = 0o2770;

/// Makes the folder if it is absent, and refuses one that is not ours alone, or our group's where it was said so.
pub fn prepare(folder: &StateFolder) -> Result<(), OpenError> {
    make(folder, folder.group())?;
    refuse_remote(folder)
}

/// The same with a folder inside that one: it is shared as that one is.
pub fn prepare_inside(folder: &Path) -> Result<(), OpenError> {
    make(folder, group_around(folder))
}

fn make(folder: &Path, group: Option<u32>) -> Result<(), OpenError> {
    let failed = |source| OpenError::Folder {
        folder: folder.to_owned(),
        source,
    };
    if fs::symlink_metadata(folder).is_err() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(failed)?;
        if let Some(group) = group {
            let given = rustix::fs::chown(folder, None, Some(Gid::from_raw(group)));
            given.map_err(|error| failed(error.into()))?;
        }
        // The umask may have taken away more than the mode did.
        let allowed = Permissions::from_mode(group.map_or(0o700, |_| SHARED));
        fs::set_permissions(folder, allowed).map_err(failed)?;
    }
    let found = fs::symlink_metadata(folder).map_err(failed)?;
    if !found.is_dir() {
        return Err(refused(folder, "is not a folder (a link is not followed)"));
    }
    let Some(group) = group else {
        return check_hands(folder, &found, None);
    };
    if found.gid() != group || found.mode() & SHARED != SHARED {
        let why = format!(
            "is not shared with group {group} as `[state] group` says: whoever owns it runs \
             `chgrp -R {group} {0}; chmod -R g+rwX,o= {0}; chmod g+s {0} {0}/*/`",
            folder.display()
        );
        return Err(refused(folder, &why));
    }
    check_hands(folder, &found, Some(group))
}

/// The group that the folder around something is shared with.
fn group_around(path: &Path) -> Option<u32> {
    let around = fs::metadata(path.parent()?).ok()?;
    (around.mode() & SHARED == SHARED).then(|| around.gid())
}

/// Makes a file for its owner alone if it is absent, in a shared folder one for its group, and refuses one that others
/// can reach.
pub fn private_file(path: &Path) -> Result<File, OpenError> {
    let mode = group_around(path).map_or(0o600, |_| 0o660);
    let failed = |source| OpenError::Folder {
        folder: path.to_owned(),
        source,
    };
    let new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    match new {
        Ok(file) => {
            let exact = file.set_permissions(Permissions::from_mode(mode));
            exact.map_err(failed)?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            check_file(path)?;
            OpenOptions::new().write(true).open(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Refuses a file that is there and is not a plain file of ours, or of our group, closed to others.
pub fn check_file(path: &Path) -> Result<(), OpenError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            let folder = path.to_owned();
            return Err(OpenError::Folder { folder, source });
        }
    };
    if !found.is_file() {
        return Err(refused(
            path,
            "is not a plain file (a link is not followed)",
        ));
    }
    check_hands(path, &found, group_around(path))
}

/// Refuses what somebody else could have put a hand on: everybody but us, or but the group that shares it.
fn check_hands(path: &Path, found: &fs::Metadata, group: Option<u32>) -> Result<(), OpenError> {
    if let Some(group) = group {
        return match (found.gid() == group, found.mode() & 0o007) {
            (false, _) => Err(refused(
                path,
                &format!("belongs to another group than {group}, whose folder it stands in"),
            )),
            (true, 0) => Ok(()),
            (true, _) => {
                let cure = "is open to users outside its group: take that away with `chmod o-rwx`";
                Err(refused(path, cure))
            }
        };
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused(path, "belongs to another user"));
    }
    if found.mode() & 0o077 != 0 {
        let cure = "is open to other users: take that away with `chmod go-rwx`, or share it on purpose with \
                    `[state] group` in the configuration";
        return Err(refused(path, cure));
    }
    Ok(())
}

/// Refuses network file systems, whose locks and syncs a database can't rely on.
#[cfg(target_os = "linux")]
fn refuse_remote(folder: &Path) -> Result<(), OpenError> {
    const REMOTE: [(u64, &str); 5] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x6573_5546, "FUSE"),
    ];
    let system = rustix::fs::statfs(folder).map_err(|error| OpenError::Folder {
        folder: folder.to_owned(),
        source: error.into(),
    })?;
    // The type is a 32-bit magic number, in a field that is signed on some machines.
    let kind = u64::try_from(i128::from(system.f_type) & 0xffff_ffff).unwrap_or_default();
    match REMOTE.iter().find(|(magic, _)| *magic == kind) {
        None => Ok(()),
        Some((_, name)) => Err(refused(
            folder,
            &format!(
                "is on a {name} file system, where a database is not safe: choose a local one with --state"
            ),
        )),
    }
}

#[cfg(not(target_os = "linux"))]
fn refuse_remote(_folder: &Path) -> Result<(), OpenError> {
    Ok(())
}

fn refused(path: &Path, why: &str) -> OpenError {
    OpenError::Unsafe(format!("{} {why}", path.display()))
}

/// The database's file in a folder.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("journal.db")
}

/// The log in a folder, to be added to; it is made if it is absent.
pub fn log_file(folder: &StateFolder, name: &str) -> Result<File, OpenError> {
    prepare(folder)?;
    let path = folder.join(name);
    drop(private_file(&path)?);
    let opened = OpenOptions::new().append(true).open(&path);
    opened.map_err(|source| OpenError::Folder {
        folder: path,
        source,
    })
}
