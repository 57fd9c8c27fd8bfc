//! The table itself; what the functions do is tested through templates.

use super::{ALIASES, FUNCTIONS, named, names, nearest};

#[test]
fn every_name_is_there_once_and_every_alias_leads_to_a_function() {
    let mut all: Vec<&str> = names().collect();
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count);
    for (alias, meant) in ALIASES {
        assert_eq!(named(alias).map(|function| function.name), Some(*meant));
    }
    for function in FUNCTIONS {
        assert!(function.most.is_none_or(|most| most >= function.least), "{}", function.name);
    }
}

#[test]
fn near_names_are_suggested_and_far_ones_are_not() {
    for (name, expected) in [
        ("tojson", Some("toJson")),
        ("uppr", Some("upper")),
        ("b64encode", None),
        ("x", None),
        ("genCA", None),
        ("dateinzone", Some("dateInZone")),
    ] {
        assert_eq!(nearest(name), expected, "{name}");
    }
}
