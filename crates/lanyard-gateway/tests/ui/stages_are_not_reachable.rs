//! The stages of a call are the gateway's own: nobody outside makes one, or starts in the middle.

use lanyard_gateway::call::Permitted;

fn main() {}
