//! Tests of `lines`.

use proptest::prelude::*;

use super::{LineSplitter, LineTooLong, push_line};

const BYTES_MAX: usize = 8;

/// Feeds the pieces, and says which lines came and how it ended.
fn split(pieces: &[&[u8]]) -> (Vec<String>, Result<Option<String>, LineTooLong>) {
    let mut splitter = LineSplitter::new(BYTES_MAX);
    let mut lines = Vec::new();
    let mut end = Ok(());
    for piece in pieces {
        end = splitter.feed(piece, &mut lines);
        if end.is_err() {
            break;
        }
    }
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (lines.into_iter().map(text).collect(), end.map(|()| splitter.finish().map(text)))
}

#[track_caller]
fn check(input: &str, lines: &[&str], end: Result<Option<&str>, LineTooLong>) {
    let (actual, last) = split(&[input.as_bytes()]);
    assert_eq!(actual, lines, "{input:?}");
    assert_eq!(last, end.map(|text| text.map(str::to_owned)), "{input:?}");
}

#[test]
fn a_line_past_the_limit_ends_the_stream() {
    let too_long = Err(LineTooLong { bytes_max: BYTES_MAX });
    check("123456789", &[], too_long);
    check("123456789\n", &[], too_long);
    check("12345678\r\n", &[], too_long);
    check("1\n2\n123456789\n3\n", &["1", "2"], too_long);
    check("12345678\n12345678", &["12345678"], Ok(Some("12345678")));
}

#[test]
fn lines() {
    check("", &[], Ok(None));
    check("{}\n", &["{}"], Ok(None));
    check("{}\r\n[]\n", &["{}", "[]"], Ok(None));
    check("\n \r\n\t\na\n", &["a"], Ok(None));
    check("a\rb\n", &["a\rb"], Ok(None));
    check("a\nb", &["a"], Ok(Some("b")));
    check("a\n  ", &["a"], Ok(None));
}

#[test]
fn a_message_is_one_line() {
    let mut out = Vec::new();
    push_line(&mut out, b"{\"a\":\n 1,\r\n\"b\":2}");
    push_line(&mut out, b"{}");
    assert_eq!(out, b"{\"a\":  1,  \"b\":2}\n{}\n");
}

proptest! {
    #[test]
    fn where_the_input_is_cut_does_not_matter(
        input in prop::collection::vec(prop::sample::select(b"ab \r\n".to_vec()), 0..60),
        cuts in prop::collection::vec(0_usize..60, 0..6),
    ) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(input.len())).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect();
        prop_assert_eq!(split(&pieces), split(&[&input]));
    }
}
