//! Arguments that were cleared are sent once.

use lanyard_guard::Clearance;

fn twice(clearance: &Clearance) -> Clearance {
    clearance.clone()
}

fn main() {}
