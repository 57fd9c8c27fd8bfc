//! Forms of credentials: made-up ones, put together here so that no scanner takes them for real.

use super::{FORMS, Forms};

/// A made-up text of this length over an alphabet.
fn made_up(alphabet: &str, length: usize) -> String {
    alphabet.chars().cycle().skip(5).step_by(7).take(length).collect()
}

const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABC";
const HEX: &str = "0123456789abcde";

/// For each form some that are masked whole.
fn samples() -> Vec<(&'static str, Vec<String>)> {
    let word = |length| made_up(WORD, length);
    let pem = |label: &str, newline: &str| {
        let lines = [word(64), word(64), word(20) + "=="].join(newline);
        format!("-----BEGIN {label}-----{newline}{lines}{newline}-----END {label}-----")
    };
    let key = "PRIVATE KEY";
    vec![
        ("AWS access key id", vec![format!("AK{}{}", "IA", made_up(UPPER, 16))]),
        (
            "AWS secret access key, behind its name",
            vec![
                format!("aws_secret_access_key = {}", word(40)).replace("aws_", ""),
                format!("SecretAccessKey\": \"{}", word(40)),
                format!("SecretAccessKey\\\":\\\"{}", word(40)),
            ],
        ),
        (
            "GitHub token",
            ["p", "o", "u", "s", "r"].map(|kind| format!("gh{kind}_{}", word(36))).into(),
        ),
        ("GitHub fine-grained token", vec![format!("github_{}_{}", "pat", word(82))]),
        ("GitLab token", ["pat", "rt", "dt"].map(|kind| format!("gl{kind}-{}", word(20))).into()),
        (
            "Slack token",
            ["b", "p", "a"]
                .map(|kind| format!("xox{kind}-{}-{}", made_up("1234567890", 12), word(24)))
                .into(),
        ),
        ("Slack webhook", vec![format!("hooks.slack{}T00/B00/{}", ".com/services/", word(24))]),
        ("Stripe key", ["sk", "rk"].map(|kind| format!("{kind}_{}_{}", "live", word(24))).into()),
        ("Stripe webhook secret", vec![format!("whsec_{}", word(32))]),
        ("OpenAI key", vec![format!("sk-{}-{}", "proj", word(48)), format!("sk-{}", word(48))]),
        ("Anthropic key", vec![format!("sk-{}-api03-{}", "ant", word(90))]),
        ("Google API key", vec![format!("AI{}{}", "za", word(35))]),
        ("Google OAuth client secret", vec![format!("GOCS{}-{}", "PX", word(28))]),
        ("Google access token", vec![format!("ya{}.{}", 29, word(60))]),
        ("npm token", vec![format!("npm_{}", word(36))]),
        ("PyPI token", vec![format!("pypi-{}{}", "AgEI", word(60))]),
        ("Hugging Face token", vec![format!("hf_{}", word(34))]),
        ("SendGrid key", vec![format!("SG.{}.{}", word(22), word(43))]),
        ("DigitalOcean token", vec![format!("dop_v1_{}", made_up(HEX, 64))]),
        ("HashiCorp Vault token", vec![format!("hvs.{}", word(24))]),
        ("Shopify token", vec![format!("shp{}_{}", "at", made_up(HEX, 32))]),
        ("Docker token", vec![format!("dckr_{}_{}", "pat", word(27))]),
        ("Databricks token", vec![format!("da{}{}", "pi", made_up(HEX, 32))]),
        ("Grafana token", vec![format!("gl{}_{}_{}", "sa", word(32), made_up(HEX, 8))]),
        ("Figma token", vec![format!("fi{}_{}", "gd", word(40))]),
        ("Postman key", vec![format!("PM{}-{}-{}", "AK", made_up(HEX, 24), made_up(HEX, 34))]),
        (
            "Discord webhook",
            vec![format!("discord{}123456789012345678/{}", ".com/api/webhooks/", word(68))],
        ),
        ("JSON Web Token", vec![format!("eyJ{}.eyJ{}.{}", word(20), word(40), word(43))]),
        (
            "private key in PEM",
            vec![
                pem(key, "\n"),
                pem(&format!("RSA {key}"), "\r\n"),
                pem(&format!("OPENSSH {key}"), "\\n"),
                pem(&format!("EC {key}"), "\\\\n"),
                pem(key, "\n").replacen(
                    "-\n",
                    "-\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\n",
                    1,
                ),
            ],
        ),
    ]
}

fn masked(text: &str) -> String {
    let mut found = Vec::new();
    Forms::common().unwrap().find(text.as_bytes(), &mut found);
    let mut out = text.to_owned();
    for range in found.into_iter().rev() {
        out.replace_range(range, "#");
    }
    out
}

#[test]
fn every_form_is_found_whole() {
    let samples = samples();
    let names: Vec<_> = samples.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, FORMS.iter().map(|form| form.name).collect::<Vec<_>>(), "a sample for each");
    for (name, samples) in samples {
        for sample in samples {
            assert_eq!(masked(&sample), "#", "{name}: {sample}");
            assert_eq!(masked(&format!("a \"{sample}\", b")), "a \"#\", b", "{name}: {sample}");
        }
    }
}

#[test]
fn each_form_is_found_by_its_own_expression() {
    for ((name, samples), form) in samples().into_iter().zip(FORMS) {
        let pattern = regex::bytes::Regex::new(&format!("^(?-u:{})$", form.pattern)).unwrap();
        for sample in samples {
            assert!(pattern.is_match(sample.as_bytes()), "{name}: {sample}");
        }
        assert!(form.source.starts_with("https://"), "{name}");
    }
}

#[test]
fn ordinary_text_is_not_touched() {
    for text in [
        "",
        "a task-list of 48 risks: sk-learn, xoxo-lovely, ghp_ is a prefix, AKIA is too",
        "task_test_driven_development_of_things disk_live_migration_of_hosts",
        "-----BEGIN PRIVATE KEY----- is how a key begins; -----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAAAAAAAAAAAAAAAAAAAAA\n-----END PUBLIC KEY-----",
        "eyJhbGciOiJub25lIn0 is a header. secret access key: none. SecretAccessKey=unset",
        "git sha 0123456789abcdef0123456789abcdef01234567, uuid 123e4567-e89b-12d3-a456-426614174000",
        "https://example.com/hooks.slack.com/services/help",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn any_bytes_are_searched_in_linear_time() {
    for piece in [
        "eyJ",
        "sk-",
        "-----BEGIN ",
        "xoxb-",
        "-----BEGIN PRIVATE KEY-----A",
        "AIza",
        "secret_access_key=",
    ] {
        let text = piece.repeat(2_000_000 / piece.len());
        let mut found = Vec::new();
        Forms::common().unwrap().find(text.as_bytes(), &mut found);
    }
}
