//! The file that holds the master key: written once, never over anything, and read only when
//! nobody else can read it.
//!
//! The file is a header line and the key's 32 bytes in base64 on a line of their own. Text, so
//! that it survives a copy through a terminal; a header, so that a later form is told apart.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use rustix::fs::OFlags;
use thiserror::Error;
use zeroize::Zeroizing;

/// The length of the master key. Source: NIST SP 800-108 and RFC 5869 ask for input key material
/// of at least the strength of what is derived, here 256 bits.
pub(crate) const KEY_BYTES: usize = 32;

/// What the first line of a key file says.
const HEADER: &str = "lanyard-master-key-v1";

/// A key file is one header line and 44 characters; anything much longer is another file.
const FILE_BYTES_MAX: u64 = 256;

/// Read and write for the owner, nothing for anybody else.
const OWNER_ONLY: u32 = 0o600;

/// Why a key file was not created or not used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There is one already.
    #[error("{} exists already and is never overwritten", .0.display())]
    Exists(PathBuf),
    /// There is none.
    #[error("{} does not exist; without it no stored secret can be opened", .0.display())]
    Missing(PathBuf),
    /// It is a symbolic link.
    #[error("{} is a symbolic link; put the key file itself there", .0.display())]
    Link(PathBuf),
    /// It is a directory, a pipe, a device.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// Group or others have rights on it.
    #[error(
        "{path} is open to other users (mode {mode:03o}); run `chmod 600 {path}`, and consider \
         who may have read it",
        path = .path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error(
        "{path} belongs to uid {owner}, and this process runs as uid {process}; run \
         `chown {process} {path}` if that is right",
        path = .path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who reads it.
        process: u32,
    },
    /// Its content is not a key.
    #[error(
        "{} is not a master key: it needs the line `{HEADER}` and one line of 44 characters; \
         restore it from a backup", .0.display()
    )]
    Damaged(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", .path.display())]
    System {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No key could be made.
    #[error("cannot make a key: {0}")]
    Unmade(&'static str),
}

/// Writes a new key file. Fails if anything is at `path`, a dangling link included.
///
/// The key is written and synced under another name and then linked to its own, which fails
/// where something exists: at no moment is there half a key at `path`.
pub(crate) fn create(path: &Path, key: &[u8; KEY_BYTES]) -> Result<(), KeyFileError> {
    let system =
        |action| move |source| KeyFileError::System { action, path: path.to_path_buf(), source };
    if path.symlink_metadata().is_ok() {
        return Err(KeyFileError::Exists(path.to_path_buf()));
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    // Left over from a start that was interrupted; no secret was ever sealed with it.
    match fs::remove_file(&unfinished) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(system("replace an unfinished copy of")(source)),
    }
    write_new(&unfinished, key).map_err(system("write"))?;
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished).map_err(system("tidy up after writing"))?;
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(KeyFileError::Exists(path.to_path_buf()));
        }
        Err(source) => return Err(system("create")(source)),
    }
    sync_directory(path).map_err(system("sync the directory of"))
}

fn write_new(path: &Path, key: &[u8; KEY_BYTES]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(path)?;
    let text = Zeroizing::new(BASE64.encode(key));
    // In parts: to join them would leave copies of the key in memory.
    for part in [HEADER, "\n", text.as_str(), "\n"] {
        file.write_all(part.as_bytes())?;
    }
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

/// Reads a key file that nobody else can read.
pub(crate) fn load(path: &Path) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyFileError> {
    let file = open(path)?;
    // All checks are on the opened file, so that nothing can be exchanged after them.
    let metadata = file.metadata().map_err(|source| KeyFileError::System {
        action: "inspect",
        path: path.to_path_buf(),
        source,
    })?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile(path.to_path_buf()));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::OpenToOthers { path: path.to_path_buf(), mode });
    }
    let process = rustix::process::geteuid().as_raw();
    if metadata.uid() != process {
        let (path, owner) = (path.to_path_buf(), metadata.uid());
        return Err(KeyFileError::Foreign { path, owner, process });
    }
    // The capacity is there from the start: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(512));
    file.take(FILE_BYTES_MAX).read_to_end(&mut text).map_err(|source| KeyFileError::System {
        action: "read",
        path: path.to_path_buf(),
        source,
    })?;
    parse(&text).ok_or_else(|| KeyFileError::Damaged(path.to_path_buf()))
}

fn open(path: &Path) -> Result<File, KeyFileError> {
    // NONBLOCK: a pipe at this path must not make the start wait for a writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let flags = i32::try_from(flags).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| {
        let path = path.to_path_buf();
        if source.kind() == io::ErrorKind::NotFound {
            KeyFileError::Missing(path)
        } else if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
            KeyFileError::Link(path)
        } else {
            KeyFileError::System { action: "open", path, source }
        }
    })
}

fn parse(text: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let line = text.strip_prefix(HEADER.as_bytes())?.strip_prefix(b"\n")?;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let bytes = Zeroizing::new(BASE64.decode(line).ok()?);
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(key)
}

#[cfg(test)]
mod tests;
