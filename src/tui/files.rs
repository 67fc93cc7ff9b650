//! What the console writes beside the journal: a status, a hand-over. Its owner alone may read it, and the group that shares
//! the state folder, if one does; a file is there whole or not at all.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::Path;

/// Writes files into a folder, which is made if it is not there. It blocks.
pub fn write(folder: &Path, files: &[(String, String)], group: Option<u32>) -> io::Result<()> {
    let was_there = folder.is_dir();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    if !was_there {
        share(folder, group, 0o770)?;
    }
    for (name, text) in files {
        let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
        let written = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            share(&unfinished, group, 0o660)?;
            fs::rename(&unfinished, folder.join(name))
        })();
        if let Err(error) = written {
            // The error is what is told; what is left of the file is in nobody's way.
            drop(fs::remove_file(&unfinished));
            return Err(error);
        }
    }
    Ok(())
}

/// Gives a file or folder to the group that shares the state folder, if one does.
fn share(path: &Path, group: Option<u32>, mode: u32) -> io::Result<()> {
    let Some(group) = group else {
        return Ok(());
    };
    chown(path, None, Some(group))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn files_are_written_whole_for_their_owner_alone_and_over_older_ones() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a/b");
        let file = |text: &str| [("status.txt".to_owned(), text.to_owned())];
        write(&place, &file("long and old"), None).unwrap();
        write(&place, &file("new"), None).unwrap();
        let path = place.join("status.txt");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&place)), (0o600, 0o700));
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
        assert!(
            write(&path, &file("x"), None).is_err(),
            "a file is no folder"
        );
        let shared = folder.path().join("shared");
        let group = rustix::process::getgid().as_raw();
        write(&shared, &file("ours"), Some(group)).unwrap();
        let path = shared.join("status.txt");
        assert_eq!((mode(&path), mode(&shared)), (0o660, 0o770));
    }
}
