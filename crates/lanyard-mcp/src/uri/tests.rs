//! Templates, the URIs that they give, and those that they do not.

use super::*;
use proptest::prelude::*;

#[test]
fn what_is_no_template_is_refused() {
    let long = "a".repeat(2049);
    let many = "{a}".repeat(33);
    for (template, error) in [
        ("a{b", UriTemplateError::Brace),
        ("a}b", UriTemplateError::Brace),
        ("a{b{c}}", UriTemplateError::Brace),
        ("{}", UriTemplateError::Expression),
        ("{=a}", UriTemplateError::Expression),
        ("{a:x}", UriTemplateError::Expression),
        ("{a,,b}", UriTemplateError::Expression),
        ("{a b}", UriTemplateError::Expression),
        (&long, UriTemplateError::Length),
        (&many, UriTemplateError::Variables),
    ] {
        assert_eq!(UriTemplate::parse(template).map(|_| ()), Err(error), "{template}");
    }
}

#[track_caller]
fn check(template: &str, fits: &[&str], does_not: &[&str]) {
    let parsed = UriTemplate::parse(template).unwrap();
    for uri in fits {
        assert!(parsed.matches(uri), "{template} {uri}");
    }
    for uri in does_not {
        assert!(!parsed.matches(uri), "{template} {uri}");
    }
}

#[test]
fn a_simple_variable_is_part_of_a_segment() {
    check(
        "db://{table}/rows/{id}",
        &["db://users/rows/1", "db://a%20b/rows/x.y"],
        &[
            "db://users/rows/",
            "db://a/b/rows/1",
            "db://users/rows/1/2",
            "db://users/rows/1?x",
            "xdb://users/rows/1",
            "db://a b/rows/1",
        ],
    );
    check("plain://a.b", &["plain://a.b"], &["plain://axb", "plain://a.b/", "plain://a.b\n"]);
    check("a{x,y}b", &["a1,2b", "a1b"], &["ab"]);
    check("a{x:3}", &["a123"], &["a1/2"]);
}

#[test]
fn operators_widen_what_fits() {
    check("file://{+path}", &["file:///a/b?c#d"], &["file://", "file:// a"]);
    check("a{#x}", &["a", "a#b/c"], &["ab"]);
    check("a{.x}", &["a", "a.b"], &["ab", "a."]);
    check("a{/x,y}", &["a", "a/b", "a/b/c"], &["a/b/c/d", "ab"]);
    check("a{/x*}", &["a/b/c/d"], &["a?b"]);
    check("a{;x,y}", &["a", "a;x=1;y=2", "a;x"], &["a;z=1"]);
    check("a{?x,y}", &["a", "a?x=1", "a?y=2&x="], &["a?z=1", "a?x", "a?x=1#y"]);
    check("a{?x*}", &["a?any=1&other=2"], &["a?"]);
    check("a?b=1{&x}", &["a?b=1", "a?b=1&x=2"], &["a?b=1&y=2"]);
}

#[test]
fn a_long_uri_fits_nothing() {
    check("a{+x}", &["ab"], &[&"a".repeat(9000)]);
}

#[test]
fn the_largest_template_compiles() {
    let list = (0..32).map(|index| format!("name{index}")).collect::<Vec<_>>().join(",");
    for operator in ["", "+", "#", ".", "/", ";", "?", "&"] {
        let template = UriTemplate::parse(&format!("a{{{operator}{list}}}")).unwrap();
        let _matches = template.matches("ab");
        assert!(template.compiled.get().unwrap().is_some(), "{operator}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(template in r"([a-z:/]|\{[+#./;?&]?[a-z,*]{0,5}\}?){0,12}", uri in "\\PC{0,30}") {
        if let Ok(template) = UriTemplate::parse(&template) {
            let _fits = template.matches(&uri);
        }
    }

    #[test]
    fn what_was_filled_in_fits(values in prop::collection::vec("[A-Za-z0-9._~-]{1,10}", 3)) {
        let template = UriTemplate::parse("x://{a}/{b}{?c}").unwrap();
        let uri = format!("x://{}/{}?c={}", values[0], values[1], values[2]);
        prop_assert!(template.matches(&uri), "{}", uri);
    }
}
