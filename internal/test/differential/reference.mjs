// Answers requests as Clerk's own SDK does: one JSON line in, one out. The clock is
// frozen at each request's time, and the Backend API answers what the line says.
// The first line holds the instances.
import { createInterface } from 'node:readline';

let now = 0;
let current = { rules: [], jwks: {}, calls: [] };

Date.now = () => now;
for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace']) console[name] = () => {};
// The SDK waits between attempts to load keys; nothing here gets better by waiting.
const realSetTimeout = globalThis.setTimeout;
globalThis.setTimeout = (f, _ms, ...args) => realSetTimeout(f, 0, ...args);

function respond(answer) {
  if (answer.hangup) throw new TypeError('fetch failed');
  const headers = answer.contentType ? { 'Content-Type': answer.contentType } : {};
  const body = answer.status === 204 ? null : new TextEncoder().encode(answer.body);
  return new Response(body, { status: answer.status, headers });
}

const notFound = {
  status: 404,
  contentType: 'application/json',
  body: '{"errors":[{"code":"resource_not_found","message":"not found"}]}',
};

// The SDK binds fetch when it is loaded, so the fake must be there first.
globalThis.fetch = async (input, init = {}) => {
  const url = new URL(input);
  if (url.pathname === '/v1/jwks') return respond(current.jwks);
  const headers = new Headers(init.headers);
  const method = init.method ?? 'GET';
  const body = init.body ? JSON.parse(init.body) : null;
  current.calls.push({
    method,
    path: url.pathname,
    query: [...url.searchParams].sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    authorization: headers.get('Authorization') ?? '',
    apiVersion: headers.get('Clerk-API-Version') ?? '',
    body,
  });
  const rule = current.rules.find(
    r =>
      r.method === method &&
      new RegExp(r.path).test(url.pathname) &&
      (r.queryField ? url.searchParams.get(r.queryField) : body?.[r.bodyField]) === r.equals,
  );
  return respond(rule?.answer ?? notFound);
};

const { createClerkClient } = await import('@clerk/backend');

const instances = new Map();

function learn(line) {
  for (const [id, { options, jwks }] of Object.entries(line.instances)) {
    instances.set(id, { options, jwks, client: createClerkClient({ ...options, telemetry: { disabled: true } }) });
  }
  return { ready: instances.size };
}

function requestOf({ method, target, headers }) {
  const joined = new Headers();
  const byName = new Map();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (byName.has(key)) byName.set(key, byName.get(key) + (key === 'cookie' ? '; ' : ', ') + value);
    else byName.set(key, value);
  }
  for (const [name, value] of byName) joined.set(name, value);
  return new Request(`http://${byName.get('host')}${target}`, { method, headers: joined });
}

async function judge(line) {
  const { client, options, jwks } = instances.get(line.instance);
  now = line.now;
  current = { rules: line.rules, jwks, calls: [] };
  try {
    const state = await client.authenticateRequest(requestOf(line.request), options);
    const { getToken, has, debug, ...auth } = state.toAuth() ?? {};
    return {
      status: state.status,
      reason: state.reason ?? '',
      hasMessage: state.headers.has('x-clerk-auth-message'),
      message: state.headers.get('x-clerk-auth-message'),
      tokenType: state.tokenType ?? '',
      token: state.token ?? '',
      auth,
      // Headers joins repeated values, Set-Cookie alone comes one by one.
      headers: [...state.headers].filter(([name]) => name !== 'x-clerk-auth-message'),
      calls: current.calls,
    };
  } catch (e) {
    return { throws: String(e?.message ?? e), calls: current.calls };
  }
}

for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text);
  const answer = line.instances ? learn(line) : await judge(line);
  process.stdout.write(JSON.stringify(answer) + '\n');
}
