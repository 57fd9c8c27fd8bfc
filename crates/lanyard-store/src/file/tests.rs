//! A file written whole, with the mode that was asked for, and nothing left beside it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::write_atomic;

#[test]
fn what_cannot_be_written_leaves_the_old_file_and_nothing_else() {
    let home = TempDir::new().unwrap();
    assert!(write_atomic(Path::new("/"), b"x", 0o600).is_err());
    assert!(write_atomic(&home.path().join("no/such/file"), b"x", 0o600).is_err());
    let directory = home.path().join("directory");
    fs::create_dir(&directory).unwrap();
    assert!(write_atomic(&directory, b"x", 0o600).is_err());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn the_new_content_takes_the_place_of_the_old() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("file");
    for (content, mode) in [("long enough", 0o644), ("short", 0o600), ("", 0o640)] {
        write_atomic(&path, content.as_bytes(), mode).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
