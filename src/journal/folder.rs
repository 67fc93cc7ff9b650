//! The folder that the journal lives in: made for its owner alone, and refused when anybody else could have put a
//! hand on it (J2, security case 29). It knows nothing of what the files hold.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::record::OpenError;

/// Makes the folder if it is absent, and refuses one that is not ours alone.
pub fn prepare(folder: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Folder {
        folder: folder.to_owned(),
        source,
    };
    if fs::symlink_metadata(folder).is_err() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(failed)?;
        // The umask may have taken away more than the mode did.
        fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    let found = fs::symlink_metadata(folder).map_err(failed)?;
    if !found.is_dir() {
        return Err(refused(folder, "is not a folder (a link is not followed)"));
    }
    check_owner(folder, &found)?;
    refuse_remote(folder)
}

/// Makes a file for its owner alone if it is absent, and refuses one that is not.
pub fn private_file(path: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Folder {
        folder: path.to_owned(),
        source,
    };
    let new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match new {
        Ok(file) => {
            let exact = file.set_permissions(Permissions::from_mode(0o600));
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

/// Refuses a file that is there and is not a plain file of ours, closed to others.
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
    check_owner(path, &found)
}

fn check_owner(path: &Path, found: &fs::Metadata) -> Result<(), OpenError> {
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused(path, "belongs to another user"));
    }
    if found.mode() & 0o077 != 0 {
        let cure = "is open to other users: take that away with `chmod go-rwx`";
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
