// `node --import ./test/support/typescript.mjs x.ts` runs TypeScript as it stands here, for processes that tests start without a build.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
