//! Policies by their commands: checked, applied, shown, taken back.

use expect_test::expect_file;

use super::typed;
use crate::world::World;

#[test]
fn policies_are_checked_applied_and_kept_by_version() {
    let world = World::up();
    world.set_up();
    world.ok(&["agent", "set", "alice", "--team", "ops", "--tag", "department=billing"]);
    world.ok(&["server", "set", "billing", "tag.owner=billing", "tool.refund.cost=5"]);
    world.write(
        "good.cedar",
        "@id(\"refunds-by-ops\")\n@message(\"only ops refund\")\nforbid (principal, action == \
         Action::\"call:billing/refund\", resource)\nunless { principal in Team::\"ops\" };\n",
    );
    world.write(
        "bad.cedar",
        "@id(\"a\")\nforbid (principal, action, resource)\nwhen { context. };\n",
    );
    world.write(
        "idle.cedar",
        "@id(\"idle\")\nforbid (principal, action, resource in Server::\"gone\");\n",
    );
    world.write("empty.cedar", "");
    let commands = "
        policy pack list
        policy pack show path-under-root
        policy pack show path-under-root tool=files/read_file root=/srv/data
        policy pack show path-under-root tool=files/read_file
        policy pack show path-under-root tool=files/read_file root=/srv/..
        policy pack show none
        policy show
        policy check good.cedar --offline
        policy check bad.cedar --offline
        policy check bad.cedar
        policy check good.cedar
        policy check idle.cedar
        policy apply bad.cedar
        policy apply good.cedar --zone Europe/Nowhere
        policy apply good.cedar --dry-run
        policy versions
        policy apply good.cedar --zone Europe/Berlin
        policy apply good.cedar --zone Europe/Berlin
        policy apply good.cedar --shadow
        policy show
        policy show --version 1
        policy show --version 9
        policy apply empty.cedar
        policy show
        policy versions
        agent list
        audit search --kind change --limit 3";
    expect_file!["./policy.txt"].assert_eq(&typed(&world, commands));
}
