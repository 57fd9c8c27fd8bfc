//! What was opened for one call is wiped with it.

use lanyard_vault::OpenSecrets;

fn twice(secrets: &OpenSecrets) -> OpenSecrets {
    secrets.clone()
}

fn main() {}
