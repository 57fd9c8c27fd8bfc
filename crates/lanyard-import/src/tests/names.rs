//! Names are what models and clients take, each only once, and descriptions are short.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use crate::{Names, argument_name, describe, server_name, shorten, tool_name};

#[track_caller]
fn check(make: fn(&str) -> String, given: &[&str], expected: Expect) {
    let made: Vec<String> =
        given.iter().map(|text| format!("{text} -> {}\n", make(text))).collect();
    expected.assert_eq(&made.concat());
}

#[test]
fn tools_arguments_and_servers_are_named() {
    let long = "x".repeat(80);
    check(
        tool_name,
        &["getPet", "pets/list", "Pets.List All!", "__x", "ß", "", &long],
        expect![[r#"
            getPet -> getPet
            pets/list -> pets_list
            Pets.List All! -> Pets_List_All
            __x -> __x
            ß -> tool
             -> tool
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx -> xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_1879e320
        "#]],
    );
    check(
        argument_name,
        &["id", "filter[name]", "$top", "X-Request-Id", "a.b", "@type", "[]"],
        expect![[r#"
            id -> id
            filter[name] -> filter_name
            $top -> top
            X-Request-Id -> X-Request-Id
            a.b -> a.b
            @type -> type
            [] -> value
        "#]],
    );
    check(
        server_name,
        &["Swagger Petstore - OpenAPI 3.0", "GitHub v3 REST API", "Ünïcode", "!"],
        expect![[r#"
            Swagger Petstore - OpenAPI 3.0 -> swagger-petstore-openapi-3-0
            GitHub v3 REST API -> github-v3-rest-api
            Ünïcode -> n-code
            ! -> api
        "#]],
    );
}

#[test]
fn a_name_that_is_taken_gets_what_tells_its_bearer() {
    let mut names = Names::default();
    assert_eq!(names.take("get_pet", "GET /pet"), "get_pet");
    let second = names.take("getPet", "GET /pets/one");
    assert!(second.starts_with("getPet_") && second.len() == 15, "{second}");
    let mut other = Names::default();
    assert!(other.keep("GETPET"));
    assert_eq!(other.take("getPet", "GET /pets/one"), second);
    assert!(!other.keep("get-pet"));
    // The same bearer twice is still two names.
    assert_ne!(other.take("getPet", "GET /pets/one"), second);
}

#[test]
fn descriptions_are_short_and_the_whole_is_kept() {
    let text = "<p>Lists <b>pets</b>, see [the guide](https://h.example/x). More.</p>\r\n\r\nRest.";
    let described = describe(Some("List pets."), Some(text));
    assert_eq!(described.short, "List pets - Lists pets , see the guide. More. Rest.");
    assert_eq!(described.long, None);
    assert_eq!(
        describe(Some("List pets"), Some("List pets of a user.")).short,
        "List pets of a user."
    );
    let first = "A first sentence that is long enough to stand for itself. ";
    let described = describe(None, Some(&format!("{first}{}", "word ".repeat(100))));
    assert_eq!(described.short, first.trim());
    assert!(described.long.unwrap().ends_with("word"));
    assert_eq!(shorten("a < b and c > d", 100), "a < b and c > d");
    assert_eq!(shorten("one two three four", 12), "one two…");
}

proptest! {
    #[test]
    fn any_text_makes_a_name(text in ".{0,200}") {
        for name in [tool_name(&text), Names::default().take(&tool_name(&text), &text)] {
            prop_assert!(lanyard_core::ToolName::parse(&name).is_ok() && name.len() <= 56, "{}", name);
        }
        prop_assert!(lanyard_core::ServerName::parse(&server_name(&text)).is_ok());
        let argument = argument_name(&text);
        prop_assert!((1..=64).contains(&argument.len()));
        prop_assert!(argument.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)));
    }

    #[test]
    fn any_text_is_shortened(text in ".{0,900}", max in 1..400_usize) {
        let short = shorten(&text, max);
        prop_assert!(short.chars().count() <= max && !short.contains(char::is_control));
        let described = describe(Some(&text), Some(&text));
        prop_assert!(described.short.chars().count() <= 300);
    }
}
