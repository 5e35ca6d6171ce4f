// Signs in on `clerkgate emulator` and calls an application that clerkgate protects. Needs Node 18, and no package.
import assert from 'node:assert/strict';

const emulator = process.env.CLERK_API_URL ?? 'http://127.0.0.1:8090';
const app = process.env.APP_URL ?? 'http://localhost:8080';

const control = async (action, body) => {
  const response = await fetch(`${emulator}/__control/${action}`, { method: 'POST', body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
};

assert.equal((await fetch(`${app}/hello`)).status, 401, 'nobody gets in without a session');

const session = await control('sign-in', { email: 'jane@example.com', origin: app });
const byToken = await fetch(`${app}/hello`, { headers: { Authorization: `Bearer ${session.token}` } });
assert.equal(byToken.status, 200);
const byCookie = await fetch(`${app}/hello`, { headers: { Cookie: session.cookie } });
assert.equal(byCookie.status, 200);
console.log(await byCookie.text());
