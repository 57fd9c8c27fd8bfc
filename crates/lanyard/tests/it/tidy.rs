//! The shape of the workspace, held by reading its files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which crate may know which. Who is not named here does not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("lanyard-core", &[]),
    ("lanyard-wire", &["lanyard-core"]),
    ("lanyard-rest", &["lanyard-core"]),
    ("lanyard-import", &["lanyard-core", "lanyard-rest"]),
    ("lanyard-policy", &["lanyard-core"]),
    ("lanyard-guard", &["lanyard-core"]),
    ("lanyard-vault", &["lanyard-core"]),
    ("lanyard-store", &["lanyard-core"]),
    ("lanyard-mcp", &["lanyard-core"]),
    ("lanyard-sandbox", &["lanyard-core"]),
    ("lanyard-connect", &["lanyard-core", "lanyard-wire", "lanyard-mcp", "lanyard-sandbox"]),
    (
        "lanyard-gateway",
        &[
            "lanyard-core",
            "lanyard-wire",
            "lanyard-rest",
            "lanyard-policy",
            "lanyard-guard",
            "lanyard-vault",
            "lanyard-store",
            "lanyard-mcp",
            "lanyard-connect",
        ],
    ),
    (
        "lanyard-admin",
        &[
            "lanyard-core",
            "lanyard-rest",
            "lanyard-policy",
            "lanyard-store",
            "lanyard-vault",
            "lanyard-mcp",
        ],
    ),
    (
        "lanyard",
        &[
            "lanyard-core",
            "lanyard-wire",
            "lanyard-rest",
            "lanyard-import",
            "lanyard-policy",
            "lanyard-guard",
            "lanyard-vault",
            "lanyard-store",
            "lanyard-mcp",
            "lanyard-sandbox",
            "lanyard-connect",
            "lanyard-gateway",
            "lanyard-admin",
        ],
    ),
];

/// A word of the code, and the files outside of tests that alone may hold it.
const ALONE: &[(&str, &[&str])] = &[
    ("rusqlite", &["crates/lanyard-store/"]),
    ("process::Command", &["crates/lanyard-sandbox/"]),
    ("granit_parser", &["crates/lanyard-rest/"]),
    ("jsonschema", &["crates/lanyard-guard/"]),
    ("aes_256_gcm", &["crates/lanyard-vault/"]),
    ("AES_256_GCM", &["crates/lanyard-vault/"]),
    ("Ed25519KeyPair", &["crates/lanyard-vault/"]),
    ("env::vars", &["crates/lanyard/src/config.rs"]),
    ("SystemTime::now", &["crates/lanyard/src/clock.rs"]),
    ("axum::", &["crates/lanyard-admin/"]),
    ("Permit::new", &["crates/lanyard-policy/"]),
    (
        "serde::",
        &[
            "crates/lanyard-wire/",
            "crates/lanyard-mcp/",
            "crates/lanyard-rest/",
            "crates/lanyard-guard/",
            "crates/lanyard-store/",
            "crates/lanyard-admin/",
            "crates/lanyard-gateway/",
            "crates/lanyard/",
        ],
    ),
];

/// The longest file, in lines.
const LINES_MAX: usize = 800;

/// The largest tracked file, in bytes.
const BYTES_MAX: u64 = 1 << 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every file of the project as its path from the root, without what builds and tests leave.
fn files() -> Vec<String> {
    let (root, mut found, mut open) = (root(), Vec::new(), vec![root()]);
    let left_out = ["target", ".git", ".outside", "shared", "node_modules", "__pycache__"];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                if !left_out.contains(&name.as_str()) {
                    open.push(entry.path());
                }
            } else if name != ".git" {
                let path = entry.path();
                found.push(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn rust_files() -> impl Iterator<Item = (String, String)> {
    let rust = files().into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| (std::fs::read_to_string(root().join(&path)).unwrap(), path))
        .map(|(text, path)| (path, text))
}

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn crates_know_only_whom_they_may() {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for path in files().iter().filter(|it| it.starts_with("crates/") && it.ends_with("/Cargo.toml"))
    {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let (name, known) = manifest(&text);
        let Some((_, may)) = ARROWS.iter().find(|(crate_name, _)| *crate_name == name) else {
            problems.push(format!("{name} is missing from ARROWS"));
            continue;
        };
        for other in known.iter().filter(|it| !may.contains(&it.as_str())) {
            problems.push(format!("{name} may not know {other}"));
        }
        seen.insert(name);
    }
    for (name, _) in ARROWS.iter().filter(|(name, _)| !seen.contains(*name)) {
        problems.push(format!("ARROWS names {name}, which does not exist"));
    }
    none(&problems);
}

/// The name of a crate and the crates of ours that it depends on, tests aside.
fn manifest(text: &str) -> (String, Vec<String>) {
    let (mut section, mut name, mut known) = ("", String::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[package]" && line.starts_with("name = ") {
            name = line.trim_start_matches("name = ").trim_matches('"').to_owned();
        } else if section.ends_with("dependencies]") && !section.contains("dev-dependencies") {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if dependency.starts_with("lanyard") {
                known.push(dependency.to_owned());
            }
        }
    }
    (name, known)
}

#[test]
fn manifests_are_read_as_cargo_reads_them() {
    let text = "[package]\nname = \"a\"\n[dependencies]\nlanyard-x.workspace = true\nserde = \"1\"\n\
                [dev-dependencies]\nlanyard-y = {}\n[build-dependencies]\nlanyard-z = { path = \"\" }\n";
    assert_eq!(manifest(text), ("a".to_owned(), vec!["lanyard-x".into(), "lanyard-z".into()]));
}

#[test]
fn every_file_says_what_it_is_and_ends_in_time() {
    let mut problems = Vec::new();
    for (path, text) in rust_files() {
        if !text.starts_with("//! ") && !text.starts_with("#![no_main]") {
            problems.push(format!("{path} does not begin with `//! `"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            problems.push(format!("{path} has {lines} lines, {LINES_MAX} are the most"));
        }
    }
    none(&problems);
}

#[test]
fn powers_stay_where_they_belong() {
    let mut problems = Vec::new();
    for (path, text) in rust_files() {
        let is_test = path.starts_with("tests/")
            || path.contains("/tests")
            || path.ends_with("/fake.rs")
            || path.ends_with("/fixture.rs")
            || !path.contains("/src/");
        if is_test {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            let code = line.split("//").next().unwrap_or_default();
            let unsafe_may = path.starts_with("crates/lanyard-sandbox/");
            if !unsafe_may && (code.contains("unsafe ") || code.contains("allow(unsafe")) {
                problems.push(format!("{path}:{number}: unsafe code"));
            }
            for (word, alone) in ALONE {
                if code.contains(word) && !alone.iter().any(|may| path.starts_with(may)) {
                    problems.push(format!("{path}:{number}: `{word}` belongs to {alone:?}"));
                }
            }
        }
    }
    none(&problems);
}

#[test]
fn the_changes_are_told() {
    let text = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(text.len() > 100, "CHANGELOG.md says nothing");
}

#[test]
fn files_are_small_and_name_no_registry() {
    // Split, so that this file does not name them either.
    let hosts = [
        ["registry.", "npmjs.org"],
        ["index.", "crates.io"],
        ["static.", "crates.io"],
        ["files.python", "hosted.org"],
        ["pypi.org", "/simple"],
        ["deb.debian", ".org"],
    ]
    .map(|parts| parts.concat());
    let mut problems = Vec::new();
    for path in files() {
        let size = std::fs::metadata(root().join(&path)).unwrap().len();
        if size > BYTES_MAX {
            problems.push(format!("{path} has {size} bytes, {BYTES_MAX} are the most"));
        }
        let is_lock = ["Cargo.lock", "package-lock.json"].iter().any(|lock| path.ends_with(lock));
        let text = std::fs::read(root().join(&path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for host in hosts.iter().filter(|host| !is_lock && text.contains(host.as_str())) {
            problems.push(format!("{path} names {host}"));
        }
    }
    none(&problems);
}
