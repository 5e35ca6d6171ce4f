// What `clerkgate emulator` prints, taken as it stands by an application with the middleware (examples/nethttp) and by
// clerkgate in front of an application: in Chromium, somebody signed out gets to the local sign-in page, signs in with one
// click, and is let in.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { launched, start } from './start.mjs';

const chromium = launched();

/** The environment that the emulator prints, and what it prints for clerkgate to serve it under a path. */
const startEmulator = (t, ...args) => start(t, process.env.CLERKGATE, ['emulator', '--listen', '127.0.0.1:0', ...args], {}, lines => {
  if (!lines.at(-1).includes('Ctrl-C')) return;
  const pairs = text => Object.fromEntries([...text.matchAll(/ (\w+)=(\S+)/g)].map(match => match.slice(1)));
  const those = start => pairs(lines.filter(line => line.startsWith(start)).join('\n'));
  return { exported: those('export'), underPath: those('#   export') };
});

const applications = {
  async middleware(t, env) {
    const taken = createServer();
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    const { port } = taken.address();
    await new Promise(closed => taken.close(closed));
    return start(t, process.env.NETHTTP, [], { ...env, PORT: port }, lines => lines.at(-1).match(/open (http:\S+)/)?.[1]);
  },
  async sidecar(t, env) {
    const app = createServer((request, response) => response.end(`hello ${request.headers['x-clerk-user-id']}`));
    t.after(() => app.close());
    await once(app.listen(0, '127.0.0.1'), 'listening');
    const at = await start(t, process.env.CLERKGATE, [], {
      ...env, CLERKGATE_UPSTREAM: `http://127.0.0.1:${app.address().port}`, CLERKGATE_LISTEN: '127.0.0.1:0', CLERKGATE_ADMIN_LISTEN: '127.0.0.1:0',
    }, lines => lines.join('\n').match(/listening +http:\/\/127\.0\.0\.1:(\d+)[^]*probes/)?.[1]);
    return `http://localhost:${at}`;
  },
};

/** Opens the application signed out, signs in with one click, and wants to be let in and to stay so. */
async function letsIn(t, origin, clerk) {
  const context = await chromium.browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const trail = [];
  page.on('request', request => request.isNavigationRequest() && trail.push(request.url()));

  await page.goto(`${origin}/`);
  assert.match(await page.title(), /Sign in/, trail.join('\n'));
  await page.getByText('jane@example.com').first().click();
  await page.waitForURL(`${origin}/`);
  for (const visit of ['first', 'second']) {
    assert.match(await page.textContent('body'), /^hello user_/, `${visit} visit: ${trail.join('\n')}`);
    await page.reload();
  }
  for (const url of trail) {
    assert.ok([origin, clerk].includes(new URL(url).origin), `a browser was sent to ${url}`);
  }
}

// A production instance sends people back to its own domain alone, so that only clerkgate, which serves it under the
// application's origin, can run on it here.
for (const [kind, ...args] of [['middleware'], ['sidecar'], ['sidecar', '--production'], ['sidecar, under its path']]) {
  test(`the emulator's environment: ${[kind, ...args].join(' ')}`, async t => {
    const { exported, underPath } = await startEmulator(t, ...args);
    const env = kind.endsWith('path') ? { ...exported, ...underPath } : exported;
    const origin = await applications[kind.split(',')[0]](t, env);
    await letsIn(t, origin, env.CLERK_API_URL);
  });
}

// The commands of the README as they stand there, in a shell, with what the emulator prints in front of the second block.
// Only the ports are others, which may be in use.
test('the README: emulator, sidecar and a browser', async t => {
  const root = new URL('../../../../', import.meta.url).pathname;
  const blocks = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/```sh\n([^]*?)```/g)].map(match => match[1]);
  const shell = (script, env, found) => start(t, 'sh', ['-e', '-c', `cd '${root}'\n${script.replace('go run ./cmd/clerkgate', 'exec "$CLERKGATE"')}`],
    { CLERKGATE: process.env.CLERKGATE, ...env }, found);
  const app = createServer((request, response) => response.end(`hello ${request.headers['x-clerk-user-id']}`));
  t.after(() => app.close());
  await once(app.listen(0, '127.0.0.1'), 'listening');

  const emulator = blocks.find(block => block.includes('clerkgate emulator'));
  const printed = await shell(emulator.replace(':8090', ':0'), {}, lines => lines.at(-1).includes('Ctrl-C') && lines.join('\n'));
  const sidecar = blocks.find(block => block.includes('# what the emulator printed'));
  const at = await shell(`${printed}\n${sidecar.replace(':3000', `:${app.address().port}`)}`, { CLERKGATE_LISTEN: '127.0.0.1:0', CLERKGATE_ADMIN_LISTEN: '127.0.0.1:0' },
    lines => lines.join('\n').match(/listening +http:\/\/127\.0\.0\.1:(\d+)[^]*probes/)?.[1]);
  await letsIn(t, `http://localhost:${at}`, printed.match(/CLERK_API_URL=(\S+)/)[1]);
});
