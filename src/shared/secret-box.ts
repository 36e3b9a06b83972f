import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** A key for {@link seal}: 32 bytes, and an id by which a sealed text identifies its key. */
export interface SecretKey {
  readonly id: string;
  readonly bytes: Buffer;
}

const FORM = 'v1';

/** A key from 64 hex digits or 44 characters of base64; undefined when the text is neither. */
export function secretKey(text: string): SecretKey | undefined {
  const given = text.trim();
  const bytes = /^[0-9a-f]{64}$/i.test(given) ? Buffer.from(given, 'hex') : /^[\w+/-]{43}=$/.test(given) ? Buffer.from(given, 'base64') : undefined;
  return bytes?.length === 32 ? { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes } : undefined;
}

/** A new random key, as text that {@link secretKey} accepts. */
export const newSecretKey = (): string => randomBytes(32).toString('base64');

/** Encrypts with AES-256-GCM. `about` is authenticated data: {@link open} requires the same value, so that sealed texts cannot be swapped. */
export function seal(text: string, about: string, key: SecretKey): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(Buffer.from(about));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return [FORM, key.id, ...[nonce, cipher.getAuthTag(), sealed].map((part) => part.toString('base64'))].join('.');
}

/** The decrypted text, or the reason for failure: `no key` of that id is in `keys`, or the text was `altered` or `about` differs. */
export function open(sealed: string, about: string, keys: readonly SecretKey[]): { readonly text: string } | 'no key' | 'altered' {
  const [form, id, ...parts] = sealed.split('.');
  const key = keys.find((each) => each.id === id);
  if (!key) return 'no key';
  const [nonce, tag, bytes] = parts.map((part) => Buffer.from(part, 'base64'));
  if (form !== FORM || nonce?.length !== 12 || tag?.length !== 16 || !bytes) return 'altered';
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce).setAAD(Buffer.from(about)).setAuthTag(tag);
    return { text: decipher.update(bytes, undefined, 'utf8') + decipher.final('utf8') };
  } catch {
    return 'altered';
  }
}
