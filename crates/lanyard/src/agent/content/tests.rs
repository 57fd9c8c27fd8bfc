//! Results as data: what each output form prints of them.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::{OutputKind, images, render};

/// Every form of one result, the same texts told once.
#[track_caller]
fn check(result: Value, expected: Expect) {
    let forms = [
        ("auto", OutputKind::Auto),
        ("text", OutputKind::Text),
        ("markdown", OutputKind::Markdown),
        ("json", OutputKind::Json),
    ];
    let mut printed = Vec::<(String, String)>::new();
    for (name, kind) in forms {
        let text = render(&result, kind);
        match printed.iter_mut().find(|(_, before)| *before == text) {
            Some((names, _)) => names.push_str(&format!(" {name}")),
            None => printed.push((name.to_owned(), text)),
        }
    }
    let printed = printed.iter().map(|(names, text)| format!("[{names}]\n{text}\n"));
    expected.assert_eq(&printed.collect::<String>());
    let raw: Value = serde_json::from_str(&render(&result, OutputKind::Raw)).unwrap();
    assert_eq!(raw, result, "raw is the whole result");
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn text_stays_text_unless_json_is_asked_for() {
    check(
        json!({"content": [text("The sum is 5."), text("Really.")]}),
        expect![[r#"
            [auto text markdown]
            The sum is 5.
            Really.
            [json]
            {
              "content": [
                {
                  "type": "text",
                  "text": "The sum is 5."
                },
                {
                  "type": "text",
                  "text": "Really."
                }
              ]
            }
        "#]],
    );
}

#[test]
fn structured_and_json_answers_are_json_with_numbers_as_written() {
    check(
        json!({"content": [text(r#"{"t":36}"#)], "structuredContent": {"t": 36}}),
        expect![[r#"
            [auto json]
            {
              "t": 36
            }
            [text markdown]
            {"t":36}
        "#]],
    );
    check(
        json!({"content": [text("[1.50, 12345678901234567890123]")]}),
        expect![[r#"
            [auto json]
            [
              1.50,
              12345678901234567890123
            ]
            [text markdown]
            [1.50, 12345678901234567890123]
        "#]],
    );
    check(
        json!({"content": [text("1"), text("note"), text("2")]}),
        expect![[r#"
            [auto json]
            [
              1,
              2
            ]
            [text markdown]
            1
            note
            2
        "#]],
    );
}

#[test]
fn a_value_that_is_only_wrapped_is_unwrapped() {
    for wrapped in [json!({"json": [1], "more": 2}), json!({"data": [1]})] {
        assert_eq!(render(&json!({"structuredContent": wrapped}), OutputKind::Json), "[\n  1\n]");
    }
    let kept = json!({"structuredContent": {"data": 1, "more": 2}});
    assert_eq!(render(&kept, OutputKind::Json), "{\n  \"data\": 1,\n  \"more\": 2\n}");
}

#[test]
fn what_is_no_text_has_a_line_of_its_own() {
    check(
        json!({"content": [
            text("Here."),
            {"type": "image", "mimeType": "image/png", "data": "AAEC"},
            {"type": "audio", "mimeType": "audio/wav", "data": "AAE="},
            {"type": "resource_link", "uri": "demo://x.gz"},
            {"type": "resource", "resource": {"uri": "demo://b", "blob": "AA=="}},
            {"type": "resource", "resource": {"uri": "demo://m", "mimeType": "text/markdown", "text": "# M"}},
            {"type": "hologram"},
        ], "isError": true}),
        expect![[r##"
            [auto markdown]
            # M
            [text]
            Here.
            [image image/png, 3 bytes]
            [audio audio/wav, 2 bytes]
            [resource_link demo://x.gz]
            [Binary resource: demo://b]
            # M
            [hologram]
            [json]
            {
              "content": [
                {
                  "type": "text",
                  "text": "Here."
                },
                {
                  "type": "image",
                  "mimeType": "image/png",
                  "data": "AAEC"
                },
                {
                  "type": "audio",
                  "mimeType": "audio/wav",
                  "data": "AAE="
                },
                {
                  "type": "resource_link",
                  "uri": "demo://x.gz"
                },
                {
                  "type": "resource",
                  "resource": {
                    "uri": "demo://b",
                    "blob": "AA=="
                  }
                },
                {
                  "type": "resource",
                  "resource": {
                    "uri": "demo://m",
                    "mimeType": "text/markdown",
                    "text": "# M"
                  }
                },
                {
                  "type": "hologram"
                }
              ],
              "isError": true
            }
        "##]],
    );
}

#[test]
fn an_empty_result_is_printed_whole() {
    check(
        json!({"content": []}),
        expect![[r#"
            [auto text markdown json]
            {
              "content": []
            }
        "#]],
    );
}

#[test]
fn images_are_decoded_and_broken_ones_left_out() {
    let result = json!({"content": [
        {"type": "image", "mimeType": "image/jpeg", "data": "AAEC"},
        {"type": "image", "mimeType": "image/png", "data": "not base64"},
        {"type": "image", "mimeType": "image/../../x", "data": "AA=="},
    ]});
    let images = images(&result);
    let shown = images.iter().map(|image| (image.extension, image.bytes.len())).collect::<Vec<_>>();
    assert_eq!(shown, [("jpg", 3), ("bin", 1)]);
}
