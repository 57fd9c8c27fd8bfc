//! What is known of credentials wherever they are looked for: the names they stand under, and the
//! forms of common ones, as data: each with the page on which its issuer or a standard describes it.

mod form;

pub use form::{
    Live, REQUEST_FORMS, json_may_hold_credential, live_credential, live_credential_under,
    looks_like_live_credential, samples_for_test,
};

use crate::spelling::words;

/// Words of a name whose value is a credential.
const WORDS: &[&str] = &[
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "keys",
    "passphrase",
    "passwd",
    "password",
    "pat",
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
];

/// Ends of names that are written without separators.
const ENDS: &[&str] =
    &["accesskey", "apikey", "authtoken", "password", "secret", "secretkey", "token"];

/// Whether a name is one of a credential: `X-API-Key`, `accessToken`, `DB_PASSWORD`. Doubt is a
/// yes: `MAX_TOKENS` is one too.
pub fn names_credential(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    ENDS.iter().any(|end| plain.ends_with(end))
        || words(name).iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The shortest run of letters and digits that is taken for a random one.
const RANDOM_CHARS_MIN: usize = 20;

/// A long run of letters and digits in which few repeat: words and versions are shorter, and
/// hyphens part them. Ids and hashes look like that too.
pub fn looks_random(value: &str) -> bool {
    if value.contains(char::is_whitespace) || value.contains("://") || value.starts_with(['/', '@'])
    {
        return false;
    }
    value.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
        let digits = run.bytes().filter(u8::is_ascii_digit).count();
        run.len() >= RANDOM_CHARS_MIN && digits >= 3 && digits < run.len() && distinct(run) >= 10
    })
}

fn distinct(run: &str) -> usize {
    let mut bytes: Vec<u8> = run.bytes().collect();
    bytes.sort_unstable();
    bytes.dedup();
    bytes.len()
}

/// The form of one kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// What it is.
    pub name: &'static str,
    /// What it looks like: an expression over bytes.
    pub pattern: &'static str,
    /// Who says so.
    pub source: &'static str,
}

/// The form that looks like nothing of its own.
const BEHIND_ITS_NAME: &str = "AWS secret access key, behind its name";

/// Every form that is looked for.
pub const FORMS: &[Form] = &[
    Form {
        name: "AWS access key id",
        pattern: r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
    },
    Form {
        name: BEHIND_ITS_NAME,
        pattern: r#"(?i:secret_?access_?key)[\\"']{0,4}\s{0,3}[:=]\s{0,3}[\\"']{0,4}[A-Za-z0-9/+]{40}\b"#,
        source: "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
    },
    Form {
        name: "GitHub token",
        pattern: r"\bgh[pousr]_[A-Za-z0-9]{36,251}",
        source: "https://github.blog/engineering/behind-githubs-new-authentication-token-formats/",
    },
    Form {
        name: "GitHub fine-grained token",
        pattern: r"\bgithub_pat_[A-Za-z0-9_]{50,244}",
        source: "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github",
    },
    Form {
        name: "GitLab token",
        pattern: r"\bgl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[A-Za-z0-9_-]{20,}",
        source: "https://docs.gitlab.com/security/tokens/",
    },
    Form {
        name: "Slack token",
        pattern: r"\bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{16,}",
        source: "https://docs.slack.dev/authentication/tokens",
    },
    Form {
        name: "Slack webhook",
        pattern: r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{24,}",
        source: "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
    },
    Form {
        name: "Stripe key",
        pattern: r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}",
        source: "https://docs.stripe.com/keys",
    },
    Form {
        name: "Stripe webhook secret",
        pattern: r"\bwhsec_[A-Za-z0-9+/=]{32,}",
        source: "https://docs.stripe.com/webhooks",
    },
    Form {
        name: "OpenAI key",
        pattern: r"\bsk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{48}\b)",
        source: "https://platform.openai.com/docs/api-reference/authentication",
    },
    Form {
        name: "Anthropic key",
        pattern: r"\bsk-ant-[a-z0-9]{2,10}-[A-Za-z0-9_-]{20,}",
        source: "https://docs.claude.com/en/api/overview",
    },
    Form {
        name: "Google API key",
        pattern: r"\bAIza[A-Za-z0-9_-]{35}",
        source: "https://cloud.google.com/docs/authentication/api-keys",
    },
    Form {
        name: "Google OAuth client secret",
        pattern: r"\bGOCSPX-[A-Za-z0-9_-]{28}",
        source: "https://developers.google.com/identity/protocols/oauth2",
    },
    Form {
        name: "Google access token",
        pattern: r"\bya29\.[A-Za-z0-9_.-]{30,}",
        source: "https://cloud.google.com/docs/authentication/token-types",
    },
    Form {
        name: "npm token",
        pattern: r"\bnpm_[A-Za-z0-9]{36}\b",
        source: "https://docs.npmjs.com/about-access-tokens",
    },
    Form {
        name: "PyPI token",
        pattern: r"\bpypi-AgEI[A-Za-z0-9_-]{50,}",
        source: "https://pypi.org/help/#apitoken",
    },
    Form {
        name: "Hugging Face token",
        pattern: r"\bhf_[A-Za-z0-9]{34}\b",
        source: "https://huggingface.co/docs/hub/security-tokens",
    },
    Form {
        name: "SendGrid key",
        pattern: r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
        source: "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
    },
    Form {
        name: "DigitalOcean token",
        pattern: r"\bdo[opr]_v1_[a-f0-9]{64}\b",
        source: "https://docs.digitalocean.com/reference/api/create-personal-access-token/",
    },
    Form {
        name: "HashiCorp Vault token",
        pattern: r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}",
        source: "https://developer.hashicorp.com/vault/docs/concepts/tokens",
    },
    Form {
        name: "Shopify token",
        pattern: r"\bshp(?:at|ca|pa|ss|ua)_[A-Fa-f0-9]{32}\b",
        source: "https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens",
    },
    Form {
        name: "Docker token",
        pattern: r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
        source: "https://docs.docker.com/security/access-tokens/",
    },
    Form {
        name: "Databricks token",
        pattern: r"\bdapi[a-f0-9]{32}(?:-[0-9])?\b",
        source: "https://docs.databricks.com/aws/en/dev-tools/auth/pat",
    },
    Form {
        name: "Grafana token",
        pattern: r"\bglsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}\b",
        source: "https://grafana.com/docs/grafana/latest/administration/service-accounts/",
    },
    Form {
        name: "Figma token",
        pattern: r"\bfig[dou]_[A-Za-z0-9_-]{40,}",
        source: "https://developers.figma.com/docs/rest-api/authentication/",
    },
    Form {
        name: "Postman key",
        pattern: r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b",
        source: "https://learning.postman.com/docs/developer/postman-api/authentication/",
    },
    Form {
        name: "Discord webhook",
        pattern: r"\bdiscord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,}",
        source: "https://discord.com/developers/docs/resources/webhook",
    },
    Form {
        name: "JSON Web Token",
        pattern: r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
        source: "https://www.rfc-editor.org/rfc/rfc7515#section-7.1",
    },
    Form {
        // Line breaks may be escaped, in JSON within JSON too.
        name: "private key in PEM",
        pattern: concat!(
            r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
            r"(?:[A-Za-z0-9+/=:,.\s\\]|Proc-Type|DEK-Info: [A-Z0-9-]+){40,}",
            r"(?:-----END [A-Z0-9 ]{1,60}-----)?"
        ),
        source: "https://www.rfc-editor.org/rfc/rfc7468#section-10",
    },
];
