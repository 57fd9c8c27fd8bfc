//! Keys and checkpoints: their texts, and what is not taken for one.

use expect_test::expect;

use super::{CheckpointError, LogHead, VerifyKey, VerifyKeyError};
use crate::audit::fixture::{TestSigner, key};

fn note() -> String {
    key().sign(&*TestSigner::new(1), &LogHead { size: 12, head: [3; 32] })
}

#[test]
fn a_checkpoint_reads_like_this() {
    expect![[r#"
        lanyard/audit/34750f98bd59fcfc946da45aaabe933b
        12
        AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=

        — lanyard/audit/34750f98bd59fcfc946da45aaabe933b ps7B0TsHaKDVjH/hUy7iJuU39LwuR5EJM5g9unbqBEMnGxPTcEyANYb+Cn8w+dZsnD9dgt6vyKYQUx6DBd7lW6ww8wM=
    "#]].assert_eq(&note());
    expect!["lanyard/audit/34750f98bd59fcfc946da45aaabe933b+a6cec1d1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"].assert_eq(&key().to_string());
}

#[test]
fn what_is_not_a_checkpoint_of_this_key_is_told_apart() {
    let note = note();
    let other = VerifyKey::of(&*TestSigner::new(2));
    let foreign = other.sign(&*TestSigner::new(2), &LogHead { size: 12, head: [3; 32] });
    for (text, expected) in [
        (String::new(), CheckpointError::Form),
        ("hello\n".to_owned(), CheckpointError::Form),
        (note.replace("\n12\n", "\n13\n"), CheckpointError::Signature),
        (note.replace("\n12\n", "\n12\nmore\n"), CheckpointError::Form),
        (note.replace("lanyard/audit/", "somebody/else/"), CheckpointError::Form),
        (note.replace('\u{2014}', "-"), CheckpointError::Form),
        (format!("{note}\n"), CheckpointError::Form),
        (note.trim_end().to_owned(), CheckpointError::Form),
        (foreign, CheckpointError::OtherKey { found: other.name().to_owned() }),
    ] {
        assert_eq!(key().check(&text), Err(expected), "{text}");
    }
    assert_eq!(key().check(&note).unwrap(), LogHead { size: 12, head: [3; 32] });
    // Somebody else's signature beside this key's is none of our business.
    let witnessed = format!("{note}\u{2014} witness.example AAAA\n");
    assert_eq!(key().check(&witnessed).unwrap().size, 12);
}

#[test]
fn a_key_is_read_as_it_is_printed() {
    let text = key().to_string();
    assert_eq!(format!("{text}\n").parse::<VerifyKey>().unwrap(), key());
    let flipped = text.replacen("audit/", "audit/0", 1);
    for (text, expected) in [
        ("", VerifyKeyError::Form),
        ("a+b", VerifyKeyError::Form),
        ("a+b+c", VerifyKeyError::Form),
        (&flipped, VerifyKeyError::Mismatch),
    ] {
        assert_eq!(text.parse::<VerifyKey>().unwrap_err(), expected, "{text}");
    }
}

#[test]
fn a_head_is_read_as_it_is_printed() {
    let head = LogHead { size: 12, head: [3; 32] };
    assert_eq!(LogHead::parse(&head.to_string()), Some(head));
    for text in
        ["", "12", "12 03", "x 0303030303030303030303030303030303030303030303030303030303030303"]
    {
        assert_eq!(LogHead::parse(text), None, "{text}");
    }
}
