const KEY = /^[\x21-\x40\x5b-\x7e]{1,64}$/;

/** True for a key that every database stores and compares exactly: 1 to 64 printable ASCII characters, no capitals, no blanks. */
export const isKey = (text: string): boolean => KEY.test(text);
export const NOT_A_KEY = 'must be 1 to 64 printable ASCII characters without capital letters';
