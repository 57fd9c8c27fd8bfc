//! Tests of `fuzz`.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::expect_file;

use super::fuzz_decode;

/// Every file of the corpus, with what became of it. `UPDATE_EXPECT=1` writes the table anew.
#[test]
fn the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/wire_decode");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 60, "only {} files", files.len());
    let mut table = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy();
        writeln!(table, "{name}\n    {}", fuzz_decode(&std::fs::read(&file).unwrap())).unwrap();
    }
    expect_file!["corpus.txt"].assert_eq(&table);
}
