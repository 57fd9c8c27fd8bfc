//! Secrets are opened by `Vault::arm` and by nobody else.

use lanyard_vault::OpenSecrets;

fn main() {
    let _secrets = OpenSecrets(Vec::new());
}
