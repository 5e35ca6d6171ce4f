// @clerk/clerk-js in Chromium on `clerkgate demo`: everything that it asks of Clerk goes through clerkgate's Frontend
// API proxy. Screenshots go to SCREENSHOTS.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launched, startDemo } from './start.mjs';

const chromium = launched();
const script = fileURLToPath(new URL('node_modules/@clerk/clerk-js/dist/clerk.browser.js', import.meta.url));
const lifetime = 20; // clerk-js renews such a token every three seconds

for (const [kind, ...args] of [['development'], ['production', '--production']]) {
  test(`clerk-js, ${kind} keys`, async t => {
    const { origin, key } = await startDemo(t, '--token-lifetime', `${lifetime}s`, ...args);
    const context = await chromium.browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    const asked = [];
    page.on('request', request => {
      const url = new URL(request.url());
      if (url.origin === origin && url.pathname.startsWith('/__clerk/v1')) asked.push(`${request.method()} ${url.pathname}`);
      else if (url.origin !== origin) asked.push(`elsewhere: ${url.origin}`);
    });
    // A page of the application's own origin with the script as npm has it.
    await page.route(`${origin}/compat`, route => route.fulfill({
      contentType: 'text/html',
      body: `<!doctype html><title>compat</title><script src="/compat.js"
        data-clerk-publishable-key="${key}" data-clerk-proxy-url="${origin}/__clerk"></script>`,
    }));
    await page.route(`${origin}/compat.js`, route => route.fulfill({ path: script, contentType: 'text/javascript' }));
    const open = async () => {
      await page.goto(`${origin}/compat`);
      await page.evaluate(() => window.Clerk.load({ telemetry: false }));
    };
    const user = () => page.evaluate(() => window.Clerk.user?.primaryEmailAddress?.emailAddress ?? null);
    const me = () => page.evaluate(async () => (await fetch('/api/me')).status);

    await open();
    assert.equal(await user(), null);
    assert.notEqual(await me(), 200);

    await page.evaluate(async () => {
      const attempt = await window.Clerk.client.signIn.create({
        strategy: 'password', identifier: 'jane@example.com', password: 'correct horse',
      });
      await window.Clerk.setActive({ session: attempt.createdSessionId });
    });
    assert.equal(await user(), 'jane@example.com');
    assert.equal(await me(), 200);
    const token = await page.evaluate(() => window.Clerk.session.getToken());
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    assert.equal(claims.azp, origin);
    assert.equal(claims.exp - claims.iat, lifetime);
    assert.notEqual(await page.evaluate(() => window.Clerk.session.getToken({ skipCache: true })), token);

    // The renewal in the background.
    const renewed = () => page.waitForRequest(request => request.url().includes('/tokens'), { timeout: 15_000 });
    await renewed();
    await renewed();

    await open(); // signed in by the cookies alone
    assert.equal(await user(), 'jane@example.com');
    if (process.env.SCREENSHOTS) {
      const shown = await context.newPage();
      await shown.goto(origin);
      await shown.screenshot({ path: join(process.env.SCREENSHOTS, `signed-in-${kind}.png`) });
      await shown.close();
    }

    await page.evaluate(() => void window.Clerk.signOut()); // it leads away from the page
    await page.waitForURL(`${origin}/`);
    await open();
    assert.equal(await user(), null);
    assert.notEqual(await me(), 200);

    await page.evaluate(async () => {
      const attempt = await window.Clerk.client.signIn.create({ identifier: 'omar@example.com' });
      const factor = attempt.supportedFirstFactors.find(f => f.strategy === 'email_code');
      await attempt.prepareFirstFactor({ strategy: 'email_code', emailAddressId: factor.emailAddressId });
      const done = await attempt.attemptFirstFactor({ strategy: 'email_code', code: '424242' });
      await window.Clerk.setActive({ session: done.createdSessionId });
    });
    assert.equal(await user(), 'omar@example.com');
    assert.equal(await me(), 200);

    // Signing out by a form is believed by clerk-js, which knows nothing of it.
    const copy = await page.evaluate(() => window.Clerk.session.getToken());
    const held = async () => (await context.cookies(origin)).filter(c => /^__(session|refresh)/.test(c.name) && c.value);
    assert.notDeepEqual(await held(), []);
    await page.goto(`${origin}/.clerkgate/sign-out`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${origin}/`);
    assert.deepEqual(await held(), []);
    const { status } = await fetch(`${origin}/api/me`, { headers: { authorization: `Bearer ${copy}` } });
    assert.equal(status, 401, 'the token lives on, its session does not');
    await open();
    assert.equal(await user(), null);
    assert.notEqual(await me(), 200);

    assert.deepEqual(asked.filter(line => line.startsWith('elsewhere')), []);
    assert.equal(asked.some(line => line.endsWith('/v1/dev_browser')), kind === 'development');
  });
}
