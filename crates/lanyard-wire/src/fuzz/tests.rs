//! Tests of `fuzz`.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{ExpectFile, expect_file};

use super::{fuzz_decode, fuzz_translate};

/// Every file of a corpus, with what became of it. `UPDATE_EXPECT=1` writes the table anew.
#[track_caller]
fn check(name: &str, files_min: usize, fuzz: impl Fn(&[u8]) -> String, expected: ExpectFile) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= files_min, "only {} files", files.len());
    let mut table = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy();
        writeln!(table, "{name}\n    {}", fuzz(&std::fs::read(&file).unwrap())).unwrap();
    }
    expected.assert_eq(&table);
}

#[test]
fn the_corpus_of_bodies() {
    check("wire_decode", 60, fuzz_decode, expect_file!["corpus.txt"]);
}

#[test]
fn the_corpus_of_what_servers_say() {
    check("wire_translate", 20, fuzz_translate, expect_file!["translate-corpus.txt"]);
}
