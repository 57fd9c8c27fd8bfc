//! The data directory: reachable by its owner alone, used by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::StoreError;

/// Every permission bit of group and others.
const SHARED_BITS: u32 = 0o077;

/// The exclusive use of a data directory, until dropped. The kernel ends it with the process,
/// however that ends.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

/// Makes the directory if it is missing, and refuses one that others can reach.
pub fn prepare(path: &Path) -> Result<(), StoreError> {
    let failed = |action| move |source| StoreError::file(action, path, source);
    if !path.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("create the data directory"))?;
    }
    let metadata = fs::metadata(path).map_err(failed("look at the data directory"))?;
    if !metadata.is_dir() {
        return Err(StoreError::NotDirectory { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & SHARED_BITS != 0 {
        return Err(StoreError::DirectoryShared { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Takes the directory for this process, or says which process has it.
pub(crate) fn lock(directory: &Path) -> Result<DirectoryLock, StoreError> {
    let path = directory.join("lanyard.lock");
    let failed = |source| StoreError::file("lock", &path, source);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { pid: holder(&file) }),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(DirectoryLock { _file: file })
}

fn holder(file: &File) -> String {
    let mut text = String::new();
    // The holder may be between locking and writing its id; the message then has no number.
    if file.take(32).read_to_string(&mut text).is_err() {
        text.clear();
    }
    match text.trim() {
        "" => "?".to_owned(),
        pid => pid.to_owned(),
    }
}
