// Every page that clerkgate shows in its own name, looked at by axe-core at two widths, in light and dark, and the forms
// that some of them are about, sent by a real browser. Screenshots go to SCREENSHOTS.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launched, start } from './start.mjs';

const chromium = launched();
const axe = fileURLToPath(new URL('node_modules/axe-core/axe.min.js', import.meta.url));
const routes = `
upstreams: { app: APP, down: "http://127.0.0.1:1" }
routes:
  - { match: "/open/*", auth: public, upstream: app }
  - { match: /staff, upstream: app, require: { role: "org:nobody" } }
  - { match: /fresh, upstream: app, require: { reverification: strict } }
  - { match: /api, upstream: app, unauthenticated: "401" }
  - { match: "/down/*", auth: public, upstream: down }
  - { match: "/app/*", upstream: app }
`;

/** A local Clerk, an application with forms, and clerkgate between them and the browser. */
async function stack(t, ...args) {
  const { env, clerk } = await start(t, process.env.CLERKGATE, ['emulator', '--listen', '127.0.0.1:0', ...args], {}, lines => {
    if (!lines.at(-1).includes('Ctrl-C')) return;
    const text = lines.filter(line => /^#? +export|^export/.test(line)).join('\n');
    const env = Object.fromEntries([...text.matchAll(/ (\w+)=(\S+)/g)].map(match => match.slice(1)));
    return { env, clerk: env.CLERK_API_URL };
  });
  const received = [];
  const app = createServer(async (request, response) => {
    if (request.url.startsWith('/open/slow')) return; // for ever
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.method === 'POST') received.push(body);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    const target = new URL(request.url, 'http://app').searchParams.get('to');
    response.end(target ? `<!doctype html><form method="post" action="${target}"><textarea name="note"></textarea><button>Send</button></form>` : `hello, ${request.method}`);
  });
  t.after(() => { app.closeAllConnections(); app.close(); });
  await once(app.listen(0, '127.0.0.1'), 'listening');

  const directory = await mkdtemp(join(tmpdir(), 'clerkgate-pages-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'clerkgate.yaml'), routes.replace('APP', `"http://127.0.0.1:${app.address().port}"`));
  const at = await start(t, process.env.CLERKGATE, [], {
    ...env, CLERKGATE_CONFIG: join(directory, 'clerkgate.yaml'), CLERKGATE_LISTEN: '127.0.0.1:0', CLERKGATE_ADMIN_LISTEN: '127.0.0.1:0',
    CLERKGATE_UPSTREAM_TIMEOUT: '3s', CLERKGATE_MAX_BODY_BYTES: '20000',
  }, lines => lines.join('\n').match(/listening +http:\/\/127\.0\.0\.1:(\d+)[^]*probes +(http:\/\/127\.0\.0\.1:\d+)/));

  const origin = `http://localhost:${at[1]}`, admin = at[2];
  const control = async (action, body, method = 'POST') => {
    const response = await fetch(`${clerk}/__control/${action}`, { method, body: body && JSON.stringify(body) });
    assert.equal(response.status, 200, await response.clone().text());
    return response.json();
  };
  return {
    origin, admin, control, received, sibling: `http://localhost:${app.address().port}`,
    async signIn(context) {
      const { cookie } = await control('sign-in', { email: 'jane@example.com', origin });
      await context.addCookies(cookie.split('; ').map(pair => {
        const [, name, value] = pair.match(/^([^=]*)=(.*)$/);
        return { name, value, url: origin };
      }));
    },
  };
}

const submit = (page, note = 'written at length') => page.fill('textarea', note).then(() => page.click('button'));

for (const [width, colorScheme] of [[1200, 'light'], [390, 'dark']]) {
  test(`all pages, ${width} pixels, ${colorScheme}`, async t => {
    const { origin, admin, sibling, control, signIn } = await stack(t);
    const seen = new Map();

    /** Opens a page in a browser of its own, and looks at it. */
    const page = async (name, title, status, open, { signedIn = false, headers } = {}) => {
      // axe-core is evaluated on the page, past its content security policy.
      const context = await chromium.browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true, extraHTTPHeaders: headers });
      const page = await context.newPage();
      if (signedIn) await signIn(context);
      let last;
      page.on('response', response => { if (response.request().isNavigationRequest()) last = response; });
      await open(page, context);
      await page.waitForFunction(title => document.title === title, title).catch(async () => assert.fail(`${name}: the title is ${await page.title()}, after ${last?.status()} ${last?.url()}`));
      assert.equal(last.status(), status, name);
      const policy = last.headers()['content-security-policy'];
      assert.match(policy, /style-src 'sha256-/, name);
      assert.doesNotMatch(policy, /unsafe/, name);
      seen.set(name, await page.evaluate(() => getComputedStyle(document.querySelector('main')).borderRadius));
      if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `page-${name}-${width}.png`), fullPage: true });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: wider than the window`);
      await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`), [], name);
      await context.close();
    };
    const go = path => page => page.goto(origin + path);
    const form = (to, from = origin, note) => async page => { await page.goto(`${from}/open/form?to=${encodeURIComponent(to)}`); await submit(page, note); };

    await page('401', 'Sign in to continue', 401, go('/api'));
    await page('admin', 'clerkgate: ready', 200, async page => {
      await page.goto(`${admin}/-/`);
      await page.locator('summary').click(); // so that all of it is looked at
    });
    await page('401-form', 'You are not signed in', 401, form('/app/send'));
    await page('401-loop', 'Signing in did not work', 401, async (page, context) => {
      await context.addCookies([{ name: '__clerk_redirect_count', value: '3', url: origin }, { name: '__client_uat', value: '1', url: origin }]);
      await page.goto(`${origin}/app/x`);
    });
    await page('403', "You don't have access", 403, go('/staff'), { signedIn: true });
    await page('403-form', "You don't have access", 403, form('/staff'), { signedIn: true });
    await page('403-another-origin', 'This came from another site', 403, form(`${origin}/app/send`, sibling), { signedIn: true });
    await page('404', 'Page not found', 404, go('/nothing'));
    await page('400-ambiguous', "This address can't be opened", 400, go('/app//x'));
    await page('400-developer', 'Clerk could not sign you in', 400, go('/app/x?__clerk_redirect_url=http://['));
    await page('413', 'This is too large', 413, form('/open/send', origin, 'x'.repeat(30000)));
    await page('502', 'The application is not available', 502, go('/down/x'));
    await page('502-form', 'The application is not available', 502, form('/down/x'));
    await page('504', 'The application takes too long', 504, go('/open/slow'));
    await page('508', "This page can't be reached", 508, go('/open/x'), { headers: { 'Clerkgate-Hops': '8' } });
    await page('clerk-404', 'Page not found', 404, go('/__clerk/nothing'));
    await page('sign-out', 'Sign out', 200, go('/.clerkgate/sign-out'), { signedIn: true });
    await control('fault', { method: 'POST', path: '/v1/sessions/*/revoke', status: 503 });
    await page('signed-out-here', 'Signed out in this browser', 200, async page => {
      await page.goto(`${origin}/.clerkgate/sign-out`);
      await page.click('button');
    }, { signedIn: true });
    await control('fault', { path: '/v1/client', status: 503 });
    await page('clerk-503', 'Signing in is not possible now', 503, go('/__clerk/v1/client'));
    assert.deepEqual(new Set(seen.values()), new Set(['12px']), 'the style sheet applies on each');
  });
}

test('a form that waits for longer than a session token lives', async t => {
  const lifetime = 1, accepted = 5; // seconds; an expired token is taken for a while, as clocks differ
  const { origin, received, signIn } = await stack(t, '--token-lifetime', `${lifetime}s`);
  const context = await chromium.browser.newContext();
  t.after(() => context.close());
  await signIn(context);
  const page = await context.newPage();
  await page.goto(`${origin}/open/form?to=/app/send`);
  await page.waitForTimeout((lifetime + accepted + 1) * 1000); // real time is what runs out
  await submit(page);
  await page.getByText('hello, POST').waitFor();
  assert.deepEqual(received, ['note=written+at+length']);
});

test('a refused form is sent again after signing in in a new tab', async t => {
  const { origin, received, signIn } = await stack(t);
  const context = await chromium.browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${origin}/open/form?to=/app/send`);
  await submit(page);
  const link = page.getByRole('link', { name: 'Sign in in a new tab' });
  await link.waitFor();
  const opened = context.waitForEvent('page');
  await link.click();
  const tab = await opened;
  await tab.waitForURL(/sign-in/);
  await signIn(context);
  await page.reload();
  await page.getByText('hello, POST').waitFor();
  assert.deepEqual(received, ['note=written+at+length']);
});

test('what was typed is there after going back from a refused form', async t => {
  const { origin } = await stack(t);
  const context = await chromium.browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${origin}/open/form?to=/app/send`);
  await submit(page);
  await page.getByText('You are not signed in').first().waitFor();
  await page.goBack();
  assert.equal(await page.inputValue('textarea'), 'written at length');
});
