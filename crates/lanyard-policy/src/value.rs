//! From JSON to Cedar: types by schemas, values by types. Told in `docs/policy-mapping.md`.

pub(crate) mod kind;
pub(crate) mod number;
pub(crate) mod reading;
