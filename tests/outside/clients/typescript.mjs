// The official TypeScript client: lists the tools and calls one.  MODE is legacy, auto or modern.
import { createRequire } from 'node:module';

const { URL: address, TOKEN, MODE, TOOLS, TOOL, ARGUMENTS, TEXT, MODULES } = process.env;
const { Client, StreamableHTTPClientTransport } = createRequire(`${MODULES}/`)('@modelcontextprotocol/client');

function same(what, expected, actual) {
    if (JSON.stringify(expected) !== JSON.stringify(actual)) {
        console.error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
        process.exit(1);
    }
}

const mode = MODE === 'modern' ? { pin: '2026-07-28' } : MODE;
const client = new Client({ name: 'lanyard-matrix', version: '1.0.0' }, { versionNegotiation: { mode } });
const headers = { Authorization: `Bearer ${TOKEN}` };
await client.connect(new StreamableHTTPClientTransport(new URL(address), { requestInit: { headers } }));
const version = client.getNegotiatedProtocolVersion();
same('protocol version', MODE === 'legacy' ? '2025-11-25' : '2026-07-28', version);

const { tools } = await client.listTools();
same('tools', TOOLS.split(','), tools.map((tool) => tool.name));

const result = await client.callTool({ name: TOOL, arguments: JSON.parse(ARGUMENTS) });
same('result', [{ type: 'text', text: TEXT }], result.content);
same('isError', false, result.isError ?? false);
await client.close();
console.log(`protocol ${version}`);
