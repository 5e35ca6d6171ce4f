// Asks Clerk's SDK again for every decision in testdata: node record.mjs writes the
// answers, node record.mjs --check compares and writes nothing. The SDK is the one
// that package.json of the differential run names: npm ci --prefix ../differential.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const testdata = new URL('testdata/', import.meta.url);
const differential = new URL('../differential/', import.meta.url);
const check = process.argv.includes('--check');
const sdk = JSON.parse(readFileSync(new URL('node_modules/@clerk/backend/package.json', differential), 'utf8'));

const reference = spawn(process.execPath, ['reference.mjs'], {
  cwd: differential,
  env: { PATH: process.env.PATH }, // nothing of the surroundings may configure the SDK
  stdio: ['pipe', 'pipe', 'inherit'],
});
const answers = createInterface({ input: reference.stdout })[Symbol.asyncIterator]();

async function ask(line) {
  reference.stdin.write(JSON.stringify(line) + '\n');
  const { value, done } = await answers.next();
  if (done) throw new Error('reference.mjs ended');
  return JSON.parse(value);
}

// A header's bytes are one character each to Node, and text in the files.
const fromWire = text => Buffer.from(text, 'utf8').toString('latin1');
const toWire = text => Buffer.from(text, 'latin1').toString('utf8');

function question(c, config) {
  const headers = c.request.headers
    // What is not believed here must not be seen by the SDK, which believes anyone.
    .filter(([name]) => config.trustForwarded || !name.toLowerCase().startsWith('x-forwarded-'))
    .map(([name, value]) => [name, fromWire(value)]);
  return {
    instance: c.instance,
    now: c.now * 1000,
    request: { method: c.request.method, target: c.request.target, headers },
    rules: c.bapi.map(({ match, answer }) => ({ ...match, path: match.pathPattern, answer })),
  };
}

function expectation(a) {
  if (a.throws !== undefined) return { outcome: 'throws', error: a.throws.slice(0, 300) };
  const header = name => {
    const found = a.headers.find(([n]) => n === name);
    return found ? toWire(found[1]) : null;
  };
  const location = header('location');
  const machine = a.tokenType && a.tokenType !== 'session_token';
  return {
    outcome: location ? 'redirect' : a.status,
    status: a.status,
    reason: a.reason || null,
    messagePresent: a.hasMessage,
    message: a.message,
    tokenType: a.tokenType || null,
    pending: a.auth.sessionStatus === 'pending',
    userId: a.auth.userId || null,
    sessionId: a.auth.sessionId ?? null,
    orgId: machine ? null : (a.auth.orgId ?? null),
    orgSlug: a.auth.orgSlug ?? null,
    orgRole: a.auth.orgRole ?? null,
    responseAuthHeaders: { status: header('x-clerk-auth-status'), reason: header('x-clerk-auth-reason') },
    location,
    locationParts: location ? parts(new URL(location)) : null,
    setCookie: a.headers.filter(([name]) => name === 'set-cookie').map(([, value]) => toWire(value)),
    cacheControl: header('cache-control'),
    accessControlAllowOrigin: header('access-control-allow-origin'),
    accessControlAllowCredentials: header('access-control-allow-credentials'),
    bapiCalls: a.calls,
  };
}

function parts(url) {
  const query = [...url.searchParams].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  return { origin: url.origin, path: url.pathname, query, hash: url.hash };
}

// Files are written as they are kept: configuration indented, each case on a line.
function text({ cases, ...rest }) {
  const head = JSON.stringify(rest, null, 1);
  return head.slice(0, -2) + ',\n "cases": [\n' + cases.map(c => '  ' + JSON.stringify(c)).join(',\n') + '\n ]\n}\n';
}

let differing = 0;
let asked = 0;
for (const name of readdirSync(testdata).filter(n => n.endsWith('.json'))) {
  const path = new URL(name, testdata);
  const before = readFileSync(path, 'utf8');
  const file = JSON.parse(before);
  const { trustForwarded, ...options } = file.instance.config;
  options.apiUrl = 'http://bapi.test'; // it stands in messages
  await ask({ instances: { [file.id]: { options, jwks: file.instance.jwks } } });
  for (const c of file.cases) {
    asked++;
    const was = JSON.stringify(c.expect);
    c.expect = expectation(await ask(question(c, file.instance.config)));
    if (JSON.stringify(c.expect) !== was) {
      differing++;
      console.log(`${c.id}\n  recorded ${was}\n  ${sdk.version} says ${JSON.stringify(c.expect)}`);
    }
  }
  file.sdk = { name: sdk.name, version: sdk.version };
  if (!check && text(file) !== before) writeFileSync(path, text(file));
}
reference.stdin.end();
console.log(`${asked} decisions asked of ${sdk.name} ${sdk.version}, ${differing} differ`);
process.exitCode = check && (differing > 0 || asked === 0) ? 1 : 0;
