//! What is taken as a credential.

use super::{InputError, SecretText};

#[track_caller]
fn check(input: &[u8], expected: Result<&str, InputError>) {
    let taken = SecretText::from_input(input);
    assert_eq!(
        taken.as_ref().map(SecretText::as_bytes),
        expected.as_ref().map(|text| text.as_bytes())
    );
}

#[test]
fn what_is_no_credential_is_refused() {
    for input in [&b""[..], b"\n", b"\r\n", b"\n\n", b"\r\n\r\n\n"] {
        check(input, Err(InputError::Empty));
    }
    for input in [&b"abc"[..], b"abc\n", b"abc\r\n", b"abc\n\n\n"] {
        check(input, Err(InputError::TooShort));
    }
    check(&[b'x'; 65_537], Err(InputError::TooLong));
    check(&[b'x'; 65_538], Err(InputError::TooLong));
    check(b"\xff\xfe\xfd\xfc", Err(InputError::NotText));
    for input in
        ["      ", "\t\t\t\t", " \n \n \n x".trim_end_matches('x'), "\u{a0}\u{2003}\u{3000}"]
    {
        check(input.as_bytes(), Err(InputError::Blank));
    }
    let control = [
        "abcd\0efgh",
        "\0abcd",
        "abcd\0",
        "abcd\u{1b}[31m",
        "abcd\u{7f}",
        "abcd\u{85}",
        "ab\rcd",
        "abcd\r\r\nx",
    ];
    for input in control {
        check(input.as_bytes(), Err(InputError::Control));
    }
}

#[test]
fn where_one_line_is_asked_for_there_is_one() {
    let check = |input: &str, expected: Result<&str, InputError>| {
        let taken = SecretText::from_line(input.as_bytes());
        assert_eq!(
            taken.as_ref().map(SecretText::as_bytes),
            expected.as_ref().map(|text| text.as_bytes()),
            "{input:?}"
        );
    };
    check("abcd", Ok("abcd"));
    check("abcd\r\n\r\n", Ok("abcd"));
    check("abcd\r\nefgh", Err(InputError::Lines));
    check("abcd\nefgh", Err(InputError::Lines));
    check("abcd\refgh", Err(InputError::Control));
    check("     ", Err(InputError::Blank));
}

#[test]
fn line_ends_at_the_end_are_the_enter_keys_or_an_editors() {
    check(b"abcd", Ok("abcd"));
    check(b"abcd\n", Ok("abcd"));
    check(b"abcd\r\n", Ok("abcd"));
    check(b"abcd\n\n", Ok("abcd"));
    check(b"abcd\r\n\r\n", Ok("abcd"));
    check(b"abcd\r", Ok("abcd"));
    check(b" ab\ncd \n", Ok(" ab\ncd "));
    check(b"ab\r\n\tcd\r\n", Ok("ab\r\n\tcd"));
    check("sch\u{fc}ssel\n".as_bytes(), Ok("sch\u{fc}ssel"));
    let longest = [b'x'; 65_536];
    check(&longest, Ok(std::str::from_utf8(&longest).unwrap()));
    check(&[&longest[..], b"\n"].concat(), Ok(std::str::from_utf8(&longest).unwrap()));
}

#[test]
fn nothing_prints_it() {
    assert_eq!(format!("{:?}", SecretText::from_input(b"hunter2!").unwrap()), "SecretText(..)");
}
