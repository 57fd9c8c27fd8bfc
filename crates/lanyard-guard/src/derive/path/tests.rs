//! Paths: what they lead to, and what is odd.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, clean: &str, words: &str) {
    let read = path(text);
    let mut said = Vec::new();
    for (is, word) in [
        (read.absolute, "absolute"),
        (read.escapes, "escapes"),
        (read.hidden, "hidden"),
        (read.odd, "odd"),
    ] {
        said.extend(is.then_some(word));
    }
    assert_eq!((read.clean.as_str(), said.join(" ").as_str()), (clean, words), "{text:?}");
}

#[test]
fn ordinary_paths_are_cleaned() {
    check("/data/a/b.txt", "/data/a/b.txt", "absolute");
    check("/data//a/./b.txt", "/data/a/b.txt", "absolute");
    check("/data/a/", "/data/a", "absolute");
    check("/", "/", "absolute");
    check("a/b", "a/b", "");
    check("./a", "a", "");
    check(".", ".", "");
    check("src/app/[slug]/page.tsx", "src/app/[slug]/page.tsx", "");
    check("Grüße/meine Datei.txt", "Grüße/meine Datei.txt", "");
    check("/data/.ssh/id", "/data/.ssh/id", "absolute hidden");
    check("100%.txt", "100%.txt", "");
    check("notes: today.txt", "notes: today.txt", "");
}

#[test]
fn what_leads_up_is_told() {
    check("../x", "../x", "escapes");
    check("../../x", "../../x", "escapes");
    check("a/../../x", "../x", "escapes odd");
    check("a/../b", "b", "odd");
    check("/data/../etc/passwd", "/etc/passwd", "absolute odd");
    check("/../etc", "/etc", "absolute odd");
}

#[test]
fn what_programs_read_differently_is_odd() {
    let odd = [
        "",
        " ",
        " /data/a",
        "/data/a ",
        "/data/a\n",
        "/data/\0a",
        "/data/a\u{7f}",
        "//server/share",
        "~",
        "~root/.ssh",
        "$HOME/x",
        "/data/${x}",
        "/data/$(id)",
        "/data/`id`",
        "-rf",
        "C:\\x",
        "c:/x",
        "C:x",
        "file:///etc/passwd",
        "FILE:etc",
        "http://x/y",
        "/data\\..\\etc",
        "a\\b",
        "/data/%2e%2e/etc",
        "/data/%2E./etc",
        "/data%2f..",
        "/data%5c..",
        "/data/%252e%252e",
        "/data/x%00.png",
        "/data/%c0%ae",
        "/data/%u002e",
        "/data/a. /b",
        "/data/.../etc",
        "/data/a./b",
        "/data/a /b",
        "/data/ a",
        "/data/*/x",
        "/data/.?/x",
        "/data/{a,..}/x",
        "/data/[.][.]/x",
        "/data/\u{200b}a",
        "/data/\u{202e}a",
        "/data/\u{ff0e}\u{ff0e}/x",
        "/data\u{ff0f}x",
        "/data\u{2215}x",
        "/data/\u{2024}\u{2024}/x",
        "/data/e\u{301}",
        "/data/\u{fffd}",
        "/data/a\u{85}b",
    ];
    for text in odd {
        assert!(path(text).odd, "{text:?}");
    }
    assert!(path(&"/a".repeat(3000)).odd);
    assert!(path(&"/a".repeat(SEGMENTS_MAX + 1)).odd);
    assert!(!path(&"/a".repeat(SEGMENTS_MAX - 1)).odd);
}

#[test]
fn ancestors_lead_from_the_start_to_itself() {
    assert_eq!(path("/data/a/b").ancestors, ["/", "/data", "/data/a", "/data/a/b"]);
    assert_eq!(path("/").ancestors, ["/"]);
    assert_eq!(path("a/b").ancestors, ["a", "a/b"]);
    assert_eq!(path("../b").ancestors, ["..", "../b"]);
    assert!(path(".").ancestors.is_empty());
    // A name that only begins like the root's is not below it.
    assert!(!path("/database/x").ancestors.contains(&"/data".to_owned()));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in any::<String>()) {
        drop(path(&text));
    }

    /// A path that is not odd means what a second reading of its clean form means.
    #[test]
    fn cleaning_again_changes_nothing(text in "[a-c./ ]{0,20}") {
        let first = path(&text);
        prop_assert_eq!(&path(&first.clean).clean, &first.clean);
    }

    /// The standard library, which knows no dots above, agrees on what is below a root.
    #[test]
    fn not_odd_and_below_means_below(text in "/[a-c./]{0,20}") {
        let read = path(&text);
        let below = std::path::Path::new(&text).starts_with("/a");
        prop_assert!(read.odd || read.ancestors.iter().any(|it| it == "/a") == below);
    }
}
