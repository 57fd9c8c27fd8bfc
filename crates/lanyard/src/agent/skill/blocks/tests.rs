//! A file that is written again: what a person wrote stays, what was generated follows.

use super::{Block, Page, id_part, merge};

fn page(blocks: &[(&str, &str)]) -> Page {
    let block =
        |(id, body): &(&str, &str)| Block { id: (*id).to_owned(), body: (*body).to_owned() };
    Page {
        front: "---\nname: a\ndescription: \"b\"\n---\n".to_owned(),
        blocks: blocks.iter().map(block).collect(),
        closing: "## Notes\n\nYours.\n".to_owned(),
    }
}

fn text(blocks: &[(&str, &str)]) -> String {
    merge(None, &page(blocks)).unwrap().text
}

#[test]
fn the_same_again_changes_nothing() {
    let blocks = [("about", "One\n"), ("tool:a", "Two\n")];
    let first = text(&blocks);
    let again = merge(Some(&first), &page(&blocks)).unwrap();
    assert_eq!(again.text, first);
    let nothing: [&[String]; 4] = [&again.added, &again.changed, &again.removed, &again.kept];
    assert!(nothing.iter().all(|it| it.is_empty()), "{again:?}");
}

#[test]
fn a_mark_that_nobody_sees_before_the_front_matter_makes_no_second_one() {
    let blocks = [("about", "One\n")];
    let own = "\u{feff}---\r\nname: mine\n---\n\nText\n";
    for before in [format!("\u{feff}{}", text(&blocks)), own.to_owned()] {
        let again = merge(Some(&before), &page(&[("about", "1\n")])).unwrap();
        assert_eq!(
            again.text.lines().filter(|line| line.ends_with("---")).count(),
            2,
            "{}",
            again.text
        );
        assert!(again.text.starts_with("\u{feff}---"), "{}", again.text);
        let third = merge(Some(&again.text), &page(&[("about", "1\n")])).unwrap();
        assert_eq!(third.text, again.text);
    }
}

#[test]
fn what_is_outside_of_blocks_stays_byte_for_byte() {
    let first = text(&[("about", "One\n"), ("tool:a", "Two\n"), ("tool:b", "Three\n")]);
    let own = "\n## Mine  \r\n\tand `mine`\n";
    let edited = first.replacen(
        "\n<!-- lanyard:begin tool:a",
        &format!("{own}\n<!-- lanyard:begin tool:a"),
        1,
    );
    let edited = edited.replace("Yours.", "Ours, without an end");
    let again =
        merge(Some(&edited), &page(&[("about", "1\n"), ("tool:a", "2\n"), ("tool:c", "4\n")]));
    let again = again.unwrap();
    assert!(again.text.contains(own), "{}", again.text);
    assert!(again.text.contains("Ours, without an end"), "{}", again.text);
    assert!(!again.text.contains("Three"), "{}", again.text);
    assert_eq!(
        (&again.changed[..], &again.removed[..]),
        (&["about".to_owned(), "tool:a".to_owned()][..], &["tool:b".to_owned()][..])
    );
    assert_eq!(again.added, ["tool:c"]);
    // A new tool comes behind the one before it, and before what follows.
    let place = |needle: &str| again.text.find(needle).unwrap();
    assert!(place("tool:a") < place("tool:c") && place("tool:c") < place("Ours"));
}

#[test]
fn a_block_that_a_person_changed_is_theirs() {
    let first = text(&[("about", "One\n"), ("tool:a", "Two\n")]);
    let edited = first.replace("Two", "Two, but better");
    for blocks in [&[("about", "1\n"), ("tool:a", "2\n")][..], &[("about", "1\n")]] {
        let again = merge(Some(&edited), &page(blocks)).unwrap();
        assert!(again.text.contains("Two, but better"), "{}", again.text);
        assert_eq!((again.kept, again.removed.len()), (vec!["tool:a".to_owned()], 0));
        let once_more = merge(Some(&again.text), &page(blocks)).unwrap();
        assert_eq!(once_more.text, again.text);
    }
}

#[test]
fn ends_of_lines_are_no_change() {
    let first = text(&[("about", "One  \nmore\n")]);
    let saved = first.replace("  \n", "\n").replace('\n', "\r\n");
    let again = merge(Some(&saved), &page(&[("about", "1\n")])).unwrap();
    assert!(again.kept.is_empty(), "{again:?}");
}

#[test]
fn front_matter_of_a_person_stays() {
    let first = text(&[("about", "One\n")]);
    let edited = first.replace("description: \"b\"", "description: \"mine\"\nlicense: MIT");
    let again = merge(Some(&edited), &page(&[("about", "One\n")])).unwrap();
    assert_eq!((again.text, again.kept), (edited, vec!["front".to_owned()]));
    let new = Page { front: "---\nname: a\ndescription: \"c\"\n---\n".to_owned(), ..page(&[]) };
    let again = merge(Some(&first), &new).unwrap();
    assert!(again.text.starts_with(&new.front), "{}", again.text);
    assert_eq!(merge(Some(&again.text), &new).unwrap().changed, Vec::<String>::new());
}

#[test]
fn a_file_that_is_wholly_a_persons_is_added_to() {
    let own = "---\nname: x\n---\n# Mine\n";
    let again = merge(Some(own), &page(&[("about", "One\n")])).unwrap();
    assert!(again.text.starts_with(own), "{}", again.text);
    assert!(again.text.ends_with("One\n<!-- lanyard:end about -->\n"), "{}", again.text);
    let bare = merge(Some("# Mine\n"), &page(&[("about", "One\n")])).unwrap();
    assert!(bare.text.starts_with("---\nname: a\n"), "{}", bare.text);
    assert!(bare.text.contains("# Mine\n"), "{}", bare.text);
    let once_more = merge(Some(&bare.text), &page(&[("about", "One\n")])).unwrap();
    assert_eq!(once_more.text, bare.text);
}

#[test]
fn marks_that_do_not_fit_are_named_by_their_line() {
    let first = text(&[("about", "One\n"), ("tool:a", "Two\n")]);
    for (broken, line, said) in [
        (
            first.replace("<!-- lanyard:end about -->\n", ""),
            "line 10:",
            "within the block `about` of line 7",
        ),
        (first.replace("<!-- lanyard:end tool:a -->\n", ""), "line 11:", "never ends"),
        (first.replace("<!-- lanyard:begin about", "<!-- lost"), "line 9:", "never began"),
        (format!("{first}{}", first.split_once("Notes").unwrap().0), "", "there twice"),
    ] {
        let problem = merge(Some(&broken), &page(&[])).unwrap_err();
        assert!(problem.contains(line) && problem.contains(said), "{problem}\n{broken}");
    }
}

#[test]
fn no_name_ends_a_mark_or_is_taken_for_another() {
    for (name, expected) in [
        ("get_invoice", "get_invoice"),
        ("a -->\n# x", "a%20--%3E%0A%23%20x"),
        ("a%20b", "a%2520b"),
        ("é", "%C3%A9"),
    ] {
        assert_eq!(id_part(name), expected);
    }
}
