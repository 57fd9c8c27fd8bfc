//! One permit is for one call.

use lanyard_policy::Permit;

fn twice(permit: &Permit) -> Permit {
    permit.clone()
}

fn main() {}
