//! A recording as browsers save it, and files that are none.

use expect_test::{expect, expect_file};

use crate::postman::told;
use crate::{ImportOptions, import_har};

#[test]
fn a_recording_becomes_a_server_for_each_origin() {
    let har = include_str!("../../testdata/har/app.har");
    let options = ImportOptions { path_ids: true, ..ImportOptions::default() };
    let collected = import_har(har, &options).unwrap();
    let told = told(&collected);
    expect_file!["../../testdata/har/app.txt"].assert_eq(&told);
    assert!(!told.contains("tst-") && !format!("{collected:?}").contains("tst-"));
    let values: Vec<&str> = collected
        .servers
        .iter()
        .flat_map(|server| &server.secrets)
        .map(|secret| secret.value.expose())
        .collect();
    expect!["tst-har-token-2 | csrf=tst-csrf-1; lang=en | tst-password-1"]
        .assert_eq(&values.join(" | "));
}

#[test]
fn what_is_no_recording_is_refused() {
    let mut out = String::new();
    for text in ["", "{\"log\": {}}", "[1]", "{\"log\":{\"entries\":[}}"] {
        let error = import_har(text, &ImportOptions::default()).unwrap_err();
        out.push_str(&format!("{error}\n"));
    }
    expect![[r#"
        1:1: the recording is no JSON: export it anew
        1:1: this is no HAR: save one from the network page of a browser's tools
        1:1: this is no HAR: save one from the network page of a browser's tools
        1:20: the recording is no JSON: export it anew
    "#]]
    .assert_eq(&out);
}

#[test]
fn odd_members_are_no_danger() {
    for entry in [
        "null",
        "{\"request\": 1}",
        "{\"request\": {\"url\": \"https://a.example/x\", \"method\": \"GET\", \"headers\": {}, \
         \"postData\": {\"mimeType\": \"application/json\", \"params\": 3}}}",
        "{\"request\": {\"url\": \"https://[::1]:9/%ff\", \"method\": \"POST\"}}",
        "{\"request\": {\"url\": \"https://a b/\", \"method\": \"POST\"}}",
    ] {
        let har = format!("{{\"log\": {{\"entries\": [{entry}]}}}}");
        told(&import_har(&har, &ImportOptions::default()).unwrap());
    }
}
