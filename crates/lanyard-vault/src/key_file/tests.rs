//! The key file: what is refused, each with what to do about it; then what works.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use super::{KEY_BYTES, KeyFileError, create, load};
use crate::MasterKey;

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    (directory, path)
}

fn put(path: &Path, content: &str, mode: u32) {
    fs::File::create(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn good() -> String {
    format!("lanyard-master-key-v1\n{}\n", data_encoding::BASE64.encode(&[7; KEY_BYTES]))
}

#[track_caller]
fn refused(path: &Path, expected: &str) {
    let message = load(path).unwrap_err().to_string();
    assert_eq!(message.replace(path.to_str().unwrap(), "PATH"), expected);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let (_directory, path) = directory();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777] {
        put(&path, &good(), mode);
        refused(
            &path,
            &format!(
                "PATH is open to other users (mode {mode:o}); run `chmod 600 PATH`, and consider \
                 who may have read it"
            ),
        );
    }
    for mode in [0o600, 0o400] {
        put(&path, &good(), mode);
        assert_eq!(*load(&path).unwrap(), [7; KEY_BYTES]);
    }
}

#[test]
fn what_is_no_file_of_ones_own_is_refused() {
    let (directory, path) = directory();
    refused(&path, "PATH does not exist; without it no stored secret can be opened");
    let other = directory.path().join("other");
    put(&other, &good(), 0o600);
    symlink(&other, &path).unwrap();
    refused(&path, "PATH is a symbolic link; put the key file itself there");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&path, "PATH is not a regular file");
    fs::remove_dir(&path).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    refused(&path, "PATH is not a regular file");
    fs::remove_file(&path).unwrap();
    // Only root can give a file away, so only root can see this refusal.
    if rustix::process::geteuid().is_root() {
        put(&path, &good(), 0o600);
        chown(&path, Some(12_345), None).unwrap();
        refused(
            &path,
            "PATH belongs to uid 12345, and this process runs as uid 0; run `chown 0 PATH` if \
             that is right",
        );
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let (_directory, path) = directory();
    let key = |bytes: usize| data_encoding::BASE64.encode(&vec![7; bytes]);
    for content in [
        String::new(),
        "lanyard-master-key-v1\n".to_owned(),
        key(32),
        format!("lanyard-master-key-v2\n{}\n", key(32)),
        format!("lanyard-master-key-v1\n{}\n", key(31)),
        format!("lanyard-master-key-v1\n{}\n", key(33)),
        format!("lanyard-master-key-v1\n{}\n\n", key(32)),
        format!("lanyard-master-key-v1\n{} \n", key(32)),
        format!("lanyard-master-key-v1\r\n{}\n", key(32)),
        format!("lanyard-master-key-v1\n{}\n{}", key(32), "x".repeat(1000)),
    ] {
        put(&path, &content, 0o600);
        refused(
            &path,
            "PATH is not a master key: it needs the line `lanyard-master-key-v1` and one line of \
             44 characters; restore it from a backup",
        );
    }
}

#[test]
fn nothing_is_ever_overwritten() {
    let (directory, path) = directory();
    put(&path, "somebody's", 0o644);
    assert!(matches!(create(&path, &[1; KEY_BYTES]), Err(KeyFileError::Exists(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
    fs::remove_file(&path).unwrap();
    // Also not through a link that leads nowhere.
    symlink(directory.path().join("nowhere"), &path).unwrap();
    assert!(matches!(create(&path, &[1; KEY_BYTES]), Err(KeyFileError::Exists(_))));
    assert!(!directory.path().join("nowhere").exists());
    let missing = directory.path().join("none/key");
    assert!(matches!(create(&missing, &[1; KEY_BYTES]), Err(KeyFileError::System { .. })));
}

#[test]
fn a_new_key_is_its_owners_alone_and_loads() {
    let (directory, path) = directory();
    // Left over from an interrupted start, and open to all.
    put(&directory.path().join("key.new"), "half", 0o666);
    let created = MasterKey::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
    assert_eq!(MasterKey::load(&path).unwrap().id(), created.id());
    assert_ne!(MasterKey::ephemeral().unwrap().id(), created.id());
}
