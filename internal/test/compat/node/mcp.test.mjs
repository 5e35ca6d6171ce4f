// The official client of the Model Context Protocol in front of an MCP server behind clerkgate, as in docs/mcp.md.
// CLERKGATE names the binary; run.sh builds it. Clerk is `clerkgate emulator`, which verifies OAuth tokens; the part of
// Clerk that issues them, its authorization server, is played here.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { auth, discoverOAuthProtectedResourceMetadata, extractWWWAuthenticateParams, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

const jane = 'user_2fJaneSampleUser0000000000A';
const seed = `
users:
  - {id: ${jane}, email: jane@example.com, password: correct horse, first_name: Jane}
machine_tokens:
  - {kind: oauth_token, token: oat_of_jane, subject: ${jane}, client_id: app_1, scopes: [profile, email]}
`;
const routes = port => `
upstreams:
  mcp: http://127.0.0.1:${port}
routes:
  - match: /mcp
    accepts: [oauth_token]
    upstream: mcp
    cors:
      origins: ["*"]
      methods: [GET, POST, DELETE]
      headers: [Authorization, Content-Type, Accept, Mcp-Session-Id, Mcp-Protocol-Version, Last-Event-Id]
      expose: [WWW-Authenticate, Mcp-Session-Id]
  - match: /write
    accepts: [oauth_token]
    require: { scopes: ["mcp:write"] }
    upstream: mcp
`;

const running = [];
let directory, application, gate, issuer;

// start runs clerkgate until a line of its output matches, and returns that match.
function start(args, env, pattern) {
  const child = spawn(process.env.CLERKGATE, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  return new Promise((resolve, reject) => {
    const said = [];
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', line => {
        said.push(line);
        const match = pattern(line);
        if (match) resolve(match);
      });
    }
    child.once('error', reject);
    child.once('exit', code => reject(new Error(`clerkgate ended with ${code}:\n${said.join('\n')}`)));
  });
}

// serveMCP answers one request, with a server of its own: there are no sessions.
async function serveMCP(request, response) {
  const server = new McpServer({ name: 'tiny', version: '1.0.0' });
  server.registerTool('whoami', { description: 'who is asking' }, () => ({
    content: [{ type: 'text', text: `${request.headers['x-clerk-user-id']} by ${request.headers['x-clerk-client-id']}` }],
  }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => { void transport.close(); void server.close(); });
  await server.connect(transport);
  await transport.handleRequest(request, response);
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mcp-'));
  await writeFile(join(directory, 'seed.yaml'), seed);
  application = createServer(serveMCP).listen(0, '127.0.0.1');
  await once(application, 'listening');
  await writeFile(join(directory, 'clerkgate.yaml'), routes(application.address().port));

  const environment = {};
  await start(['emulator', '--listen', '127.0.0.1:0', '--seed', join(directory, 'seed.yaml')], {}, line => {
    const [, name, value] = line.match(/^export (\w+)=(.*)$/) ?? [];
    if (name) environment[name] = value;
    return line.includes('Ctrl-C');
  });
  [, gate] = await start([], {
    ...environment, CLERKGATE_CONFIG: join(directory, 'clerkgate.yaml'), CLERKGATE_LISTEN: '127.0.0.1:0', CLERKGATE_ADMIN_LISTEN: '127.0.0.1:0',
  }, line => line.match(/listening +(http:\S+)/));
  issuer = `https://${Buffer.from(environment.CLERK_PUBLISHABLE_KEY.split('_')[2], 'base64').toString().replace(/\$$/, '')}`;
});

after(async () => {
  for (const child of running.reverse()) {
    if (child.exitCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  application?.close();
  application?.closeAllConnections();
  if (directory) await rm(directory, { recursive: true });
});

// throughClerk is a fetch that plays Clerk's authorization server, and hands everything else to the network.
const asked = [];
async function throughClerk(url, init) {
  const { origin, pathname } = new URL(url);
  if (origin !== issuer) return fetch(url, init);
  asked.push({ pathname, body: new URLSearchParams(init?.body ?? '') });
  switch (pathname) {
    case '/.well-known/oauth-authorization-server':
      return Response.json({
        issuer, authorization_endpoint: `${issuer}/oauth/authorize`, token_endpoint: `${issuer}/oauth/token`,
        response_types_supported: ['code'], grant_types_supported: ['authorization_code'], code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none'],
      });
    case '/oauth/token':
      return Response.json({ access_token: 'oat_of_jane', token_type: 'Bearer', expires_in: 86400 });
  }
  return new Response(null, { status: 404 });
}

// provider is a client that is registered with Clerk, and remembers.
function provider(tokens) {
  return {
    redirectUrl: 'http://localhost:4000/callback',
    clientMetadata: { client_name: 'compat', redirect_uris: ['http://localhost:4000/callback'], token_endpoint_auth_method: 'none' },
    clientInformation: () => ({ client_id: 'app_1' }),
    tokens() { return this.saved; },
    saved: tokens,
    saveTokens(value) { this.saved = value; },
    saveCodeVerifier(value) { this.verifier = value; },
    codeVerifier() { return this.verifier; },
    redirectToAuthorization(url) { this.sentTo = url; },
  };
}

const connect = async who => {
  const client = new Client({ name: 'compat', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(`${gate}/mcp`), { authProvider: who, fetch: throughClerk });
  return { client, transport, connected: client.connect(transport) };
};

test('the 401 names the metadata, and the metadata names Clerk', async () => {
  const refused = await fetch(`${gate}/mcp`, { method: 'POST', headers: { Accept: 'application/json, text/event-stream', Origin: 'https://inspector.example' } });
  await refused.body.cancel();
  assert.equal(refused.status, 401);
  assert.match(refused.headers.get('access-control-expose-headers'), /www-authenticate/i);
  const { resourceMetadataUrl, error } = extractWWWAuthenticateParams(refused);
  assert.equal(resourceMetadataUrl.href, `${gate}/.well-known/oauth-protected-resource/mcp`);
  assert.equal(error, undefined);

  for (const options of [{ resourceMetadataUrl }, {}]) {
    const metadata = await discoverOAuthProtectedResourceMetadata(`${gate}/mcp`, options);
    assert.equal(metadata.resource, `${gate}/mcp`);
    assert.deepEqual(metadata.authorization_servers, [issuer]);
  }

  const stale = await fetch(`${gate}/mcp`, { method: 'POST', headers: { Authorization: 'Bearer oat_revoked' } });
  await stale.body.cancel();
  assert.deepEqual(extractWWWAuthenticateParams(stale), { resourceMetadataUrl, scope: undefined, error: 'invalid_token' });
});

test('auth() sends the user to Clerk, for this resource', async () => {
  const who = provider();
  assert.equal(await auth(who, { serverUrl: `${gate}/mcp`, fetchFn: throughClerk }), 'REDIRECT');
  assert.equal(who.sentTo.origin + who.sentTo.pathname, `${issuer}/oauth/authorize`);
  assert.equal(who.sentTo.searchParams.get('resource'), `${gate}/mcp`);
  assert.equal(who.sentTo.searchParams.get('scope'), 'profile email');
});

test('a client signs in and calls a tool', async () => {
  const who = provider();
  const first = await connect(who);
  await assert.rejects(first.connected, UnauthorizedError);
  assert.ok(who.sentTo, 'the client found the authorization server');
  await first.transport.finishAuth('code-from-clerk');
  await first.client.close();
  assert.equal(asked.at(-1).pathname, '/oauth/token');
  assert.equal(asked.at(-1).body.get('resource'), `${gate}/mcp`);

  const { client, connected } = await connect(who);
  await connected;
  assert.deepEqual((await client.listTools()).tools.map(tool => tool.name), ['whoami']);
  const { content } = await client.callTool({ name: 'whoami' });
  assert.equal(content[0].text, `${jane} by app_1`);
  await client.close();
});

test('a client with a revoked token signs in again', async () => {
  const who = provider({ access_token: 'oat_revoked', token_type: 'Bearer' });
  const { client, connected } = await connect(who);
  await assert.rejects(connected, UnauthorizedError);
  assert.equal(who.sentTo.origin, issuer);
  await client.close();
});

test('a client whose token lacks a scope asks its user for that scope', async () => {
  const who = provider({ access_token: 'oat_of_jane', token_type: 'Bearer' });
  const client = new Client({ name: 'compat', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(`${gate}/write`), { authProvider: who, fetch: throughClerk });
  await assert.rejects(client.connect(transport), UnauthorizedError);
  assert.equal(who.sentTo.origin, issuer);
  assert.equal(who.sentTo.searchParams.get('scope'), 'mcp:write');
  assert.equal(who.sentTo.searchParams.get('resource'), `${gate}/write`);
  await client.close();
});
