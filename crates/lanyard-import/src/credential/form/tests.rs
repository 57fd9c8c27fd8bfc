//! What has the form of a credential, made up here so that no scanner takes it for one, and what
//! has not.

use lanyard_core::credential::FORMS;

use super::{ALL, ANY, MORE, looks_like_live_credential};

const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678";
const HEX: &str = "0123456789abcde";

/// A made-up text of this length over an alphabet.
fn made_up(alphabet: &str, length: usize) -> String {
    alphabet.chars().cycle().skip(5).step_by(7).take(length).collect()
}

/// Some of each kind that only this crate looks for, and some common ones.
pub(crate) fn samples() -> Vec<(&'static str, String)> {
    let word = |length| made_up(WORD, length);
    let hex = |length| made_up(HEX, length);
    vec![
        ("GitHub token", format!("gh{}_{}", "p", word(36))),
        ("Stripe key", format!("sk_{}_{}", "live", word(24))),
        ("OpenAI key", format!("sk-{}-{}", "proj", word(48))),
        (
            "AWS access key id",
            format!("AK{}{}", "IA", made_up("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        ),
        ("JSON Web Token", format!("eyJ{}.eyJ{}.{}", word(20), word(40), word(43))),
        ("Slack token", format!("xox{}-123456789012-{}", "b", word(24))),
        ("Google API key", format!("AI{}{}", "za", word(35))),
        ("Shopify token", format!("shp{}_{}", "at", hex(32))),
        ("Telegram bot token", format!("123456789:{}", word(35))),
        ("Telegram bot token", format!("/bot123456789:{}", word(35))),
        ("Discord bot token", format!("M{}.{}.{}", word(24), word(6), word(30))),
        ("Airtable token", format!("pat{}.{}", word(14), hex(64))),
        ("Mailgun key", format!("key-{}", hex(32))),
        (
            "HubSpot token",
            format!("pat-na1-{}-{}-{}-{}-{}", hex(8), hex(4), hex(4), hex(4), hex(12)),
        ),
        ("Notion token", format!("ntn_{}", word(43))),
        ("Notion token", format!("secret_{}", word(43))),
        ("Linear key", format!("lin_api_{}", word(40))),
        ("Groq key", format!("gsk_{}", word(52))),
        ("Atlassian token", format!("ATATT3{}", word(180))),
        ("Brevo key", format!("xkeysib-{}-{}", hex(64), word(16))),
        ("value of an Authorization header", format!("Bearer {}7", word(30))),
        ("value of an Authorization header", format!("basic {}1==", word(30))),
        ("password in a URL", format!("postgres://app:{}@db.example/x", word(10))),
    ]
}

#[test]
fn every_form_compiles_and_has_a_sample() {
    assert_eq!(ALL.len(), FORMS.len() + MORE.len());
    assert!(ANY.is_some());
    for (name, _) in MORE {
        assert!(samples().iter().any(|(kind, _)| kind == name), "no sample of {name}");
    }
}

#[test]
fn credentials_are_told_by_their_kind() {
    for (kind, sample) in samples() {
        for text in [sample.clone(), format!("the key is \"{sample}\", keep it")] {
            assert_eq!(looks_like_live_credential(&text), Some(kind), "{text}");
        }
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
