//! Where a skill is written, and how: in the directory that skills are looked for in, under a name
//! that no server chooses, and whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where skills are written unless told otherwise.
const SKILLS: &str = "skills";
/// What agents look for.
const FILE: &str = "SKILL.md";
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The file of a skill. `out` is a file, or a directory of skills: one that exists, or a path that
/// does not end in `.md`.
pub(super) fn place(out: Option<&Path>, skill: &str) -> PathBuf {
    let directory = match out {
        Some(out) if out.extension().is_some_and(|it| it == "md") && !out.is_dir() => {
            return out.to_owned();
        }
        Some(out) => out,
        None => Path::new(SKILLS),
    };
    directory.join(skill).join(FILE)
}

/// What stands there; `None` where there is nothing.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
        Ok(found) if found.file_type().is_symlink() => {
            return Err(io::Error::other("it is a link; name the file itself with --out"));
        }
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is no file")),
        Ok(found) if found.len() > FILE_BYTES_MAX => {
            return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path).map(Some)
}

/// Writes it: beside its place, and then into it.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    lanyard_store::write_atomic(path, text.as_bytes(), 0o644)
}

/// The lines that differ, with those around them left out.
pub(super) fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut shown = String::new();
    let (mut left, mut right) = (old.as_slice(), new.as_slice());
    while !(left.is_empty() && right.is_empty()) {
        let same = left.iter().zip(right).take_while(|(one, other)| one == other).count();
        left = left.get(same..).unwrap_or_default();
        right = right.get(same..).unwrap_or_default();
        let (gone, come) = next_same(left, right);
        for line in left.iter().take(gone) {
            shown.push_str(&format!("- {line}\n"));
        }
        for line in right.iter().take(come) {
            shown.push_str(&format!("+ {line}\n"));
        }
        left = left.get(gone..).unwrap_or_default();
        right = right.get(come..).unwrap_or_default();
    }
    shown
}

/// How many lines of each go by before a line is the same again that says something.
fn next_same(left: &[&str], right: &[&str]) -> (usize, usize) {
    for (gone, line) in left.iter().enumerate() {
        let says_something = !line.trim().is_empty() && *line != "```";
        if !says_something {
            continue;
        }
        if let Some(come) = right.iter().position(|other| other == line) {
            return (gone, come);
        }
    }
    (left.len(), right.len())
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use tempfile::TempDir;

    use super::{difference, place, read, write};

    #[test]
    fn a_skill_has_its_place_among_skills() {
        let home = TempDir::new().unwrap();
        for (out, expected) in [
            (None, PathBuf::from("skills/pets/SKILL.md")),
            (Some(Path::new("mine/x.md")), PathBuf::from("mine/x.md")),
            (Some(Path::new(".claude/skills")), PathBuf::from(".claude/skills/pets/SKILL.md")),
            (Some(home.path()), home.path().join("pets/SKILL.md")),
        ] {
            assert_eq!(place(out, "pets"), expected);
        }
    }

    #[test]
    fn a_link_is_not_followed() {
        let home = TempDir::new().unwrap();
        let (target, link) = (home.path().join("target"), home.path().join("SKILL.md"));
        write(&target, "theirs").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(read(&link).unwrap_err().to_string().contains("it is a link"));
        write(&link, "ours").unwrap();
        assert_eq!(read(&target).unwrap().as_deref(), Some("theirs"));
        assert_eq!(read(&link).unwrap().as_deref(), Some("ours"));
        assert_eq!(read(&home.path().join("none")).unwrap(), None);
        assert!(read(home.path()).is_err());
    }

    #[test]
    fn differences() {
        assert_eq!(difference("a\nb\nc\n", "a\nb\nc\n"), "");
        assert_eq!(difference("a\nb\nc\n", "a\nx\nc\nd\n"), "- b\n+ x\n+ d\n");
        assert_eq!(difference("a\nx\nb\n", "x\nb\n"), "- a\n");
        assert_eq!(difference("", "a\n"), "+ a\n");
    }
}
