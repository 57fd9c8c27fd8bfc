//! Arguments are cleared by `ArgumentSchema::clear` and by nobody else.

use lanyard_guard::Clearance;

fn main() {
    let _clearance = Clearance { arguments: Default::default() };
}
