//! What the writing half of the log asks of the disk. The real one is [`Files`]; tests have one
//! that fails when told to.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::file::sync_directory_of;

/// The names of a directory.
pub(crate) trait Disk: Debug + Send + Sync {
    /// Makes a file that must not exist yet, for appending.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file for appending.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file for overwriting, or makes it.
    fn open_slot(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Fills a file with as many bytes, so that removing it frees that space.
    fn fill(&self, path: &Path, bytes: u64) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes what was created or removed beside `path` durable.
    fn sync_names(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub(crate) trait DiskFile: Debug + Send + Sync {
    /// One write at the end.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Replaces the content in place.
    fn overwrite(&self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file.
    fn cut(&self, bytes: u64) -> io::Result<()>;
    /// Returns when the content is durable.
    fn sync(&self) -> io::Result<()>;
}

/// The files of the system.
#[derive(Debug)]
pub(crate) struct Files;

const MODE: u32 = 0o600;

impl Disk for Files {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().append(true).create_new(true).mode(MODE).open(path)?;
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().append(true).open(path)?))
    }

    fn open_slot(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(MODE).open(path)?;
        Ok(Arc::new(file))
    }

    fn fill(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(MODE).open(path)?;
        let filled = fill_file(&mut file, bytes).and_then(|()| file.sync_all());
        if filled.is_err() {
            // Half a reserve would hold space that nobody ever gets back.
            drop(fs::remove_file(path));
        }
        filled
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_names(&self, path: &Path) -> io::Result<()> {
        sync_directory_of(path)
    }
}

/// Random bytes: a file system that compresses gives zeros no room.
fn fill_file(file: &mut File, bytes: u64) -> io::Result<()> {
    let random = SystemRandom::new();
    let mut block = vec![0; 64 << 10];
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    while left > 0 {
        random.fill(&mut block).map_err(|_| io::Error::other("no random bytes"))?;
        let part = block.get(..left.min(block.len())).unwrap_or_default();
        file.write_all(part)?;
        left = left.saturating_sub(part.len());
    }
    Ok(())
}

impl DiskFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn overwrite(&self, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, 0)?;
        self.set_len(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
