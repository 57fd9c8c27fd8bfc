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
    for input in [&b""[..], b"\n", b"\r\n"] {
        check(input, Err(InputError::Empty));
    }
    for input in [&b"abc"[..], b"abc\n", b"abc\r\n", b"\n\n"] {
        check(input, Err(InputError::TooShort));
    }
    check(&[b'x'; 65_537], Err(InputError::TooLong));
    check(&[b'x'; 65_538], Err(InputError::TooLong));
    check(b"\xff\xfe\xfd\xfc", Err(InputError::NotText));
}

#[test]
fn one_line_end_is_the_enter_keys() {
    check(b"abcd", Ok("abcd"));
    check(b"abcd\n", Ok("abcd"));
    check(b"abcd\r\n", Ok("abcd"));
    check(b"abcd\n\n", Ok("abcd\n"));
    check(b"abcd\r", Ok("abcd\r"));
    check(b" ab\ncd \n", Ok(" ab\ncd "));
    check("sch\u{fc}ssel\n".as_bytes(), Ok("sch\u{fc}ssel"));
    let longest = [b'x'; 65_536];
    check(&longest, Ok(std::str::from_utf8(&longest).unwrap()));
    check(&[&longest[..], b"\n"].concat(), Ok(std::str::from_utf8(&longest).unwrap()));
}

#[test]
fn nothing_prints_it() {
    assert_eq!(format!("{:?}", SecretText::from_input(b"hunter2!").unwrap()), "SecretText(..)");
}
