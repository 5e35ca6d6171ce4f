// Programs and the browser that the tests need. CLERKGATE and NETHTTP name the binaries and CHROMIUM the browser; run.sh
// finds them all.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';

import { chromium } from 'playwright-core';

/** The browser of a test file, while its tests run. */
export function launched() {
  const held = {};
  before(async () => {
    held.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      // With navigator.webdriver set, clerk-js believes to be offline in places.
      args: ['--no-sandbox', '--disable-blink-features=AutomationControlled'],
    });
  });
  after(() => held.browser?.close());
  return held;
}

/** Starts a program until the test ends and answers what `found` makes of its lines so far, once that is something. */
export function start(t, program, args, env, found) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const lines = [];
  return new Promise((resolve, reject) => {
    child.on('exit', code => reject(new Error(`${program} ended with ${code}:\n${lines.join('\n')}`)));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => {
        lines.push(line);
        const answer = found(lines);
        if (answer) resolve(answer);
      });
    }
  });
}

/** Starts a demo and answers where it is, with its publishable key. */
export function startDemo(t, ...args) {
  return start(t, process.env.CLERKGATE, ['demo', '--listen', '127.0.0.1:0', '--clerk-listen', '127.0.0.1:0', ...args], {}, lines => {
    if (!lines.at(-1).includes('Ctrl-C')) return;
    const fact = name => lines.join('\n').match(new RegExp(`^ {2}${name} +(\\S+)$`, 'm'))[1];
    return { origin: fact('Open'), key: fact('Publishable key') };
  });
}
