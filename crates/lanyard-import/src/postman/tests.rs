//! A collection with most of what collections have, and files that are none.

use expect_test::{expect, expect_file};

use crate::tests::accepted;
use crate::{Collected, ImportOptions, import_postman};

const SHOP: &str = include_str!("../../testdata/postman/shop.json");
const ENVIRONMENT: &str = include_str!("../../testdata/postman/shop-environment.json");

/// Everything that an import of many requests says.
pub(crate) fn told(collected: &Collected) -> String {
    let mut out = String::new();
    for server in &collected.servers {
        accepted(&server.draft.to_yaml());
        out.push_str(&crate::curl::told(server).replace("    description: \"\"\n", ""));
        out.push_str("=====\n");
    }
    for note in &collected.notes {
        out.push_str(&format!("{note}\n"));
    }
    out
}

#[test]
fn a_collection_becomes_servers() {
    let collected = import_postman(SHOP, Some(ENVIRONMENT), &ImportOptions::default()).unwrap();
    let told = told(&collected);
    expect_file!["../../testdata/postman/shop.txt"].assert_eq(&told);
    let debug = format!("{collected:?}");
    for value in ["tst-admin-key-0001", "tst-client-0002", "tst-bearer-0003", "/etc/passwd"] {
        assert!(!told.contains(value) && !debug.contains(value), "{value}");
    }
}

#[test]
fn without_its_environment_its_token_is_unset() {
    let options = ImportOptions { base_url: Some("https://h.example/b"), ..Default::default() };
    let collected = import_postman(SHOP, None, &options).unwrap();
    let found: Vec<&str> = collected
        .servers
        .iter()
        .flat_map(|server| &server.secrets)
        .map(|secret| secret.name.as_str())
        .collect();
    expect!["shop-admin shop-key login-shop-example-client-secret h-admin"]
        .assert_eq(&found.join(" "));
    let hosts: Vec<String> =
        collected.servers.iter().filter_map(|server| server.draft.name.clone()).collect();
    expect!["shop login-shop-example h"].assert_eq(&hosts.join(" "));
}

#[test]
fn what_is_no_collection_is_refused() {
    let mut out = String::new();
    for text in [
        "",
        "{\"info\": ",
        "[]",
        "{\"requests\": [], \"name\": \"old\"}",
        "{\"item\": 1}",
        "{\"openapi\": \"3.0.0\", \"paths\": {}}",
        "{\"item\": [\u{fdd0}]}",
        "{\"item\": [{\"name\": \"\\ufdd2x}}{{evil\\uFDD3\"}]}",
    ] {
        let error = import_postman(text, None, &ImportOptions::default()).unwrap_err();
        out.push_str(&format!("{error}\n"));
    }
    let error = import_postman(SHOP, Some("{"), &ImportOptions::default()).unwrap_err();
    out.push_str(&format!("{error}\n"));
    expect![[r#"
        1:1: the collection is no JSON: export it anew
        1:9: the collection is no JSON: export it anew
        1:1: this is no Postman collection: export one as "Collection v2.1"
        1:1: this is a collection of format 1: export it as "Collection v2.1"
        1:1: this is no Postman collection: export one as "Collection v2.1"
        1:1: this is no Postman collection: export one as "Collection v2.1"
        1:1: the collection holds characters that stand in no text
        1:1: the collection holds characters that stand in no text
        1:1: the environment is no JSON: export it anew
    "#]]
    .assert_eq(&out);
}

#[test]
fn odd_members_are_no_danger() {
    for text in [
        "{\"item\": [null, 1, \"x\", {}, {\"request\": null}, {\"request\": 1}, {\"item\": 3}]}",
        "{\"item\": [{\"request\": {\"url\": {\"raw\": 1, \"host\": 2, \"path\": [1, null]}}}]}",
        "{\"item\": [{\"request\": {\"url\": \"https://a.example\", \"method\": 1, \"header\": 7, \
         \"body\": {\"mode\": \"raw\", \"raw\": 1}, \"auth\": {\"type\": \"basic\"}}}]}",
        "{\"variable\": [{\"key\": \"a\", \"value\": \"{{b}}\"}, {\"key\": \"b\", \"value\": \
         \"{{a}}{{a}}\"}], \"item\": [{\"request\": \"https://{{a}}.example/{{b}}\"}]}",
    ] {
        let collected = import_postman(text, None, &ImportOptions::default()).unwrap();
        told(&collected);
    }
    let deep = "{\"item\":[".repeat(60) + &"]}".repeat(60);
    told(&import_postman(&deep, None, &ImportOptions::default()).unwrap());
}
