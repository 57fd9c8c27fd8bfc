//! What has the form of a credential, made up here so that no scanner takes it for one, and what
//! has not.

use super::*;

const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678";

/// A made-up text of this length over an alphabet.
fn made_up(alphabet: &str, length: usize) -> String {
    alphabet.chars().cycle().skip(5).step_by(7).take(length).collect()
}

#[test]
fn every_form_compiles_and_has_a_sample() {
    assert_eq!(ALL.len(), FORMS.len() + REQUEST_FORMS.len());
    assert!(ANY.is_some() && ANYWHERE.is_some());
    for (name, _) in REQUEST_FORMS {
        assert!(samples_for_test().iter().any(|(kind, _)| kind == name), "no sample of {name}");
    }
}

#[test]
fn credentials_are_told_by_their_kind() {
    for (kind, sample) in samples_for_test() {
        for text in [sample.clone(), format!("the key is \"{sample}\", keep it")] {
            assert_eq!(looks_like_live_credential(&text), Some(kind), "{text}");
            assert_eq!(live_credential(&text), Some(kind), "{text}");
            // Wherever it begins in raw JSON: as a value, a key, and on a line of its own.
            for json in [
                format!("{{\"a\":\"{sample}\"}}"),
                format!("{{\"{sample}\":1}}"),
                format!("{{\"a\":\"see:\\n{sample}\\nand\"}}"),
                format!("{{\"a\":\"{{\\\"b\\\":\\\"{sample}\\\"}}\"}}"),
            ] {
                assert!(json_may_hold_credential(&json), "{json}");
            }
        }
    }
}

#[test]
fn the_first_live_one_is_told_by_its_place() {
    let example = format!("ghp_{}", "x".repeat(36));
    for (kind, sample) in samples_for_test() {
        let before = format!("# {example}\nkey: ");
        for text in [format!("{before}{sample}"), format!("{before}{sample}\nor {sample}\n")] {
            let live = live_credential_under("a", &text);
            let at = before.len() + usize::from(sample.starts_with('/'));
            assert_eq!(live, Some(Live { kind, at }), "{text}");
        }
    }
    let (one, other) = ("sk_live_", "gsk_");
    let text = format!("é {other}{} {one}{}", made_up(WORD, 52), made_up(WORD, 24));
    assert_eq!(live_credential_under("a", &text), Some(Live { kind: "Groq key", at: 3 }));
    assert_eq!(live_credential_under("a", &example), None);
}

#[test]
fn a_name_tells_what_looks_like_nothing() {
    let key = made_up(WORD, 40);
    let rest = "é".repeat(100);
    for name in ["aws_secret_access_key", "SecretAccessKey", "x.SECRET_ACCESSKEY"] {
        for text in [key.clone(), format!(" '{key}' {rest}")] {
            let live = live_credential_under(name, &text);
            assert_eq!(live, Some(Live { kind: BEHIND_ITS_NAME, at: 0 }), "{name} {text}");
        }
        let later = format!("{rest} {key}");
        for text in [&later, &made_up(WORD, 39), "changeme", ""] {
            assert_eq!(live_credential_under(name, text), None, "{name} {text}");
        }
    }
    assert_eq!(live_credential_under("digest", &key), None);
}

#[test]
fn an_example_is_no_live_one() {
    for text in [
        format!("sk_{}_{}", "test", made_up(WORD, 24)),
        format!("rk_{}_{}", "test", made_up(WORD, 30)),
        format!("AKI{}", "AIOSFODNN7EXAMPLE"),
        format!("ghp_{}", "x".repeat(36)),
        format!("Bearer YOUR_{}", "TOKEN_1234567890123456"),
        "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11".to_owned(),
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==1234567890".to_owned(),
        "postgres://user:password@localhost/db".to_owned(),
        "https://me:<password>@example.com".to_owned(),
        "amqp://guest:${PASSWORD}@broker".to_owned(),
        "https://u:{{token}}@example.com".to_owned(),
    ] {
        assert_eq!(live_credential(&text), None, "{text}");
    }
    // A live one beside an example is one.
    let (_, live) = samples_for_test().swap_remove(0);
    let both = format!("not ghp_{} but {live}", "x".repeat(36));
    assert_eq!(live_credential(&both), Some("GitHub token"));
}

#[test]
fn escapes_hide_nothing() {
    for json in [r#"{"a":"\u0067hp"}"#, r#"{"a":"https:\/\/a"}"#] {
        assert!(json_may_hold_credential(json), "{json}");
    }
    for json in [r#"{"a":"line\nline\t\"x\""}"#, "{}", r#"{"a":"https://example.com/a:b@c"}"#] {
        assert!(!json_may_hold_credential(json), "{json}");
    }
}

#[test]
fn what_only_looks_random_is_none() {
    let image = format!("data:image/png;base64,iVBORw0KGgo{}", made_up(WORD, 4_000));
    let hex = "0123456789abcdef0123456789abcdef01234567";
    for text in [
        "",
        "123e4567-e89b-12d3-a456-426614174000",
        "urn:uuid:123e4567-e89b-12d3-a456-426614174000",
        hex,
        &hex.repeat(2),
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "cus_NffrFeUfNV2Hib ch_3MmlLrLkdIwHu7ix0snN0B15 pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "01HF7YAT00W6W7CM7N3W5FDXT4 V1StGXR8_Z5jdHi6B-myT 507f1f77bcf86cd799439011",
        "C123ABC456 U0G9QF9C6 T00000000/B00000000 1503435956.000247",
        &image,
        &made_up(WORD, 4_000),
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "https://user@example.com/path https://example.com:8443/a:b@c mailto:a@b.example",
        "postgres://app@db.example/x http://localhost:3000/@scope/name:tag@1",
        "the bearer of this letter; basic understanding is required",
        "Bearer of bad news about internationalisation-and-more",
        "sk-learn task-list disk_live_migration pat-a-cake key-value secret_santa_2026_list",
        "2026-11-22T12:30:00.123456Z 550e8400e29b41d4a716446655440000 4111 1111 1111 1111",
        "arn:aws:iam::123456789012:role/service-role/example-with-a-long-name",
        "gs://bucket/object s3://bucket/path/to/key?versionId=3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY",
        "bot123:abc 12:34:56 1234567890:short ntn_value gsk_x lin_api_doc",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ5dGVzdGtleXRlc3RrZXl0ZXN0a2V5dGVzdA user@host",
        "W/\"33a64df551425fcc55e4d42a148795d9f25f89d4\" d41d8cd98f00b204e9800998ecf8427e",
        "v1.2.3-rc.1+build.20261122 node_modules/@types/express-serve-static-core/index.d.ts",
    ] {
        assert_eq!(looks_like_live_credential(text), None, "{text}");
    }
}
