//! URLs: what they lead to, and what is not read.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, scheme: &str, host: &str, port: i64, path: &str) {
    let read = url(text);
    assert!(read.parsed, "{text}");
    assert_eq!(
        (read.scheme.as_str(), read.host.as_str(), read.port, read.path.as_str()),
        (scheme, host, port, path),
        "{text}"
    );
}

#[test]
fn ordinary_urls_are_read() {
    check("https://example.com", "https", "example.com", 443, "/");
    check("HTTPS://Example.COM./a/b?c=d#e", "https", "example.com", 443, "/a/b");
    check("http://example.com:8080/", "http", "example.com", 8080, "/");
    check("http://example.com:/x", "http", "example.com", 80, "/x");
    check("http://10.0.0.1/x", "http", "10.0.0.1", 80, "/x");
    check("http://[::1]:90/x", "http", "[::1]", 90, "/x");
    check("http://[0:0:0:0:0:0:0:1]/x", "http", "[::1]", 80, "/x");
    check("https://xn--bcher-kva.example/", "https", "xn--bcher-kva.example", 443, "/");
    check("https://a.example/%61dmin/../x/./y", "https", "a.example", 443, "/x/y");
    check("https://a.example/%2e%2e/x/..", "https", "a.example", 443, "/");
    check("https://a.example/a%20b//c/", "https", "a.example", 443, "/a%20b//c/");
    check("file:///etc/passwd", "file", "", 0, "/etc/passwd");
    check("s3://bucket/key", "s3", "bucket", 0, "/key");
    assert!(url("https://user:pass@example.com/").user_info);
    assert_eq!(url("https://good.example@evil.example/").host, "evil.example");
}

#[test]
fn what_clients_read_differently_is_not_read() {
    let odd = [
        "",
        "example.com",
        "//example.com/x",
        "https:example.com",
        "https:/example.com",
        "https:///example.com",
        "https://",
        "https://?x",
        "javascript:alert(1)",
        "mailto:a@b.example",
        " https://example.com",
        "https://example.com ",
        "https://exa mple.com",
        "https://exam\tple.com",
        "https://example.com\n",
        "https://example.com\\@evil.example",
        "https:\\\\evil.example",
        "https://a@b@c.example/",
        "https://2130706433/",
        "https://127.1/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://1.2.3.0x/",
        "https://bücher.example/",
        "https://ⓔxample.com/",
        "https://example。com/",
        "https://exam%70le.com/",
        "https://example..com/",
        "https://.example.com/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
        "https://::1/",
        "https://example.com:99999/",
        "https://example.com:8o/",
        "https://example.com:+80/",
        "1http://example.com/",
        "ht_tp://example.com/",
        "https://example.com/a%2fb",
        "https://example.com/a%5cb",
        "https://example.com/%00",
        "https://example.com/%0d%0a",
        "https://example.com/%252e",
        "https://example.com/%",
        "https://example.com/%zz",
        "https://example.com/%+1",
    ];
    for text in odd {
        assert_eq!(url(text), Url::default(), "{text:?}");
    }
    assert!(!url(&format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX))).parsed);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in any::<String>()) {
        drop(url(&text));
    }

    #[test]
    fn nothing_near_a_url_makes_it_panic(text in "[a-b:/@%.?#\\[\\]0-2é]{0,24}") {
        drop(url(&text));
        drop(url(&format!("http://{text}")));
    }

    #[test]
    fn a_host_is_only_what_a_host_is_made_of(text in "[a-c.@:/?#x0-9-]{0,24}") {
        let read = url(&format!("https://{text}"));
        let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, '.' | '-');
        prop_assert!(!read.parsed || (!read.host.is_empty() && read.host.chars().all(plain)));
    }
}
