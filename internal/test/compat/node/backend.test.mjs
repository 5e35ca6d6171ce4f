// @clerk/backend on `clerkgate emulator`. CLERKGATE names the binary; run.sh builds it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { createClerkClient, verifyToken } from '@clerk/backend';
import { verifyWebhook } from '@clerk/backend/webhooks';

const origin = 'http://localhost:3000';
const jane = 'user_2fJaneSampleUser0000000000A';
const mei = 'user_2fMeiSampleUser00000000000C';
const signingSecret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
const reader = { id: 'mch_2fReaderMachine00000000000A', key: 'ak_reader_machine' };
const batch = { id: 'mch_2fBatchMachine000000000000B', key: 'ak_batch_machine' };

const seed = hook => `
users:
  - {id: ${jane}, email: jane@example.com, password: correct horse, first_name: Jane}
  - id: ${mei}
    email: mei@example.com
    organization: {slug: acme, name: Acme, role: "org:approver", permissions: ["org:invoices:view", "org:invoices:delete"]}
jwt_templates:
  - {name: db, lifetime: 5m, claims: {aud: db, name: "{{user.first_name}}"}}
machines:
  - {id: ${reader.id}, name: reader, secret_key: ${reader.key}}
  - {id: ${batch.id}, name: batch, secret_key: ${batch.key}, scopes: [${reader.id}]}
machine_tokens:
  - {kind: api_key, token: "ak_of/jane==", subject: ${jane}, name: laptop, scopes: [read]}
  - {kind: oauth_token, token: oat_of_jane, subject: ${jane}, client_id: app_1, scopes: [email]}
webhooks:
  - {url: "${hook}", secret: "${signingSecret}"}
`;

let emulator, receiver, directory, environment, clerk;
const received = [];

before(async () => {
  receiver = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push(new Request('http://localhost/webhook', { method: 'POST', headers: request.headers, body }));
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  directory = await mkdtemp(join(tmpdir(), 'compat-'));
  await writeFile(join(directory, 'seed.yaml'), seed(`http://127.0.0.1:${receiver.address().port}/`));

  emulator = spawn(process.env.CLERKGATE, ['emulator', '--listen', '127.0.0.1:0', '--seed', join(directory, 'seed.yaml')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  environment = {};
  for await (const line of createInterface({ input: emulator.stdout })) {
    const [, name, value] = line.match(/^export (\w+)=(.*)$/) ?? [];
    if (name) environment[name] = value;
    if (line.includes('Ctrl-C')) break;
  }
  clerk = createClerkClient({
    secretKey: environment.CLERK_SECRET_KEY,
    publishableKey: environment.CLERK_PUBLISHABLE_KEY,
    apiUrl: environment.CLERK_API_URL,
    telemetry: { disabled: true },
  });
});

after(async () => {
  emulator?.kill('SIGTERM');
  if (emulator) assert.equal((await once(emulator, 'exit'))[0], 0);
  receiver?.close();
  if (directory) await rm(directory, { recursive: true });
});

const control = async (action, body, method = 'POST') => {
  const response = await fetch(`${environment.CLERK_API_URL}/__control/${action}`, { method, body: body && JSON.stringify(body) });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
};
const signIn = email => control('sign-in', { email, origin });
const refused = (status, code) => error => {
  assert.equal(error.status, status);
  if (code) assert.equal(error.errors[0].code, code);
  return true;
};

test('sessions', async () => {
  const made = await clerk.sessions.createSession({ userId: jane });
  assert.equal(made.status, 'active');
  assert.equal((await clerk.sessions.getSession(made.id)).userId, jane);
  const list = await clerk.sessions.getSessionList({ userId: jane, limit: 1 });
  assert.equal(list.data.length, 1);
  assert.ok(list.totalCount >= 1);

  const { jwt } = await clerk.sessions.getToken(made.id, undefined, 300);
  const claims = await verifyToken(jwt, { secretKey: environment.CLERK_SECRET_KEY, apiUrl: environment.CLERK_API_URL });
  assert.equal(claims.sid, made.id);
  assert.equal(claims.exp - claims.iat, 300);
  assert.equal((await clerk.sessions.verifySession(made.id, jwt)).id, made.id);
  const template = await clerk.sessions.getToken(made.id, 'db');
  assert.equal(JSON.parse(Buffer.from(template.jwt.split('.')[1], 'base64url')).name, 'Jane');

  assert.equal((await clerk.sessions.revokeSession(made.id)).status, 'revoked');
  await assert.rejects(clerk.sessions.getToken(made.id), refused(404, 'resource_not_found'));
  await assert.rejects(clerk.sessions.getSession('sess_unknown'), refused(404, 'resource_not_found'));
  await assert.rejects(clerk.sessions.getSessionList(), refused(400, 'missing_query_parameter'));
  const stranger = createClerkClient({ secretKey: 'sk_test_wrong', apiUrl: environment.CLERK_API_URL });
  await assert.rejects(stranger.sessions.getSession(made.id), refused(401, 'clerk_key_invalid'));
});

test('refresh', async () => {
  const session = await signIn('jane@example.com');
  const refreshToken = Object.entries(session.cookies).find(([name]) => name.startsWith('__refresh'))[1];
  const params = {
    expired_token: session.token, refresh_token: refreshToken, request_origin: origin,
    request_headers: { host: ['localhost:3000'] },
  };
  const fresh = await clerk.sessions.refreshSession(session.session_id, { ...params, format: 'token' });
  assert.equal(fresh.jwt.split('.').length, 3);
  await assert.rejects(
    clerk.sessions.refreshSession(session.session_id, { ...params, format: 'cookie' }),
    refused(401, 'session_refresh_expired_session_token_consumed'),
  );
});

test('keys, clients, users', async () => {
  assert.equal((await clerk.jwks.getJwks()).keys.length, 1);
  const session = await signIn('jane@example.com');
  const client = await clerk.clients.getClient(session.client_id);
  assert.deepEqual(client.sessionIds, [session.session_id]);
  assert.equal((await clerk.clients.verifyClient(session.cookies.__clerk_db_jwt)).id, session.client_id);
  assert.ok((await clerk.clients.getClientList()).data.length > 0);
  await assert.rejects(clerk.clients.getHandshakePayload({ nonce: 'unknown' }), refused(400, 'invalid_nonce'));
  const user = await clerk.users.getUser(jane);
  assert.equal(user.primaryEmailAddress.emailAddress, 'jane@example.com');
});

test('testing and sign-in tokens', async () => {
  assert.match((await clerk.testingTokens.createTestingToken()).token, /^\d+-c_/);
  const token = await clerk.signInTokens.createSignInToken({ userId: jane, expiresInSeconds: 60 });
  assert.equal(token.status, 'pending');
  assert.ok(token.token);
  assert.equal((await clerk.signInTokens.revokeSignInToken(token.id)).status, 'revoked');
});

test('M2M tokens', async () => {
  const made = await clerk.m2m.createToken({ machineSecretKey: batch.key, secondsUntilExpiration: 60, claims: { tier: 'batch' } });
  assert.equal(made.subject, batch.id);
  const verified = await clerk.m2m.verify({ token: made.token, machineSecretKey: reader.key });
  assert.deepEqual(verified.claims, { tier: 'batch' });
  await assert.rejects(clerk.m2m.verify({ token: made.token, machineSecretKey: batch.key }), refused(404));
  assert.equal((await clerk.m2m.list({ subject: batch.id })).totalCount, 1);
  assert.equal((await clerk.m2m.revokeToken({ m2mTokenId: made.id, revocationReason: 'leaked' })).revoked, true);
  await assert.rejects(clerk.m2m.verify({ token: made.token }), refused(404));

  const jwt = await clerk.m2m.createToken({ machineSecretKey: batch.key, tokenFormat: 'jwt' });
  assert.equal((await clerk.m2m.verify({ token: jwt.token })).subject, batch.id);
});

test('API keys and OAuth access tokens', async () => {
  const made = await clerk.apiKeys.create({ name: 'nightly', subject: mei, secondsUntilExpiration: 60, scopes: ['read'] });
  assert.equal((await clerk.apiKeys.verify(made.secret)).id, made.id);
  assert.equal((await clerk.apiKeys.get(made.id)).name, 'nightly');
  assert.equal((await clerk.apiKeys.list({ subject: mei })).totalCount, 1);
  assert.equal((await clerk.apiKeys.getSecret(made.id)).secret, made.secret);
  assert.equal((await clerk.apiKeys.delete(made.id)).deleted, true);

  const key = await clerk.apiKeys.verify('ak_of/jane==');
  assert.equal(key.subject, jane);
  assert.equal((await clerk.idPOAuthAccessToken.verify('oat_of_jane')).clientId, 'app_1');
  await assert.rejects(clerk.apiKeys.verify('ak_unknown'), refused(404));
  await clerk.apiKeys.revoke({ apiKeyId: key.id, revocationReason: 'lost' });
  await assert.rejects(clerk.apiKeys.verify('ak_of/jane=='), refused(404));
});

test('authenticateRequest', async () => {
  const authenticate = (headers, options = {}) =>
    clerk.authenticateRequest(new Request(`${origin}/`, { headers }), { authorizedParties: [origin], ...options });
  const session = await signIn('mei@example.com');

  const byCookie = await authenticate({ Cookie: session.cookie });
  assert.equal(byCookie.status, 'signed-in', byCookie.reason);
  const auth = byCookie.toAuth();
  assert.equal(auth.userId, mei);
  assert.equal(auth.orgRole, 'org:approver');
  assert.ok(auth.has({ permission: 'org:invoices:delete' }));
  assert.ok(!auth.has({ permission: 'org:invoices:approve' }));
  assert.equal((await authenticate({ Authorization: `Bearer ${session.token}` })).status, 'signed-in');
  assert.equal((await authenticate({ Authorization: 'Bearer garbage' })).status, 'signed-out');

  // An expired token is refreshed on the way, by the refresh token in the cookies.
  await control('advance', { by: '-5m' });
  const stale = await signIn('jane@example.com');
  await control('advance', { by: '5m' });
  await control('calls', undefined, 'DELETE');
  const refreshed = await authenticate({ Cookie: stale.cookie });
  assert.equal(refreshed.status, 'signed-in', refreshed.reason);
  const { calls } = await control('calls?path=/v1/sessions/*/refresh', undefined, 'GET');
  assert.deepEqual(calls.map(call => call.status), [200]);
  assert.ok(refreshed.headers.getSetCookie().some(line => line.startsWith('__session=')));

  const key = await clerk.m2m.createToken({ machineSecretKey: batch.key });
  const machine = await authenticate({ Authorization: `Bearer ${key.token}` }, { acceptsToken: 'm2m_token' });
  assert.equal(machine.status, 'signed-in', machine.reason);
  assert.equal(machine.toAuth().machineId, batch.id);

  // Without its answer to the refresh there is nothing but a handshake.
  await control('fault', { path: '/v1/sessions/*/refresh', status: 500, times: 1 });
  await control('advance', { by: '-5m' });
  const { cookie } = await signIn('jane@example.com');
  await control('advance', { by: '5m' });
  const page = { Cookie: cookie, 'Sec-Fetch-Dest': 'document', Accept: 'text/html' };
  assert.equal((await authenticate(page)).status, 'handshake');
});

test('webhooks', async () => {
  await control('deliveries', undefined, 'GET'); // waits for those under way
  received.length = 0;
  const session = await signIn('jane@example.com');
  await clerk.sessions.revokeSession(session.session_id);
  await control('delete-user', { user_id: jane });
  await control('deliveries', undefined, 'GET');
  const events = await Promise.all(received.map(request => verifyWebhook(request.clone(), { signingSecret })));
  assert.deepEqual(events.slice(0, 2).map(event => event.type), ['session.created', 'session.revoked']);
  assert.equal(events.at(-1).type, 'user.deleted');
  assert.equal(events[1].data.id, session.session_id);
  assert.equal(events[1].data.user.id, jane);
  await assert.rejects(verifyWebhook(received[0], { signingSecret: 'whsec_d3Jvbmcga2V5' }));
});
