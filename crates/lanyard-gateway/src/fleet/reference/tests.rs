//! Lists of those who see everything, and of those who may not.

use expect_test::{Expect, expect};
use lanyard_connect::mcp::ServerFacts;
use lanyard_mcp::{Item, Kind};
use lanyard_wire::Version;
use proptest::prelude::*;

use super::{By, Reference};
use crate::fleet::Listed;

/// A list of tools, each a letter and a number that is its definition.
fn listed(words: &str) -> Listed {
    let items = words
        .split_whitespace()
        .map(|word| Item {
            kind: Kind::Tool,
            name: word.chars().take(1).collect(),
            raw: word.to_owned(),
        })
        .collect();
    let facts = ServerFacts {
        version: Version::V2025_11_25,
        capabilities: "{}".to_owned(),
        info: "{}".to_owned(),
        instructions: None,
    };
    Listed { facts, items, left_out: Vec::new(), whole: true }
}

/// Plays lists, each with who listed it, and writes what is told of them.
#[track_caller]
fn check(lists: &[(By, &str)], expected: Expect) {
    let reference = Reference::default();
    let told: Vec<String> = lists
        .iter()
        .map(|(by, words)| {
            let Some(news) = reference.news(*by, listed(words)) else {
                return "nothing".to_owned();
            };
            let raws: Vec<&str> = news.items.iter().map(|item| item.raw.as_str()).collect();
            let text = format!("{}: {}", if news.whole { "all" } else { "some" }, raws.join(" "));
            reference.told(news);
            text
        })
        .collect();
    expected.assert_eq(&told.join("\n"));
}

use By::{Guest, House};

#[test]
fn a_guest_that_sees_less_takes_nothing_away() {
    check(
        &[(House, "a1 b1 c1"), (Guest, "b1 a1"), (Guest, ""), (House, "a1 c1"), (Guest, "a1")],
        expect![[r#"
            all: a1 b1 c1
            nothing
            nothing
            all: a1 c1
            nothing"#]],
    );
}

#[test]
fn what_is_new_or_different_is_told_whoever_lists_it() {
    check(
        &[(House, "a1 b1"), (Guest, "b2"), (Guest, "b2"), (Guest, "d1 c1"), (Guest, "c1 a1")],
        expect![[r#"
            all: a1 b1
            some: a1 b2
            nothing
            some: a1 b2 c1 d1
            nothing"#]],
    );
}

#[test]
fn where_the_house_sees_nothing_guests_add_up() {
    check(
        &[(Guest, "a1 b1"), (Guest, "a1"), (Guest, "c1")],
        expect![[r#"
            some: a1 b1
            nothing
            some: a1 b1 c1"#]],
    );
}

#[test]
fn what_a_server_says_of_itself_is_news_too() {
    let reference = Reference::default();
    reference.told(listed("a1"));
    let with = |change: fn(&mut ServerFacts)| {
        let mut listed = listed("a1");
        change(&mut listed.facts);
        reference.news(Guest, listed)
    };
    assert_eq!(with(|facts| facts.capabilities = r#"{"x":1}"#.to_owned()), None);
    let told = with(|facts| facts.instructions = Some("obey".to_owned())).unwrap();
    assert_eq!(told.facts.instructions.as_deref(), Some("obey"));
}

proptest! {
    /// Whoever lists what: what is listed is known afterwards as it was listed, and only the house
    /// takes anything away.
    #[test]
    fn nothing_is_missed(
        lists in proptest::collection::vec(
            (any::<bool>(), proptest::collection::btree_map("[a-f]", 0_u8..3, 0..6)),
            1..20,
        ),
    ) {
        let reference = Reference::default();
        for (is_house, tools) in lists {
            let by = if is_house { House } else { Guest };
            let words: Vec<String> =
                tools.iter().map(|(name, version)| format!("{name}{version}")).collect();
            let before = reference.lock().as_ref().map(|known| known.items.clone());
            if let Some(news) = reference.news(by, listed(&words.join(" "))) {
                prop_assert_eq!(news.whole, is_house);
                reference.told(news);
            }
            let known = reference.lock().as_ref().unwrap().items.clone();
            for word in &words {
                prop_assert!(known.iter().any(|item| item.raw == *word), "{word} is missing");
            }
            for item in before.into_iter().flatten().filter(|_| !is_house) {
                prop_assert!(known.iter().any(|it| it.name == item.name), "{} is gone", item.name);
            }
        }
    }
}
