// Builds the URLs of createRedirect in Clerk's own SDK: one JSON line in, one out.
import { createInterface } from 'node:readline';
import { createRedirect } from '@clerk/backend/internal';

function build({ params, returnBackUrl }) {
  try {
    const { redirectToSignIn, redirectToSignUp } = createRedirect({ ...params, redirectAdapter: url => url });
    return { signIn: redirectToSignIn({ returnBackUrl }), signUp: redirectToSignUp({ returnBackUrl }) };
  } catch (e) {
    return { throws: String(e?.message ?? e) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(build(JSON.parse(line))) + '\n');
}
