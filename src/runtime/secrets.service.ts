import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../config.js';
import { TocsinError } from '../shared/errors.js';
import { newSecretKey, open, seal, type SecretKey, secretKey } from '../shared/secret-box.js';

/**
 * Encrypts values that must be stored but never shown. Keys come from SECRET_KEY or SECRET_KEY_FILE: the first one encrypts, all decrypt.
 * Without either, the embedded mode creates DATA_DIR/secret.key when the first secret is stored.
 */
@Injectable()
export class Secrets {
  #keys: readonly SecretKey[] | undefined;

  constructor(@Inject(Config) private readonly config: Pick<Config, 'mode' | 'DATA_DIR' | 'SECRET_KEY' | 'SECRET_KEY_FILE'>) {}

  /** Throws {@link TocsinError} T7023 when there is no valid key. */
  seal(text: string, about: string): string {
    const [first] = this.#load(true);
    if (!first) throw new TocsinError('T7023', 'set SECRET_KEY (or SECRET_KEY_FILE) to the same 32 bytes in hex or base64 on every replica');
    return seal(text, about, first);
  }

  /** Throws {@link TocsinError} T7024 when no key decrypts it. */
  open(sealed: string, about: string): string {
    const opened = open(sealed, about, this.#load(false));
    if (typeof opened !== 'string') return opened.text;
    const why = opened === 'no key' ? 'encrypted with a key that is not in SECRET_KEY' : 'ciphertext is corrupt';
    throw new TocsinError('T7024', `${why}; set the secret again`);
  }

  #load(make: boolean): readonly SecretKey[] {
    return (this.#keys ??= this.#read(make)) ?? [];
  }

  #read(make: boolean): readonly SecretKey[] | undefined {
    const { SECRET_KEY, SECRET_KEY_FILE, DATA_DIR, mode } = this.config;
    if (SECRET_KEY) return parse('SECRET_KEY', SECRET_KEY);
    if (SECRET_KEY_FILE) return parse('SECRET_KEY_FILE', readKeyFile(SECRET_KEY_FILE));
    if (mode === 'distributed') return undefined;
    const path = join(DATA_DIR, 'secret.key');
    if (existsSync(path)) return parse(path, readKeyFile(path));
    if (!make) return undefined;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${newSecretKey()}\n`, { mode: 0o600, flag: 'wx' });
    return parse(path, readKeyFile(path));
  }
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TocsinError('T7023', `key file ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function parse(from: string, text: string): SecretKey[] {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((each, index) => {
      const key = secretKey(each);
      if (!key) throw new TocsinError('T7023', `key ${index + 1} in ${from} is not 32 bytes in hex or base64`);
      return key;
    });
}
