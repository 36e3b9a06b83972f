import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** A key for {@link seal}: 32 bytes, and a name by which a sealed text says which key opens it. */
export interface SecretKey {
  readonly id: string;
  readonly bytes: Buffer;
}

const FORM = 'v1';

/** A key out of 64 hex digits or 44 characters of base64; undefined when the text is neither. */
export function secretKey(text: string): SecretKey | undefined {
  const given = text.trim();
  const bytes = /^[0-9a-f]{64}$/i.test(given) ? Buffer.from(given, 'hex') : /^[\w+/-]{43}=$/.test(given) ? Buffer.from(given, 'base64') : undefined;
  return bytes?.length === 32 ? { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes } : undefined;
}

/** A fresh key as text that {@link secretKey} understands. */
export const newSecretKey = (): string => randomBytes(32).toString('base64');

/** AES-256-GCM. `about` is bound to the text: it can only be opened by those who say the same, so that sealed texts cannot change places. */
export function seal(text: string, about: string, key: SecretKey): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(Buffer.from(about));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return [FORM, key.id, ...[nonce, cipher.getAuthTag(), sealed].map((part) => part.toString('base64'))].join('.');
}

/** The text, or why it cannot be had: `no key` of that id is among `keys`, or it was `altered`, or it is about something else. */
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
