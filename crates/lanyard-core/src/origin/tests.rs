//! Origins: spellings that must be refused, and spellings that mean the same.

use super::*;
use expect_test::{Expect, expect};

#[track_caller]
fn check(url: &str, expected: Expect) {
    let actual = match Origin::split_url(url) {
        Ok((origin, rest)) => format!("{origin} then {rest:?}"),
        Err(error) => format!("refused: {error}"),
    };
    expected.assert_eq(&actual);
}

#[test]
fn what_could_be_read_two_ways_is_refused() {
    check(
        "https://api.example.com@evil.com/p",
        expect!["refused: an origin holds no user or password"],
    );
    check("https://good.com\\@evil.com/", expect!["refused: an origin holds no user or password"]);
    check(
        "https://good.com\\.evil.com/",
        expect![
            "refused: `good.com\\.evil.com` is not a host name (write an international name in its xn-- form)"
        ],
    );
    check(
        "https://0x7f000001/",
        expect![
            "refused: `0x7f000001` is not a host name (write an international name in its xn-- form)"
        ],
    );
    check(
        "https://127.1/",
        expect![
            "refused: `127.1` is not a host name (write an international name in its xn-- form)"
        ],
    );
    check(
        "https://2130706433/",
        expect![
            "refused: `2130706433` is not a host name (write an international name in its xn-- form)"
        ],
    );
    check(
        "https://exämple.com/",
        expect![
            "refused: `exämple.com` is not a host name (write an international name in its xn-- form)"
        ],
    );
    check("https://a.com:0/", expect!["refused: `0` is not a port"]);
    check("https://a.com:+80/", expect!["refused: `+80` is not a port"]);
    check(
        "https:///p",
        expect!["refused: `` is not a host name (write an international name in its xn-- form)"],
    );
    check("ftp://a.com/", expect!["refused: an origin starts with http:// or https://"]);
    check("//a.com/", expect!["refused: an origin starts with http:// or https://"]);
}

#[test]
fn one_normal_form() {
    check(
        "HTTPS://API.Example.COM:443/v1?x=1",
        expect![[r#"https://api.example.com then "/v1?x=1""#]],
    );
    check("http://[::1]:8080", expect![[r#"http://[::1]:8080 then """#]]);
    check("http://127.0.0.1:80/", expect![[r#"http://127.0.0.1 then "/""#]]);
    check("https://a.com.?q", expect![[r#"https://a.com then "?q""#]]);
}
