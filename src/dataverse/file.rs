//! Files that the configuration names: what is no file, like a pipe that nobody writes to, keeps nobody waiting.

use std::fs::{File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// No certificate, and no bundle of them, is larger.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Opens a file. What is told of it is told of what was opened: nothing can be put in its place in between.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), String> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    Ok((file, metadata))
}

/// What is in a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}
