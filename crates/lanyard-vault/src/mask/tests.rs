//! Masking: every form in which an upstream may echo a credential, and nothing else.

use std::borrow::Cow;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use proptest::prelude::*;

use super::{Index, Masker, Needles};

mod join;
mod json;

fn masker(secrets: &[&str]) -> Masker {
    let needles: Vec<_> = secrets.iter().map(|secret| Arc::new(Needles::new(secret))).collect();
    Masker::new(Arc::new(Index::new(needles.clone())), needles.into_iter())
}

#[track_caller]
fn check(secrets: &[&str], text: &str, expected: &str, count: u64) {
    let (masked, counted) = masker(secrets).mask(text.as_bytes()).clone();
    assert_eq!((String::from_utf8_lossy(&masked).as_ref(), counted), (expected, count), "{text}");
    assert_eq!(counted == 0, matches!(masked, Cow::Borrowed(_)), "unchanged is not copied");
}

const KEY: &str = "sk-Test/42+\"q\\=é";

#[test]
fn what_holds_no_credential_stays_as_it_is() {
    for text in [
        "",
        "s",
        "sk-Test/42",
        r#"{"a":"\u0073\n\/\\","b":"%73%zz%","c":"&amp;&#x73;&x;&"}"#,
        "\\",
        "%",
        "&",
        "\\u",
        "\\u00",
        "%7",
        "&#;",
        "&#x;",
        "&#99999999999;",
        "SK-TEST/42+\"Q\\=é",
    ] {
        check(&[KEY], text, text, 0);
        check(&[], text, text, 0);
    }
}

#[test]
fn the_value_itself() {
    check(&["hunter2!"], "hunter2!", "[masked]", 1);
    check(&["hunter2!"], "a hunter2! b hunter2!hunter2!", "a [masked] b [masked][masked]", 3);
    check(&[KEY], &format!("Bearer {KEY}."), "Bearer [masked].", 1);
    check(&["aaaa"], "aaaaaaaaaa", "[masked][masked]aa", 2);
    let (masked, count) = masker(&["hunter2!"]).mask(b"\xff\x00hunter2!\xfe").clone();
    assert_eq!((&*masked, count), (&b"\xff\x00[masked]\xfe"[..], 1));
}

#[test]
fn base64_at_any_alignment() {
    for before in ["", "u", "us", "user:", "user:x", "user:xy"] {
        for after in ["", "a", "ab", "abc"] {
            let whole = format!("{before}hunter2!{after}");
            for encoding in [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD] {
                let encoded = encoding.encode(whole.as_bytes());
                let (masked, count) = masker(&["hunter2!"]).mask(encoded.as_bytes()).clone();
                assert_eq!(count, 1, "{whole}");
                // At most the characters at the ends, which mix with neighbours, are left.
                let around = encoded.len() - (64 / 6 - 1);
                assert!(masked.len() <= around + "[masked]".len(), "{encoded}");
            }
        }
    }
    check(&["hunter2!"], "Basic dXNlcjpodW50ZXIyIQ==", "Basic dXNlcjp[masked]Q==", 1);
    // The alphabets differ where the bits are all set.
    check(&["~~~???>>>"], "fn5-Pz8_Pj4-", "[masked]", 1);
    check(&["~~~???>>>"], "fn5+Pz8/Pj4+", "[masked]", 1);
    check(&["~~~???>>>"], r"fn5+Pz8\/Pj4+", "[masked]", 1);
    check(&["~~~???>>>"], "fn5%2BPz8%2fPj4%2B", "[masked]", 1);
}

#[test]
fn hexadecimal() {
    check(&["hunter2!"], "x68756e7465723221x", "x[masked]x", 1);
    check(&["zzo!"], "7A7A6F21", "[masked]", 1);
}

#[test]
fn percent_escapes_in_any_mixture() {
    for text in [
        "%68%75%6e%74%65%72%32%21",
        "%68unter2%21",
        "h%75nter2!",
        "hunte%722!",
        "%68%75%6E%74%65%72%32%21",
        "%2568unter2!",
    ] {
        check(&["hunter2!"], &format!("?k={text}&b"), "?k=[masked]&b", 1);
    }
    check(&["sch\u{fc}ssel"], "sch%C3%BCssel sch%c3%bcssel", "[masked] [masked]", 2);
    // Forms write a blank as `+`.
    check(&["two words!"], "k=two+words%21&k=two%20words!", "k=[masked]&k=[masked]", 2);
    // A value that looks escaped itself.
    check(
        &["a%41/b%zz"],
        r#"a%41/b%zz a%41\/b%zz a%2541%2Fb%25zz"#,
        "[masked] [masked] [masked]",
        3,
    );
}

#[test]
fn json_escapes_in_any_mixture() {
    for text in [
        r"sk-Test/42+\u0022q\\=é",
        r#"sk-Test\/42+\"q\\=\u00e9"#,
        r#"\u0073k-Test\u002F42+\"q\u005c=\u00E9"#,
    ] {
        check(&[KEY], &format!(r#"{{"k":"{text}"}}"#), r#"{"k":"[masked]"}"#, 1);
    }
    // A JSON text inside a JSON string.
    check(
        &[KEY],
        r#"{"k":"{\"k\":\"sk-Test\\/42+\\\"q\\\\=\\u00e9\"}"}"#,
        r#"{"k":"{\"k\":\"[masked]\"}"}"#,
        1,
    );
    check(&["line1\nline2"], r#""line1\nline2""#, r#""[masked]""#, 1);
    check(&["key-\u{1f511}-x"], r#""key-\ud83d\udd11-x""#, r#""[masked]""#, 1);
    // A URL with the value, in JSON that escapes its percent signs.
    check(
        &["hunter2!"],
        r#""\u0025682hunter\u00252568unter2!""#,
        r#""\u0025682hunter[masked]""#,
        1,
    );
    check(&["hunter2!"], "%252525252568unter2!", "%252525252568unter2!", 0);
    check(&["hunter2!"], r#""\u002568unter2!""#, r#""[masked]""#, 1);
}

#[test]
fn html_escapes() {
    check(
        &["a<b>&'c\"/="],
        "<pre>a&lt;b&gt;&amp;&#39;c&quot;&#x2F;&#x3D;</pre>",
        "<pre>[masked]</pre>",
        1,
    );
    check(&["a'bcd"], "a&apos;bcd a&#X27;bcd a&#039;bcd", "[masked] [masked] [masked]", 3);
}

#[test]
fn an_escape_is_replaced_whole() {
    // The value begins or ends with what is the inside of an escape here.
    check(&["nabc"], r#""x\nabc""#, r#""x[masked]""#, 1);
    check(&["abc\\"], r#""abc\"def""#, r#""[masked]def""#, 1);
    check(&["e9ab"], r#""\u00e9ab""#, r#""[masked]""#, 1);
    check(&["d83d"], r#""\ud83d-\ud83d\ude00-""#, r#""[masked]-[masked]-""#, 2);
    // A backslash that is escaped itself begins no escape.
    check(&["nabc"], r#""x\\nabc""#, r#""x\\[masked]""#, 1);
}

#[test]
fn several_credentials_at_once() {
    check(&["abcdef", "defghi"], "-abcdefghi-", "-[masked]-", 1);
    check(&["abcdef", "ghijkl"], "-abcdefghijkl-", "-[masked][masked]-", 2);
    check(&["abcdef", "cdef"], "abcdef cdef", "[masked] [masked]", 2);
}

/// The stored value, and a part of it that the gateway sends or an upstream finds in it.
const PARTS: &[(&str, &str)] = &[
    // Blanks around it.
    (" hunter2! ", "hunter2!"),
    ("hunter2!\r\n", "hunter2!"),
    ("\t hunter2!", "hunter2!"),
    // A scheme word.
    ("bearer sk-abc", "sk-abc"),
    ("Bearer sk-abc", "sk-abc"),
    ("BEARER \t  sk-abc\n", "sk-abc"),
    ("Bearer\tsk-abc", "sk-abc"),
    ("basic hunter2!", "hunter2!"),
    ("Token hunter2!", "hunter2!"),
    ("token bearer hunter2!", "hunter2!"),
    // A pair.
    ("user:pass", "pass"),
    ("user:pa:ss", "pa:ss"),
    (" user: pass \n", "pass"),
    (":pass", "pass"),
    ("Basic user:pass", "pass"),
    ("Basic user:pass", "user:pass"),
    // A pair whose password is empty: the user is the key.
    ("sk-abc:", "sk-abc"),
    ("Basic c2stYWJjOg==", "sk-abc"),
    // The base64 of a pair, with and without padding, with and without the scheme.
    ("Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("Basic dXNlcjpwYXNz", "user:pass"),
    ("Basic dXNlcjpwYXNz", "pass"),
    ("bAsIc   dXNlcjpodW50ZXIyIQ==\n", "hunter2!"),
    ("Basic dXNlcjpodW50ZXIyIQ", "hunter2!"),
    ("dXNlcjpodW50ZXIyIQ==", "user:hunter2!"),
    ("dXNlcjpodW50ZXIyIQ==", "hunter2!"),
    ("Basic dTp-fn4_Pz8-Pj4", "~~~???>>>"),
    ("Basic dTp+fn4/Pz8+Pj4=", "~~~???>>>"),
    // `Basic` holds no pair.
    ("Basic aHVudGVyMiE=", "hunter2!"),
];

#[test]
fn a_part_of_a_credential_does_not_survive() {
    for (stored, part) in PARTS {
        for form in [
            (*part).to_owned(),
            BASE64_NOPAD.encode(part.as_bytes()),
            BASE64URL_NOPAD.encode(part.as_bytes()),
            HEXLOWER.encode(part.as_bytes()),
            HEXUPPER.encode(part.as_bytes()),
            escaped(part, &[1], percent),
            escaped(part, &[0], json_escaped),
            escaped(part, &[2], html),
        ] {
            let text = format!("{{\"k\":\"{form}\"}}");
            let (masked, count) = masker(&[stored]).mask(text.as_bytes());
            assert_eq!(count, 1, "{form} of {stored:?}");
            assert!(!contains(&masked, &form), "{form} of {stored:?}");
        }
        check(&[stored], &format!("<{part}>"), "<[masked]>", 1);
        check(&[stored], &format!("<{stored}>"), "<[masked]>", 1);
    }
}

#[test]
fn what_the_gateway_sends_does_not_survive() {
    for (stored, sent, expected) in [
        ("bearer   sk-abc", "Bearer sk-abc", "Bearer [masked]"),
        ("bearer sk-abc", "Bearer sk-abc", "Bearer [masked]"),
        ("basic  dXNlcjpwYXNz ", "Basic dXNlcjpwYXNz", "Basic [masked]"),
        ("user:pass", "Basic dXNlcjpwYXNz", "Basic [masked]"),
        (
            "user:pass",
            r#"{"user":"user","password":"pass"}"#,
            r#"{"user":"user","[masked]word":"[masked]"}"#,
        ),
    ] {
        let count = u64::try_from(expected.matches("[masked]").count()).unwrap();
        check(&[stored], sent, expected, count);
    }
}

#[test]
fn what_is_no_secret_part_stays_as_it_is() {
    for (stored, text) in [
        // Short parts, in no form.
        ("user:abc", "user abc YWJj 616263 %61bc"),
        ("Basic dXNlcjphYmM=", "user abc YWJj 616263"),
        ("bearer abc", "Bearer abc 616263"),
        ("abc:", "abc 616263"),
        ("  abc  ", "abc 616263"),
        // The user and the scheme are no secrets.
        ("user:pass", "Basic user"),
        ("Bearer sk-abc", "Bearer bearer token"),
        // Words that are no scheme, or not the first.
        ("two words", "words"),
        ("bearerhunter2", "hunter2"),
        ("Bearer", "Basic"),
        // Base64 of something else.
        ("aHVudGVyMiE=", "hunter2!"),
        ("Bearer aHVudGVyMiE=", "hunter2!"),
        ("Basic /////w==", "\u{fffd}"),
    ] {
        check(&[stored], text, text, 0);
    }
}

#[test]
fn long_credentials_too() {
    let long: String = ('!'..='~').cycle().take(3000).collect();
    check(&[&long], &format!("a{long}b"), "a[masked]b", 1);
    let encoded = BASE64.encode(format!("u:{long}").as_bytes());
    assert_eq!(masker(&[&long]).mask(encoded.as_bytes()).1, 1);
    let escaped = long.replace('\\', "\\\\").replace('"', "\\\"");
    check(&[&long], &format!("\"{escaped}\""), "\"[masked]\"", 1);
}

/// A credential as people have them, special characters included.
fn any_secret() -> impl Strategy<Value = String> {
    prop_oneof!["[!-~]{8,60}", "[A-Za-z0-9]{16,40}", "[ -~é-ü🔑]{8,30}"]
        // What is part of the replacement survives by its nature.
        .prop_filter("the replacement", |secret| !"[masked]".contains(secret.as_str()))
}

/// Each character raw or escaped, as the choices say.
fn escaped(text: &str, choices: &[u8], escape: fn(char, u8) -> String) -> String {
    let choices = choices.iter().cycle();
    text.chars().zip(choices).map(|(character, choice)| escape(character, *choice)).collect()
}

fn percent(character: char, choice: u8) -> String {
    if choice.is_multiple_of(3) && character != '%' {
        return character.to_string();
    }
    let mut bytes = [0; 4];
    let upper = choice % 3 == 1;
    let bytes = character.encode_utf8(&mut bytes).bytes();
    bytes.map(|byte| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") }).collect()
}

fn json_escaped(character: char, choice: u8) -> String {
    if choice.is_multiple_of(3) {
        let mut units = [0; 2];
        let units = character.encode_utf16(&mut units).iter();
        return units.map(|unit| format!("\\u{unit:04x}")).collect();
    }
    match character {
        '/' if choice % 3 == 1 => "\\/".to_owned(),
        '"' | '\\' => format!("\\{character}"),
        other => other.to_string(),
    }
}

fn html(character: char, choice: u8) -> String {
    match (character, choice % 3) {
        ('&', 0) => "&amp;".to_owned(),
        ('&', _) | (_, 1) => format!("&#{};", u32::from(character)),
        (_, 2) => format!("&#x{:X};", u32::from(character)),
        (other, _) => other.to_string(),
    }
}

/// Bytes before and after an escaped value. Not those that begin an escape: `\` before `\u0041`
/// means a backslash and the text `u0041`.
fn surroundings() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("begins an escape", |byte| !b"\\%&".contains(byte));
    prop::collection::vec(byte, 0..20)
}

fn contains(text: &[u8], part: &str) -> bool {
    memchr::memmem::find(text, part.as_bytes()).is_some()
}

/// The characters of a base64 text whose six bits are all those of `length` bytes, `before` bytes
/// from its beginning.
#[expect(clippy::arithmetic_side_effects, reason = "places within a short text")]
fn core(text: &str, before: usize, length: usize) -> String {
    let bits = before * 8..(before + length) * 8;
    let places = text.chars().enumerate();
    let inside = places.filter(|(at, _)| at * 6 >= bits.start && (at + 1) * 6 <= bits.end);
    inside.map(|(_, character)| character).collect()
}

proptest! {
    #[test]
    fn no_form_survives(
        secret in any_secret(),
        before in surroundings(),
        after in surroundings(),
        choices in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let bytes = secret.as_bytes();
        let masker = masker(&[&secret]);
        for form in [
            secret.clone(),
            BASE64.encode(bytes),
            BASE64URL.encode(bytes),
            HEXLOWER.encode(bytes),
            HEXUPPER.encode(bytes),
            escaped(&secret, &choices, percent),
            escaped(&secret, &choices, json_escaped),
            escaped(&escaped(&secret, &choices, json_escaped), &choices, percent),
            escaped(&escaped(&secret, &choices, percent), &choices, json_escaped),
            escaped(&escaped(&secret, &choices, json_escaped), &choices, json_escaped),
            escaped(&secret, &choices, html),
        ] {
            let text = [before.as_slice(), form.as_bytes(), &after].concat();
            let (masked, count) = masker.mask(&text);
            prop_assert!(count >= 1, "{}", form);
            prop_assert!(!contains(&masked, &form), "{}", form);
            prop_assert!(!contains(&masked, &secret), "{}", form);
        }
    }

    #[test]
    fn base64_of_more_than_the_secret_does_not_survive(
        secret in any_secret(),
        before in prop::collection::vec(any::<u8>(), 0..20),
        after in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let whole = [before.as_slice(), secret.as_bytes(), &after].concat();
        for encoding in [BASE64, BASE64URL] {
            let text = encoding.encode(&whole);
            let core = core(&text, before.len(), secret.len());
            let masked = masker(&[&secret]).mask(text.as_bytes()).0.into_owned();
            prop_assert!(!contains(&masked, &core));
            prop_assert!(contains(&masked, "[masked]"));
        }
    }

    #[test]
    fn other_texts_are_not_touched(secret in any_secret(), text in "\\PC{0,200}") {
        prop_assume!(!text.contains(&secret));
        let masker = masker(&[&secret]);
        let (masked, count) = masker.mask(text.as_bytes());
        prop_assert!(matches!(masked, Cow::Borrowed(_)));
        prop_assert_eq!((&*masked, count), (text.as_bytes(), 0));
    }

    #[test]
    fn any_bytes_are_masked_without_panic(
        secret in any_secret(), text in r#"[\\%&#ux;0-9a-fn"/ -]{0,80}"#,
        bytes in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _text = masker(&[&secret]).mask(text.as_bytes());
        let _bytes = masker(&[&secret]).mask(&bytes);
    }

    #[test]
    fn json_stays_json(
        secret in any_secret(), before in any::<String>(), after in any::<String>(),
        choices in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let quoted = |text: &str| {
            let quoted = serde_json::Value::from(text).to_string();
            quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap().to_owned()
        };
        let value = escaped(&secret, &choices, json_escaped);
        let text = format!("{{\"k\":\"{}{value}{}\"}}", quoted(&before), quoted(&after));
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        let masked = masker(&[&secret]).mask(text.as_bytes()).0.into_owned();
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&masked);
        let Ok(parsed) = parsed else { panic!("{}", String::from_utf8_lossy(&masked)) };
        prop_assert!(!parsed["k"].as_str().unwrap().contains(&secret));
    }

    /// Short values over few characters: they meet escapes in every way there is.
    #[test]
    fn json_stays_json_for_values_that_look_like_escapes(
        // Without a quote: a value with one can match across the end of a string, where it is not.
        secret in r"[nu\\0de/]{4,6}",
        units in prop::collection::vec(prop::sample::select(vec![
            r"\\", r#"\""#, r"\n", r"\/", r"\u0065", r"\ud83d\ude00", "n", "u", "0", "d", "e", "/",
        ]), 0..40),
    ) {
        let text = format!("{{\"k\":\"{}\"}}", units.concat());
        let masked = masker(&[&secret]).mask(text.as_bytes()).0.into_owned();
        // Outside of strings nothing may be taken for the value: `{"k":"` holds none of these.
        prop_assert!(
            serde_json::from_slice::<serde_json::Value>(&masked).is_ok(),
            "{} of {}", String::from_utf8_lossy(&masked), text
        );
    }
}
