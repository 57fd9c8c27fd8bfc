//! What is found, and in which order.

use super::*;
use proptest::prelude::*;

const TOOLS: &[(&str, &str, &str)] = &[
    ("mail", "send_email", "Sends an email to one or more people."),
    ("mail", "list_emails", "Lists emails of a folder."),
    ("files", "read_file", "Reads a file. A file may be large; a file may be a link to a file."),
    ("files", "write_file", "Writes text into a file."),
    (
        "weather",
        "forecast",
        "Tells the weather for a place, hour by hour, in great detail and with many words that say little.",
    ),
    ("weather", "now", "Tells the weather."),
    ("übung", "größe", "Misst die Größe."),
];

fn index(tools: &[(&str, &str, &str)]) -> Index {
    let exposed: Vec<String> =
        tools.iter().map(|(server, tool, _)| format!("{server}__{tool}")).collect();
    Index::build(tools.iter().zip(&exposed).map(|((server, original, description), exposed)| {
        Entry { exposed, original, server, description }
    }))
}

#[track_caller]
fn check(query: &str, expected: &[&str]) {
    let index = index(TOOLS);
    let found: Vec<&str> = index.search(query, 5).iter().map(|place| TOOLS[*place].1).collect();
    assert_eq!(found, expected, "{query}");
}

#[test]
fn nothing_is_found_without_a_word() {
    check("", &[]);
    check("a", &[]);
    check("?! .", &[]);
    check("database", &[]);
    assert_eq!(Index::default().search("file", 5), Vec::<usize>::new());
    assert_eq!(index(TOOLS).search("file", 0), Vec::<usize>::new());
}

#[test]
fn what_fits_best_comes_first() {
    check("Send EMAIL", &["send_email"]);
    check("file", &["read_file", "write_file"]);
    check("write file", &["write_file", "read_file"]);
    check("weather", &["now", "forecast"]);
    check("mail", &["list_emails", "send_email"]);
    check("GRÖSSE größe", &["größe"]);
}

#[test]
fn the_score_is_that_of_the_formula() {
    // Two documents of 4 and 2 words; "ab" twice in the first.
    let index = index(&[("s1", "ab", "ab cd"), ("s2", "ef", "")]);
    let score = |tools: f64, count: f64, length: f64| {
        let weight = ((2.0 - tools + 0.5) / (tools + 0.5) + 1.0_f64).ln();
        weight * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / 3.0))
    };
    let weight = index.weight(1);
    let long = 1.0 - B + B * 4.0 / index.average;
    let actual = weight * 2.0 * (K1 + 1.0) / (2.0 + K1 * long);
    assert!((actual - score(1.0, 2.0, 4.0)).abs() < 1e-12);
    assert_eq!(index.len(), 2);
    assert_eq!(index.search("ab", 5), vec![0]);
}

#[test]
fn equal_scores_are_ordered_by_name() {
    let index =
        index(&[("b", "xx", "same words"), ("a", "xx", "same words"), ("c", "xx", "same words")]);
    assert_eq!(index.search("same", 5), vec![1, 0, 2]);
    assert_eq!(index.search("same", 2), vec![1, 0]);
    assert_eq!(index.search_among("same", 2, |place| place != 0), vec![1, 2]);
}

proptest! {
    #[test]
    fn the_order_of_the_tools_does_not_matter(
        tools in prop::collection::btree_map("[a-c]{2,3}", "([a-d]{2} ){0,6}", 0..8), query in "([a-d]{2} ){0,4}",
    ) {
        let names = |tools: &[(&str, &str, &str)]| -> Vec<String> {
            index(tools).search(&query, 5).iter().map(|place| tools[*place].1.to_owned()).collect()
        };
        let forward: Vec<(&str, &str, &str)> =
            tools.iter().map(|(name, text)| ("s", name.as_str(), text.as_str())).collect();
        let backward: Vec<(&str, &str, &str)> = forward.iter().rev().copied().collect();
        prop_assert_eq!(names(&forward), names(&backward));
        prop_assert_eq!(names(&forward), names(&forward));
    }
}
