// Asks JavaScript again for what the testdata of internal/token, internal/pathpattern
// and internal/weburl says that it answers, and prints every difference. The SDK is
// the one that package.json of the differential run names.
import { readFileSync } from 'node:fs';

const packages = new URL('../differential/node_modules/@clerk/', import.meta.url);
const read = path => JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const now = 1790000000; // of the tests in Go

Date.now = () => now * 1000;
for (const name of ['warn', 'error']) console[name] = () => {};
const { verifyToken } = await import(new URL('backend/dist/index.mjs', packages));
const { decodeJwt } = await import(new URL('backend/dist/jwt/index.mjs', packages));
const { match } = await import(new URL('shared/dist/pathToRegexp.mjs', packages));

let asked = 0;
let differing = 0;

function compare(what, recorded, got) {
  asked++;
  const [was, is] = [recorded ?? null, got ?? null].map(v => JSON.stringify(v));
  if (was === is) return;
  differing++;
  console.log(`${what}\n  recorded ${was}\n  answered ${is}`);
}

// attempt is what f answers, or what mapError makes of its exception.
function attempt(f, mapError = () => undefined) {
  try {
    return f();
  } catch (e) {
    return mapError(e);
  }
}

for (const c of read('token/testdata/decode.json')) {
  const answer = attempt(() => decodeJwt(c.token).payload, e => ({ error: e.message }));
  const sub = typeof answer?.sub === 'string' ? answer.sub : undefined;
  if (c.error) compare(c.name, c.error, answer?.error);
  else compare(c.name, [c.sub ?? null, null], [sub ?? null, answer?.error ?? null]);
}

const session = read('token/testdata/session.json');
for (const c of session.cases) {
  const options = { jwtKey: session.pem, authorizedParties: c.parties, audience: c.audience, clockSkewInMs: c.skew };
  const answer = await verifyToken(c.token, options).then(
    claims => ({ ok: claims }),
    e => (e.reason ? { reason: e.reason, message: e.getFullMessage() } : { throws: true }),
  );
  if (c.ok) compare(c.token, { ok: JSON.parse(c.ok) }, answer);
  else if (c.reason.startsWith('THROW')) compare(c.token, { throws: true }, answer);
  else compare(c.token, { reason: c.reason, message: c.message }, answer);
}

const patterns = read('pathpattern/testdata/vectors.json');
for (const c of patterns.cases) {
  const matcher = attempt(() => match(c.patterns));
  compare(`${c.patterns} compiles`, !c.error, matcher !== undefined);
  for (const path of matcher && !c.error ? patterns.paths : []) {
    const found = matcher(path);
    const params = found ? Object.fromEntries(Object.entries(found.params).map(([k, v]) => [k, String(v)])) : undefined;
    compare(`${c.patterns} ${path}`, c.matches?.[path], params);
  }
}

const urls = read('weburl/testdata/whatwg.json');
const members = ['href', 'origin', 'protocol', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'];
for (const c of urls.urls) {
  const url = attempt(() => new URL(c.input, c.base ?? undefined));
  compare(`new URL(${c.input}, ${c.base})`, c.url, url && Object.fromEntries(members.map(k => [k, url[k]])));
}
for (const c of urls.pathnames) {
  const url = new URL(c.href);
  url.pathname = c.path;
  compare(`${c.href} pathname = ${c.path}`, c.want, url.href);
}
for (const c of urls.queries) {
  const url = new URL(c.href);
  const [op, ...args] = c.op;
  if (op === 'delete') for (const name of args.length ? args : ['\0']) url.searchParams.delete(name);
  else if (op === 'get') compare(`${c.href} ${c.op}`, c.value, url.searchParams.get(args[0]));
  else url.searchParams[op](...args);
  compare(`${c.href} ${c.op}`, c.want, url.href);
}

console.log(`${asked} answers of functions asked for, ${differing} differ`);
process.exitCode = differing > 0 ? 1 : 0;
