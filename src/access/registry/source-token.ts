import { createHash } from 'node:crypto';

const PREFIX = 'tsrc_';

/** Text of a token, from 32 random bytes. */
export const tokenText = (random: Buffer): string => PREFIX + random.toString('base64url');

/** The stored form of a token. The text is random and long, so a plain hash is sufficient. */
export const tokenHash = (text: string): string => createHash('sha256').update(text).digest('hex');
