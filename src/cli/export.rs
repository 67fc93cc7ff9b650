//! A result in a file: all of it or nothing, readable by its owner only, and never over something that is there unless
//! that was asked for (security case 52).

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::trouble::Trouble;
use crate::domain::text::visible;

/// A file that is being written, beside the place where it will stand.
#[derive(Debug)]
pub struct Export {
    file: BufWriter<NamedTempFile>,
    to: PathBuf,
    folder: PathBuf,
    overwrite: bool,
}

impl Export {
    /// Begins a file for this place. What stands there is refused now, before anything is read for it.
    pub fn begin(to: &Path, overwrite: bool) -> Result<Self, Trouble> {
        let shown = shown(to);
        if to.starts_with("~") {
            return Err(Trouble::usage(format!(
                "{shown}: ~ is the shell's, and here it would be a folder of that name; write the path out"
            )));
        }
        if to.file_name().is_none() {
            return Err(Trouble::usage(format!("{shown}: that names no file")));
        }
        match fs::symlink_metadata(to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Trouble::usage(format!("{shown}: {error}"))),
            Ok(there) if !there.is_file() => {
                return Err(Trouble::refused(format!(
                    "{shown} is no plain file: it is not written over"
                )));
            }
            Ok(_) if !overwrite => return Err(exists(to)),
            Ok(_) => {}
        }
        let folder = match to.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        // Made with O_EXCL and mode 0600, and gone unless it is finished.
        let file = NamedTempFile::new_in(&folder)
            .map_err(|error| Trouble::usage(format!("{shown}: {error}")))?;
        Ok(Self {
            file: BufWriter::new(file),
            to: to.to_owned(),
            folder,
            overwrite,
        })
    }

    /// Writes more of it.
    pub fn write(&mut self, text: &str) -> Result<(), Trouble> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| lost(&self.to, &error))
    }

    /// Puts it into its place, once it is on the disk.
    pub fn finish(self) -> Result<(), Trouble> {
        let Self {
            file,
            to,
            folder,
            overwrite,
        } = self;
        let file = file
            .into_inner()
            .map_err(|error| lost(&to, error.error()))?;
        file.as_file()
            .sync_all()
            .map_err(|error| lost(&to, &error))?;
        let placed = if overwrite {
            file.persist(&to)
        } else {
            file.persist_noclobber(&to)
        };
        placed.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => exists(&to),
            _ => lost(&to, &failed.error),
        })?;
        let folder = File::open(&folder).and_then(|folder| folder.sync_all());
        folder.map_err(|error| lost(&to, &error))
    }
}

fn shown(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

fn exists(to: &Path) -> Trouble {
    let to = shown(to);
    Trouble::refused(format!(
        "{to} is there already: say --overwrite, or another name"
    ))
}

fn lost(to: &Path, error: &io::Error) -> Trouble {
    let to = shown(to);
    Trouble::new(
        super::exit::Exit::NeedsAPerson,
        format!("{to} can't be written: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::exit::Exit;
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
    }

    fn write(to: &Path, overwrite: bool) -> Result<(), Trouble> {
        let mut export = Export::begin(to, overwrite)?;
        export.write("new\n")?;
        export.finish()
    }

    fn left(folder: &tempfile::TempDir) -> usize {
        fs::read_dir(folder.path()).map_or(0, Iterator::count)
    }

    #[test]
    fn security_case_52_a_file_is_new_whole_and_its_owners() {
        let folder = folder();
        let to = folder.path().join("sub/../report.csv");
        fs::create_dir(folder.path().join("sub")).unwrap_or_else(|error| panic!("{error}"));
        write(&to, false).unwrap_or_else(|trouble| panic!("{trouble}"));
        let mode = fs::metadata(&to).map(|file| file.permissions().mode() & 0o777);
        assert_eq!(mode.ok(), Some(0o600));
        assert_eq!(fs::read_to_string(&to).ok().as_deref(), Some("new\n"));
        assert_eq!(left(&folder), 2);
    }

    #[test]
    fn security_case_52_nothing_is_written_over_unasked() {
        let folder = folder();
        let (file, link) = (folder.path().join("old"), folder.path().join("link"));
        fs::write(&file, "old\n").unwrap_or_else(|error| panic!("{error}"));
        symlink(&file, &link).unwrap_or_else(|error| panic!("{error}"));
        for (to, overwrite, exit) in [
            (file.as_path(), false, Exit::Refused),
            (link.as_path(), false, Exit::Refused),
            (link.as_path(), true, Exit::Refused),
            (Path::new("/dev/null"), true, Exit::Refused),
            (folder.path(), true, Exit::Refused),
            (Path::new("~/report.csv"), true, Exit::Usage),
            (Path::new(".."), true, Exit::Usage),
            (Path::new("/nowhere/report.csv"), false, Exit::Usage),
        ] {
            let refused = write(to, overwrite).map_err(|trouble| trouble.exit);
            assert_eq!(refused, Err(exit), "{}", to.display());
        }
        assert_eq!(fs::read_to_string(&file).ok().as_deref(), Some("old\n"));
        write(&file, true).unwrap_or_else(|trouble| panic!("{trouble}"));
        assert_eq!(fs::read_to_string(&file).ok().as_deref(), Some("new\n"));
        assert_eq!(left(&folder), 2);
    }

    #[test]
    fn security_case_52_what_came_in_between_stays_and_what_breaks_off_leaves_nothing() {
        let folder = folder();
        let to = folder.path().join("report.csv");
        let export = Export::begin(&to, false).unwrap_or_else(|trouble| panic!("{trouble}"));
        fs::write(&to, "theirs\n").unwrap_or_else(|error| panic!("{error}"));
        let refused = export.finish().map_err(|trouble| trouble.exit);
        assert_eq!(refused, Err(Exit::Refused));
        assert_eq!(fs::read_to_string(&to).ok().as_deref(), Some("theirs\n"));
        drop(Export::begin(&folder.path().join("other"), false));
        assert_eq!(left(&folder), 1);
    }
}
