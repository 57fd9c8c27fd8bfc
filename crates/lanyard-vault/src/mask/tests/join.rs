//! Credentials that are cut over texts which belong together.

use std::borrow::Cow;

use data_encoding::BASE64;

use super::masker;
use crate::mask::Tail;

const KEY: &str = "tst_key_9f8e7d6c5b4a";
const KNOWN_MAX: usize = 7;

/// The forms of the key that are looked for at every cut.
fn forms() -> Vec<String> {
    let mut forms = vec![KEY.to_owned(), KEY.bytes().map(|byte| format!("%{byte:02X}")).collect()];
    for before in ["", "u", "us"] {
        forms.push(BASE64.encode(format!("{before}{KEY}").as_bytes()));
    }
    forms
}

#[test]
fn blocks_cut_at_every_byte() {
    let masker = masker(&[KEY, "another-Secret-17"]);
    for form in forms() {
        for first in 1..form.len() {
            for second in [first, (first + 3).min(form.len() - 1)] {
                let (one, rest) = form.split_at(first);
                let (two, three) = rest.split_at(second - first);
                let texts = [format!("a {one}"), two.to_owned(), format!("{three} b")];
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let (masked, count) = masker.mask_joined(&texts);
                assert!(count > 0, "{form} at {first}");
                let joined: String = masked
                    .iter()
                    .zip(&texts)
                    .map(|(new, old)| new.as_deref().unwrap_or(old))
                    .collect();
                assert!(joined.starts_with("a ") && joined.ends_with(" b"), "{joined}");
                for part in form.as_bytes()[4..form.len() - 4].windows(8) {
                    assert!(!joined.contains(std::str::from_utf8(part).unwrap()), "{joined}");
                }
            }
        }
    }
}

#[test]
fn blocks_that_hold_none_stay() {
    let masker = masker(&[KEY]);
    let long = "x".repeat(100_000);
    for texts in
        [vec![], vec![""], vec!["a", "b"], vec!["tst_key_", " 9f8e7d6c5b4a"], vec![&long, &long]]
    {
        let (masked, count) = masker.mask_joined(&texts);
        assert!(count == 0 && masked.iter().all(Option::is_none) && masked.len() == texts.len());
    }
}

#[test]
fn long_blocks_meet_only_at_their_ends() {
    let masker = masker(&[KEY]);
    let (one, other) = KEY.split_at(9);
    let filler = "é".repeat(50_000);
    let texts =
        [format!("{other}{filler}{one}"), format!("{other}{filler}{one}"), other.to_owned()];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (masked, count) = masker.mask_joined(&texts);
    assert_eq!(count, 4);
    assert_eq!(masked[0].as_deref().unwrap(), format!("{other}{filler}[masked]"));
    assert_eq!(masked[1].as_deref().unwrap(), format!("[masked]{filler}[masked]"));
    assert_eq!(masked[2].as_deref().unwrap(), "[masked]");
}

#[test]
fn messages_cut_at_every_byte() {
    let masker = masker(&[KEY, "another-Secret-17"]);
    for form in forms() {
        for cut in 1..form.len() {
            let (one, other) = form.split_at(cut);
            let mut tail = Tail::default();
            let mut told = String::new();
            for text in [&format!("a {one}"), &format!("{other} b")] {
                told.push_str(&masker.mask_next(&mut tail, text).0);
            }
            assert!(told.starts_with("a ") && told.ends_with(" b"), "{told}");
            // The ends of base64 mix with what stands beside it; a percent escape is three bytes.
            let known_max = if form.contains('%') { KNOWN_MAX * 3 + 2 } else { KNOWN_MAX + 4 };
            for part in form.as_bytes()[..form.len() - 4].windows(known_max + 1) {
                assert!(!told.contains(std::str::from_utf8(part).unwrap()), "{told}");
            }
        }
    }
    let mut tail = Tail::default();
    let letters =
        KEY.chars().map(|one| masker.mask_next(&mut tail, &one.to_string()).0.into_owned());
    let told: String = letters.collect();
    assert_eq!(
        told,
        format!("{}{}", KEY.split_at(KNOWN_MAX).0, "[masked]".repeat(KEY.len() - KNOWN_MAX))
    );
}

#[test]
fn ordinary_messages_stay() {
    let masker = masker(&[KEY, "hunter2!"]);
    let mut tail = Tail::default();
    for text in ["", "tst_key", " and more tst_", "keys", "hun", "the end", "é", "hunt is on"] {
        assert!(matches!(masker.mask_next(&mut tail, text), (Cow::Borrowed(_), 0)), "{text}");
    }
    assert_eq!(masker.mask_next(&mut tail, "hunt").0, "[masked]");
    assert_eq!(masker.mask_next(&mut tail, "er2!").0, "[masked]");
    assert_eq!(format!("{tail:?}"), "Tail(..)");
}
