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
    world.write(
        "misfit.cedar",
        "@id(\"five\")\nforbid (principal, action in Action::\"call\", resource)\nwhen { context.args has \
         number && context.args.number > 5 };\n",
    );
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
        policy check misfit.cedar
        policy apply misfit.cedar
        policy apply misfit.cedar --shadow
        policy check
        policy check --shadow
        policy check --offline
        policy apply bad.cedar
        policy apply good.cedar --zone Europe/Nowhere
        policy apply good.cedar --dry-run
        policy versions
        policy apply good.cedar --zone Europe/Berlin
        policy apply good.cedar --zone Europe/Berlin
        policy apply good.cedar --shadow
        policy check
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

#[test]
fn calls_are_explained_and_replayed() {
    let mut world = World::up();
    world.set_up();
    let token = world.ok(&["agent", "rotate", "alice"]).trim().to_owned();
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    world.set("LANYARD_TOKEN", &token);
    world.write(
        "numbers.cedar",
        "@id(\"no-nine\")\n@message(\"nine is not for you\")\nforbid (principal, action == \
         Action::\"call:billing/get_invoice\", resource)\nwhen { context.args.number == \"INV-9\" };\n",
    );
    world.write(
        "nothing.cedar",
        "@id(\"nothing\")\nforbid (principal, action in Action::\"call\", resource in Server::\"billing\");\n",
    );
    world.write(
        "other.cedar",
        "@id(\"no-seven\")\nforbid (principal, action == Action::\"call:billing/get_invoice\", \
         resource)\nwhen { context.args.number == \"INV-7\" };\n",
    );
    let commands = "
        call billing.get_invoice number=INV-7
        policy replay nothing.cedar
        policy replay numbers.cedar
        policy replay numbers.cedar --since 2020-01-01 --until 2020-01-02
        policy replay bad.cedar
        policy apply numbers.cedar
        policy record on
        policy record on
        policy show
        call billing.get_invoice number=INV-7
        call billing.get_invoice number=INV-9
        policy explain alice billing.get_invoice number=INV-7
        policy explain alice billing.get_invoice number=INV-9
        policy explain alice billing.refund
        policy explain alice billing.none
        policy explain bob billing.refund
        policy explain NONE
        audit search --kind call.denied
        policy replay numbers.cedar
        policy replay other.cedar
        policy record off
        policy record maybe
        audit search --kind change --limit 2";
    expect_file!["./policy-calls.txt"].assert_eq(&typed(&world, commands));
    let denied = world.ok(&["audit", "search", "--kind", "call.denied", "--json"]);
    let denied: serde_json::Value = serde_json::from_str(&denied).unwrap();
    let id = denied["records"][0]["id"].as_str().unwrap().to_owned();
    let explained = world.steady(&world.ok(&["policy", "explain", &id]));
    expect_file!["./policy-record.txt"].assert_eq(&explained);
}
