// The page of `clerkgate demo`, looked at as people do who wait, click, use a keyboard, a screen reader, a phone, or no
// scripts. Screenshots go to SCREENSHOTS.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launched, startDemo } from './start.mjs';

const chromium = launched();
const axe = fileURLToPath(new URL('node_modules/axe-core/axe.min.js', import.meta.url));
const lifetime = 3, accepted = 5; // seconds; an expired token is taken for a while, as clocks differ

for (const [width, colorScheme] of [[1200, 'light'], [390, 'dark']]) {
  test(`the demo, ${width} pixels, ${colorScheme}`, async t => {
    const { origin } = await startDemo(t, '--token-lifetime', `${lifetime}s`);
    // axe-core is evaluated on the page, past its content security policy.
    const context = await chromium.browser.newContext({ viewport: { width, height: 900 }, colorScheme, reducedMotion: 'reduce', bypassCSP: true });
    t.after(() => context.close());
    const page = await context.newPage();
    const problems = [];
    page.on('pageerror', error => problems.push(error.message));
    page.on('console', message => message.type() === 'error' && problems.push(message.text()));
    const look = async name => {
      if (process.env.SCREENSHOTS) {
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `demo-${width}-${colorScheme}-${name}.png`), fullPage: true });
      }
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: wider than the window`);
      await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`), [], name);
    };
    const told = words => page.waitForFunction(words => document.getElementById('what').textContent.includes(words), words);
    const life = () => page.getAttribute('#life', 'data-life');
    const expired = () => page.waitForFunction(() => document.getElementById('life').dataset.life === 'over');

    await page.goto(`${origin}/`);
    await told('never seen this browser');
    await look('signed-out');

    // By keyboard alone.
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Sign in');
    await page.keyboard.press('Enter');
    await page.waitForURL(/sign-in/);
    await look('sign-in');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${origin}/`);
    assert.equal(await page.textContent('#identity'), 'jane@example.com');
    await told('You signed in at Clerk');
    await look('signed-in');
    const reached = [];
    for (let i = 0; i < 4; i++) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.textContent));
    }
    assert.deepEqual(reached, ['Sign out', 'Reload', 'Make the refresh token invalid', 'End my session']);

    await expired();
    assert.equal(await page.textContent('#left'), '0');
    assert.match(await page.textContent('#spoken'), /The token has expired/);
    await look('expired');
    await page.getByRole('link', { name: 'Reload' }).click();
    await told('exchanged it at Clerk');
    assert.notEqual(await life(), 'over');
    await look('refreshed');

    await expired();
    await page.getByRole('button', { name: 'Make the refresh token invalid' }).click();
    await page.waitForSelector('#note');
    await look('refresh-token-invalid');
    await expired();
    await page.reload();
    await told('could not be refreshed');
    assert.equal(await page.locator('#note').count(), 0, 'what was said of the old token is no longer true');
    await look('handshake');
    await page.getByRole('button', { name: 'End my session' }).click();
    await told('The session ended at Clerk');
    assert.equal(await page.locator('#identity').count(), 0);
    await look('session-ended');
    assert.deepEqual(problems, []);
  });
}

test('the demo tells of requests as they come', async t => {
  const { origin } = await startDemo(t);
  const context = await chromium.browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const streaming = page.waitForResponse(response => response.url().includes('/events'));
  const first = await page.goto(`${origin}/`);
  assert.ok((await first.body()).length < 100 * 1024);
  await streaming;
  const requests = page.locator('#events li');
  for (let i = 0; i < 12; i++) await fetch(`${origin}/api/me?${i}`);
  await page.waitForFunction(() => [...document.querySelectorAll('#events li')].every(li => li.textContent.includes('/api/me')));
  assert.equal(await requests.count(), 10);
  assert.equal(await page.getAttribute('#picture', 'data-lit'), 'gate app');
});

test('the demo without scripts', async t => {
  const { origin } = await startDemo(t, '--token-lifetime', '1s');
  const context = await chromium.browser.newContext({ javaScriptEnabled: false });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'jane@example.com' }).click();
  await page.waitForURL(`${origin}/`);
  await page.waitForTimeout((1 + accepted + 1) * 1000); // real time is what runs out
  await page.getByRole('link', { name: 'Reload' }).click();
  await page.getByText('exchanged it at Clerk').waitFor();
  await page.getByRole('button', { name: 'End my session' }).click();
  await page.getByText('The session ended at Clerk').waitFor();
});
