//! MCP servers by their commands: added, set, shown, granted for users, in tenants.

use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect_file;

use super::typed;
use crate::world::World;

#[test]
fn servers_that_speak_mcp() {
    let world = World::up();
    world.write("server.sh", "#!/bin/sh\necho boom >&2\nexit 3\n");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.path("server.sh"), mode).unwrap();
    let commands = "
        server add proc --stdio
        server add proc --stdio -- no-such-program
        server add proc --url https://mcp.example.com/mcp --stdio -- ./server.sh
        server add proc --url https://mcp.example.com/mcp --env A=b
        server add proc --stdio --era legacy --header A:b -- ./server.sh
        server add proc --stdio --keep sometimes -- ./server.sh
        server add proc --stdio --env TOKEN=secret://none -- ./server.sh
        server add proc --stdio --dry-run -- ./server.sh
        server add proc --stdio -- ./server.sh
        key | secret set tok
        server add proc --stdio --env TOKEN=secret://tok --no-verify -- ./server.sh --flag
        server add proc --stdio --env TOKEN=secret://tok --no-verify -- ./server.sh --flag
        secret list
        server add docs --url https://mcp.example.com/mcp?tag=a --header Authorization:secret://tok --no-verify
        server set proc keep=10m concurrency=2 strip_optional_args=off
        server set proc base_url=https://a
        server set proc kep=always
        server set docs keep=always era=legacy untrusted_wrap=exact
        server list
        server show proc
        server show docs
        server test proc
        server tools proc
        server reconnect proc
        server reconnect none
        pin list
        pin list --all
        pin diff proc
        pin approve proc
        pin approve proc a --digest b
        agent add alice --json
        grant alice proc --allow anything --users bea,ann
        grant alice docs --allow * --users *
        grants
        key | user credential set proc ann
        key | user credential set proc ann --env TOKEN
        key | user credential set docs ann --header X-Key
        key | user credential set docs ann
        user credential list
        user credential rm docs ann --header X-Key
        user credential list docs
        user credential rm docs bea
        secret list
        tenant add acme
        --tenant acme server list
        --tenant none server list
        --tenant acme list
        --tenant acme server add proc --stdio --no-verify -- ./server.sh
        tenant list
        tenant rm acme
        --tenant acme server rm proc
        tenant rm acme
        server rm proc
        secret list
        doctor";
    expect_file!["./servers.txt"].assert_eq(&typed(&world, commands));
}
