//! Lines of the kinds that documents of APIs show, each with the definition that becomes of it.
//! `UPDATE_EXPECT=1` writes what stands after the first line of dashes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::shell::variable::is_marker;
use crate::tests::accepted;
use crate::{ImportOptions, Imported, import_curl};

const DASHES: &str = "\n-----\n";

/// Everything that an import says, as text.
pub(crate) fn told(imported: &Imported) -> String {
    let mut out = imported.draft.to_yaml();
    assert!(!out.contains(is_marker), "a mark of a variable is left in\n{out}");
    out.push_str("-----\n");
    for note in &imported.notes {
        writeln!(out, "{note}").unwrap();
    }
    for secret in &imported.secrets {
        writeln!(out, "secret {}: from {}", secret.name, secret.place).unwrap();
    }
    out
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/curl");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn lines_of_documents_become_definitions() {
    let update = std::env::vars().any(|(name, value)| name == "UPDATE_EXPECT" && value == "1");
    let files = files();
    assert!(files.len() >= 60, "{} lines", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let whole = std::fs::read_to_string(&path).unwrap();
        let line = whole.split(DASHES).next().unwrap().trim_end();
        let name = path.file_name().unwrap().to_str().unwrap();
        let imported = match import_curl(line, &ImportOptions::default()) {
            Ok(imported) => imported,
            Err(errors) => panic!("{name}: {errors:?}"),
        };
        let expected = format!("{line}{DASHES}{}", told(&imported));
        if expected != whole {
            if update {
                write(&path, &expected);
            }
            wrong.push(format!("{name}\n{expected}"));
        }
        accepted(&imported.draft.to_yaml());
        for secret in &imported.secrets {
            let value = secret.value.expose();
            assert!(
                !told(&imported).contains(value),
                "{name}: the value of {} is told",
                secret.name
            );
            assert!(!format!("{imported:?}").contains(value), "{name}: {} in Debug", secret.name);
        }
    }
    assert!(wrong.is_empty() || update, "{}", wrong.join("\n=====\n"));
}

#[expect(clippy::disallowed_methods, reason = "a test rewrites its own expectation")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}
