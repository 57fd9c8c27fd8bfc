//! Masking what a template made, where no server is needed to see it.

use std::sync::Arc;

use expect_test::{Expect, expect};
use lanyard_core::{SecretName, TenantName};
use lanyard_rest::{Content, ToolResult};
use lanyard_vault::{
    Masker, MasterKey, SealedVersion, SecretEntry, SecretPlace, SecretText, Vault,
};

use super::mask_result;

fn masker(value: &str) -> Masker {
    let (tenant, name) = (TenantName::default_tenant(), SecretName::parse("pin").unwrap());
    let master = Arc::new(MasterKey::ephemeral().unwrap());
    let place = SecretPlace { tenant: &tenant, name: &name, version: 1 };
    let text = SecretText::from_input(value.as_bytes()).unwrap();
    let sealed = master.seal(&place, &text).unwrap();
    let entry = SecretEntry {
        tenant: tenant.clone(),
        name: name.clone(),
        bound: Vec::new(),
        current: Some(SealedVersion { number: 1, sealed }),
        retained: Vec::new(),
    };
    Vault::build(&master, vec![entry]).unwrap().masker(&tenant, &[name])
}

#[track_caller]
fn check(secret: &str, text: &str, structured: &str, expected: Expect) {
    let result = ToolResult {
        content: vec![Content::Text(text.to_owned())],
        structured: Some(structured.to_owned()),
        is_error: false,
    };
    let (result, count) = mask_result(&masker(secret), result, None);
    expected.assert_eq(&format!("{:?} {:?} {count}", result.content, result.structured));
}

#[test]
fn a_key_outside_of_a_string_becomes_one() {
    check(
        "90817263544536271809",
        "pin 90817263544536271809",
        r#"{"pin":90817263544536271809}"#,
        expect![[r#"[Text("pin [masked]")] Some("{\"pin\":\"[masked]\"}") 2"#]],
    );
}

#[test]
fn a_key_inside_a_string_leaves_valid_structured_content() {
    check(
        "90817263544536271809",
        "nothing",
        r#"{"pin":"90817263544536271809"}"#,
        expect![[r#"[Text("nothing")] Some("{\"pin\":\"[masked]\"}") 1"#]],
    );
}

#[test]
fn what_holds_no_key_stays_as_it_is() {
    check("tst_key", "a", "{\"a\": 1.50}", expect![[r#"[Text("a")] Some("{\"a\": 1.50}") 0"#]]);
}
