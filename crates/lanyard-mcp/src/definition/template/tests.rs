//! Where a reference begins and ends.

use super::*;
use expect_test::{Expect, expect};

#[track_caller]
fn check(text: &str, expected: Expect) {
    let actual = match Template::parse(text) {
        Ok(template) => {
            assert_eq!(template.to_string(), text, "a template is written as it was read");
            let parts: Vec<String> = template
                .parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => format!("{text:?}"),
                    Part::Secret(name) => format!("<{name}>"),
                })
                .collect();
            parts.join(" ")
        }
        Err(error) => format!("refused: {error}"),
    };
    expected.assert_eq(&actual);
}

#[test]
fn what_is_no_name_is_refused_without_being_repeated() {
    for text in ["secret://", "secret://Tok", "secret://my_tok", "x secret://-a", "secret://toké"]
    {
        assert_eq!(Template::parse(text), Err(TemplateError::Name), "{text}");
    }
    expect![
        "what follows `secret://` is no name of a secret: use 1 to 64 lower-case letters, digits and inner hyphens"
    ]
    .assert_eq(&TemplateError::Name.to_string());
}

#[test]
fn a_reference_ends_with_its_name() {
    check("", expect![""]);
    check("plain", expect![[r#""plain""#]]);
    check("secret://tok", expect!["<tok>"]);
    check("Bearer secret://tok", expect![[r#""Bearer " <tok>"#]]);
    check("a=secret://x-1; b=secret://y", expect![[r#""a=" <x-1> "; b=" <y>"#]]);
    check("secret://a-secret://b", expect![[r#"<a> "-" <b>"#]]);
    check("secret://a:secret://b/", expect![[r#"<a> ":" <b> "/""#]]);
}

#[test]
fn secrets_are_put_in_or_the_whole_fails() {
    let template = Template::parse("a secret://x b secret://y").unwrap();
    let open = |name: &SecretName| if name.as_str() == "x" { Ok("1".to_owned()) } else { Err(2) };
    assert_eq!(template.render(&open), Err(2));
    let open = |name: &SecretName| Ok::<_, ()>(name.as_str().to_uppercase());
    assert_eq!(template.render(&open), Ok("a X b Y".to_owned()));
}

#[test]
fn debug_shows_no_text() {
    let template = Template::parse("tst_value secret://x").unwrap();
    assert_eq!(format!("{template:?}"), "Template { parts: [Text(..), Secret(x)] }");
}
