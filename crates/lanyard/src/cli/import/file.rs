//! The client's file: read once, kept as a backup, and replaced only while it is as it was read.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use lanyard_core::Timestamp;

use crate::failure::Failure;

/// The longest file that is read.
const BYTES_MAX: u64 = 4 << 20;

/// A file as it was read.
#[derive(Debug)]
pub(super) struct Original {
    /// Where it really is: an editor's file may be a link into somebody's collection.
    path: PathBuf,
    /// As it was named.
    named: PathBuf,
    text: String,
    mode: u32,
    owner: (u32, u32),
}

impl Original {
    pub(super) fn read(named: &Path) -> Result<Self, Failure> {
        let refused = |problem: String| Failure::usage(format!("{}: {problem}", named.display()));
        let path = named.canonicalize().map_err(|error| refused(error.to_string()))?;
        let found = path.metadata().map_err(|error| refused(error.to_string()))?;
        if !found.is_file() {
            return Err(refused("is no file".to_owned()));
        }
        let text = text_of(&path).map_err(refused)?;
        Ok(Self {
            path,
            named: named.to_owned(),
            text,
            mode: found.permissions().mode() & 0o777,
            owner: (found.uid(), found.gid()),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Its name, for people.
    pub(super) fn shown(&self) -> String {
        self.named.display().to_string()
    }

    /// Writes another text in its place, whole or not at all, and gives the path of the backup.
    pub(super) fn replace(&self, text: &str, now: Timestamp) -> Result<PathBuf, Failure> {
        self.unchanged()?;
        let backup = self.backup(now)?;
        let written = self.unchanged().and_then(|()| {
            lanyard_store::write_atomic(&self.path, text.as_bytes(), self.mode)?;
            Ok(self.own(&self.path)?)
        });
        if written.is_err() {
            // The file is as it was; a backup of it would only be one more place with its keys.
            drop(std::fs::remove_file(&backup));
        }
        written.map(|()| backup)
    }

    fn unchanged(&self) -> Result<(), Failure> {
        if text_of(&self.path).as_ref() == Ok(&self.text) {
            return Ok(());
        }
        Err(Failure::other(format!(
            "{} was changed by somebody else meanwhile; nothing was written to it, so run this again",
            self.shown()
        )))
    }

    /// A copy beside it that nobody can read who could not read the file.
    fn backup(&self, now: Timestamp) -> Result<PathBuf, Failure> {
        let stamp: String =
            now.to_string().chars().filter(|it| it.is_ascii_alphanumeric()).collect();
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".lanyard-backup-{stamp}"));
        let backup = self.path.with_file_name(name);
        let write = || {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(self.mode).open(&backup)?;
            file.set_permissions(Permissions::from_mode(self.mode))?;
            self.own(&backup)?;
            file.write_all(self.text.as_bytes())?;
            file.sync_all()?;
            let directory = backup.parent().unwrap_or(Path::new("/"));
            File::open(directory)?.sync_all()
        };
        let written: std::io::Result<()> = write();
        written.map_err(|error| Failure::other(format!("{}: {error}", backup.display())))?;
        Ok(backup)
    }

    /// Who owns the file owns what takes its place: this may run as root for somebody.
    fn own(&self, path: &Path) -> std::io::Result<()> {
        let found = path.metadata()?;
        if (found.uid(), found.gid()) == self.owner {
            return Ok(());
        }
        chown(path, Some(self.owner.0), Some(self.owner.1))
    }
}

fn text_of(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > BYTES_MAX {
        return Err(format!("is larger than {BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is no text in UTF-8".to_owned())
}

#[cfg(test)]
mod tests;
