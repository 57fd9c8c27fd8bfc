//! What is found, and in which order.

use std::collections::BTreeMap;

use super::*;
use proptest::prelude::*;

/// Server, tool, description.
type Told<'a> = (&'a str, &'a str, &'a str);

const TOOLS: &[Told<'static>] = &[
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

fn entry<'a>((_, name, description): &Told<'a>) -> Entry<'a> {
    Entry { name, description }
}

/// The exposed names of what is found among the tools that may be.
fn found(tools: &[Told<'_>], query: &str, most: usize, may: impl Fn(&str) -> bool) -> Vec<String> {
    let mut servers: BTreeMap<&str, Vec<Told<'_>>> = BTreeMap::new();
    for tool in tools {
        servers.entry(tool.0).or_default().push(*tool);
    }
    let built: Vec<(Index, Vec<String>)> = servers
        .iter()
        .map(|(server, tools)| {
            let names = tools.iter().map(|it| format!("{server}__{}", it.1)).collect();
            (Index::build(server, tools.iter().map(entry)), names)
        })
        .collect();
    let searched: Vec<Searched<'_>> = built
        .iter()
        .map(|(index, names)| Searched {
            index,
            may_be_found: names.iter().map(|name| may(name)).collect(),
        })
        .collect();
    let name = |found: Found| built[found.server].1[found.tool].clone();
    search(&searched, query, most, name).into_iter().map(name).collect()
}

#[track_caller]
fn check(query: &str, expected: &[&str]) {
    assert_eq!(found(TOOLS, query, 5, |_| true), expected, "{query}");
}

#[test]
fn nothing_is_found_without_a_word() {
    check("", &[]);
    check("a", &[]);
    check("?! .", &[]);
    check("database", &[]);
    assert_eq!(found(&[], "file", 5, |_| true), [""; 0]);
    assert_eq!(found(TOOLS, "file", 0, |_| true), [""; 0]);
    assert_eq!(found(TOOLS, "file", 5, |_| false), [""; 0]);
}

#[test]
fn what_fits_best_comes_first() {
    check("Send EMAIL", &["mail__send_email"]);
    check("file", &["files__read_file", "files__write_file"]);
    check("write file", &["files__write_file", "files__read_file"]);
    check("weather", &["weather__now", "weather__forecast"]);
    check("mail", &["mail__list_emails", "mail__send_email"]);
    check("GRÖSSE größe", &["übung__größe"]);
}

#[test]
fn the_weight_is_that_of_the_formula() {
    // Two documents of 4 and 2 words; "ab" twice in the first.
    let indexes = [
        Index::build("s1", [Entry { name: "ab", description: "ab cd" }]),
        Index::build("s2", [Entry { name: "ef", description: "" }]),
    ];
    let servers = indexes.each_ref().map(|index| Searched { index, may_be_found: vec![true] });
    let totals = Totals::of(&servers);
    assert_eq!((totals.tools, totals.average), (2, 3.0));
    assert!((totals.weight(1) - (1.5_f64 / 1.5 + 1.0).ln()).abs() < 1e-12);
    let hits: Vec<_> = servers[0].hits(0, "ab").collect();
    assert_eq!(hits, [(Found { server: 0, tool: 0 }, 2, 4)]);
    assert_eq!(indexes[0].len(), 1);
}

#[test]
fn equal_scores_are_ordered_by_name() {
    let tools = [("b", "xx", "same words"), ("a", "xx", "same words"), ("c", "xx", "same words")];
    assert_eq!(found(&tools, "same", 5, |_| true), ["a__xx", "b__xx", "c__xx"]);
    assert_eq!(found(&tools, "same", 2, |_| true), ["a__xx", "b__xx"]);
    assert_eq!(found(&tools, "same", 2, |name| name != "b__xx"), ["a__xx", "c__xx"]);
}

fn tools() -> impl Strategy<Value = BTreeMap<(String, String), String>> {
    prop::collection::btree_map(("[st]", "[a-c]{2,3}"), "([a-d]{2} ){0,6}", 0..8)
}

fn told(tools: &BTreeMap<(String, String), String>) -> Vec<Told<'_>> {
    tools.iter().map(|((server, name), text)| (&**server, &**name, &**text)).collect()
}

proptest! {
    #[test]
    fn the_order_of_the_tools_does_not_matter(tools in tools(), query in "([a-d]{2} ){0,4}") {
        let forward = told(&tools);
        let backward: Vec<Told<'_>> = forward.iter().rev().copied().collect();
        let names = |tools: &[Told<'_>]| found(tools, &query, 5, |_| true);
        prop_assert_eq!(names(&forward), names(&backward));
    }

    /// Whoever may not use a tool finds what would be found if it did not exist.
    #[test]
    fn what_may_not_be_found_is_as_if_it_were_not_there(
        tools in tools(), query in "([a-d]{2} ){0,4}", hidden in "[a-c]{2}",
    ) {
        let all = told(&tools);
        let may = |name: &str| !name.ends_with(&hidden);
        let left: Vec<Told<'_>> = all.iter().copied().filter(|it| may(it.1)).collect();
        prop_assert_eq!(found(&all, &query, 5, may), found(&left, &query, 5, |_| true));
    }

    /// The best few are the first of all.
    #[test]
    fn fewer_are_the_best_of_more(tools in tools(), query in "([a-d]{2} ){0,4}", most in 0_usize..6) {
        let all = found(&told(&tools), &query, 100, |_| true);
        let few = found(&told(&tools), &query, most, |_| true);
        prop_assert_eq!(&few[..], &all[..most.min(all.len())]);
    }
}
