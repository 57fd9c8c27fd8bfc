//! Files that are refused, and what is said of them.

use super::{Options, golden, lines};

#[test]
fn each_bad_file_is_refused_with_its_place_and_reason() {
    let count = golden("bad-yaml.txt", |input| match Options::default().parse(input) {
        Ok(parsed) => format!("accepted\n{}", lines(&parsed.warnings)),
        Err(problems) => lines(&problems),
    });
    assert!(count >= 60, "{count} cases");
}

#[test]
fn what_shipped_files_do_harmlessly_is_a_warning() {
    golden("warned-yaml.txt", |input| match Options::default().parse(input) {
        Ok(parsed) => lines(&parsed.warnings),
        Err(problems) => format!("refused\n{}", lines(&problems)),
    });
}
