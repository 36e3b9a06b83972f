import { createHash } from 'node:crypto';

const PREFIX = 'tsrc_';

/** A token as its holder writes it, out of 32 random bytes. */
export const tokenText = (random: Buffer): string => PREFIX + random.toString('base64url');

/** What is stored of a token. The text is random and long, so a plain hash keeps it. */
export const tokenHash = (text: string): string => createHash('sha256').update(text).digest('hex');
