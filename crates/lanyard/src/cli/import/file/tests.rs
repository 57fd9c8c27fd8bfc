//! What happens to a client's file, whatever happens beside it.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use lanyard_core::Timestamp;
use tempfile::TempDir;

use super::Original;

const NOW: Timestamp = Timestamp(1_795_302_341_000_123);

#[expect(clippy::disallowed_methods, reason = "a file of the test's own, read by nobody else")]
fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn read(path: &Path) -> (String, u32) {
    let mode = path.metadata().unwrap().permissions().mode() & 0o777;
    (std::fs::read_to_string(path).unwrap(), mode)
}

fn names(directory: &TempDir) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_no_file_of_text_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a");
    assert!(Original::read(&path).is_err());
    assert!(Original::read(directory.path()).is_err());
    write(&path, &"x".repeat((4 << 20) + 1), 0o600);
    assert!(Original::read(&path).is_err());
}

#[test]
fn a_file_that_changed_meanwhile_stays_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a");
    write(&path, "before", 0o600);
    let original = Original::read(&path).unwrap();
    write(&path, "theirs", 0o600);
    let failure = original.replace("ours", NOW).unwrap_err();
    assert!(failure.lines()[0].contains("changed by somebody else"), "{failure:?}");
    assert_eq!(read(&path).0, "theirs");
    assert_eq!(names(&directory), [Path::new("a")]);
}

#[test]
fn a_backup_is_never_written_over() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a");
    write(&path, "before", 0o600);
    let original = Original::read(&path).unwrap();
    let backup = original.replace("ours", NOW).unwrap();
    write(&path, "before", 0o600);
    assert!(original.replace("ours", NOW).is_err());
    assert_eq!((read(&backup).0, read(&path).0), ("before".into(), "before".into()));
}

#[test]
fn a_file_is_replaced_where_it_really_is_with_its_mode() {
    let directory = TempDir::new().unwrap();
    let (path, link) = (directory.path().join("a"), directory.path().join("link"));
    write(&path, "before", 0o640);
    symlink(&path, &link).unwrap();
    let original = Original::read(&link).unwrap();
    let backup = original.replace("after", NOW).unwrap();
    assert_eq!(read(&path), ("after".to_owned(), 0o640));
    assert_eq!(read(&backup), ("before".to_owned(), 0o640));
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let expected = ["a", "a.lanyard-backup-20261121T230541000123Z", "link"].map(PathBuf::from);
    assert_eq!(names(&directory), expected);
}
